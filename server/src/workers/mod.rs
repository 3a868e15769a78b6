//! What goes on by itself: events leave, what is over ends, the gateway is asked again.

mod listener;
mod relay;
mod rounds;

pub use listener::listen;
pub use relay::relay_events;
pub use rounds::{repeat, repeat_on};
