//! Identity's tables.

mod audit;
mod guest;
mod reset;
mod service_account;
mod sign_in;
mod throttle;
mod user;
