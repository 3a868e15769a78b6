//! The gRPC contract of Boxoffice. The protos beside this file are its documentation; the modules
//! here are generated from them and named after their packages.

use std::sync::LazyLock;

pub use prost_reflect;
use prost_reflect::DescriptorPool;

/// The encoded descriptors of every proto, custom options included.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));

/// The same descriptors, decoded: for reflection and for reading the access options.
pub static POOL: LazyLock<DescriptorPool> = LazyLock::new(|| {
    DescriptorPool::decode(DESCRIPTORS).expect("the embedded descriptors are our own")
});

#[expect(clippy::all, reason = "generated code")]
mod generated {
    include!(concat!(env!("OUT_DIR"), "/packages.rs"));
}

pub use generated::boxoffice::{
    booking, catalog, events, identity, operations, payment, reporting, ticket, r#type,
};
