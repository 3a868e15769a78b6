//! The use cases of the catalog.

mod catalog;
mod change;
mod event;
mod sale;
mod seats;
mod venue;

pub use catalog::CatalogService;
pub use event::find_event;
