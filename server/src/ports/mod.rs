//! What the platform needs from technologies of which there are several: a trait a file, with its
//! contract in MUST sentences. One suite tests every adapter of a port.

pub mod bus;
pub mod clock;
pub mod gateway;
pub mod holds;
pub mod mailer;
