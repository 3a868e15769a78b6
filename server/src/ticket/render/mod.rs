//! Tickets as images that people can hold. One layout, and one file for each format it is drawn in.

mod code_image;
mod font;
mod layout;
#[cfg(test)]
mod layout_tests;
mod modules;
mod png;
mod svg;

pub use code_image::code_png;
pub use layout::{Drawing, TicketFacts};
