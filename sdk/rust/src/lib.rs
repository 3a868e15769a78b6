//! A Rust client for Boxoffice.
//!
//! ```no_run
//! use boxoffice_sdk::booking::v1::HoldSeatsRequest;
//! use boxoffice_sdk::identity::v1::CreateGuestSessionRequest;
//! use boxoffice_sdk::{Client, Error, ErrorReason};
//!
//! # async fn buy(event_id: String, seat_ids: Vec<String>) -> Result<(), Error> {
//! let client = Client::connect("http://127.0.0.1:50051").await?;
//! client.create_guest_session(CreateGuestSessionRequest::default()).await?;
//! let request = HoldSeatsRequest { event_id, seat_ids, ..Default::default() };
//! match client.hold_seats(request).await {
//!     Ok(response) => println!("held: {:?}", response.hold),
//!     Err(error) if error.reason() == ErrorReason::SeatsTaken => {
//!         println!("taken: {:?}", error.conflicts());
//!     }
//!     Err(error) => return Err(error),
//! }
//! # Ok(())
//! # }
//! ```
//!
//! What a caller need not think about:
//!
//! * **Retries.** A call that met UNAVAILABLE is repeated with the same request id, at most five
//!   tries in all and never past its deadline, so it takes effect once; or for as long as
//!   [`Client::with_patience`] says, which outlasts a restart. An empty `request_id` is filled in.
//!   ABORTED is an answer, not a fault, and is never repeated.
//! * **Sign-in.** [`Client`] and its clones share one sign-in; its access token is renewed shortly
//!   before it expires. [`Client::another_session`] gives a client for another caller.
//! * **Streams.** [`Client::watch_seats`] and [`Client::watch_booking`] go on where they stopped
//!   when a connection breaks. [`SeatView`] folds the former into the state of every seat.
//! * **Gates.** A [`Gate`] lets the holders of tickets in, goes on by itself when its network is
//!   lost, and tells the server afterwards.

mod client;
mod error;
mod gate;
mod retry;
mod rpc;
mod seat_view;
mod session;
mod sign_in;
mod watch;

pub use boxoffice_proto::r#type::v1::ErrorReason;
pub use boxoffice_proto::{
    booking, catalog, identity, operations, payment, reporting, ticket, r#type,
};
pub use client::Client;
pub use error::{Error, FieldViolation};
pub use gate::{CodeContent, Gate, Refusal, Scan};
pub use prost_types::{Duration, FieldMask, Timestamp};
pub use seat_view::{Fold, SeatView};
pub use tonic::Code;
pub use watch::{BookingStream, SeatStream};
