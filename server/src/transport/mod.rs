//! The port: layers that every call passes, and what maps between the wire and the contexts.

pub mod access;
pub mod answers;
pub mod auth;
mod calls;
pub mod connections;
pub mod health;
pub mod parse;
pub mod request_key;
pub mod server;
pub mod status;
pub mod streams;
pub mod webhooks;
pub mod wire;
