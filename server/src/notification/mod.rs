//! Mails: what happens becomes a notification, once, and leaves as soon as it can.

pub mod consumer;
pub mod domain;
mod events;
pub mod service;
mod store;
mod templates;
