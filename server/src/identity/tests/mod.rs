//! What tests of identity, and of what stands before it, share.

pub(crate) mod fixture;
