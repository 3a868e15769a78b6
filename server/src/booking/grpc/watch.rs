//! The server streams.

use std::pin::Pin;
use std::time::Duration;

use boxoffice_proto::booking::v1 as wire;
use futures::{Stream, stream};
use tokio::sync::broadcast::Receiver;
use tonic::Status;

use super::map;
use crate::booking::feed::SeatWatch;
use crate::booking::service::BookingService;
use crate::kernel::caller::Caller;
use crate::kernel::id::BookingId;
use crate::store::Signal;
use crate::transport::streams::StreamLife;

/// A stream of responses, as tonic takes it.
pub(super) type Responses<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

/// How often a booking is looked at, should a signal have been lost.
const LOOK_SPAN: Duration = Duration::from_secs(1);

pub(super) fn seats(watch: SeatWatch, life: StreamLife) -> Responses<wire::WatchSeatsResponse> {
    Box::pin(stream::unfold(Some((watch, life)), async |state| {
        let (mut watch, life) = state?;
        let cursor = watch.cursor();
        let over = life.end(|| match cursor {
            Some(at) => {
                vec![("epoch", at.epoch.to_string()), ("revision", at.revision.to_string())]
            }
            None => Vec::new(),
        });
        tokio::select! {
            status = over => Some((Err(status), None)),
            update = watch.next() => match update {
                Ok(update) => Some((Ok(map::update(update)), Some((watch, life)))),
                Err(error) => Some((Err(error.into()), None)),
            },
        }
    }))
}

/// What a watcher of a booking knows.
pub(super) struct BookingWatch {
    pub bookings: BookingService,
    pub caller: Caller,
    pub booking_id: BookingId,
    pub signals: Receiver<Signal>,
    /// The version that was sent last.
    pub version: i64,
}

pub(super) fn booking(
    watch: BookingWatch,
    life: StreamLife,
) -> Responses<wire::WatchBookingResponse> {
    Box::pin(stream::unfold(Some((watch, life)), async |state| {
        let (mut watch, life) = state?;
        tokio::select! {
            status = life.end(Vec::new) => Some((Err(status), None)),
            next = watch.next() => match next {
                Ok(booking) => Some((Ok(booking), Some((watch, life)))),
                Err(status) => Some((Err(status), None)),
            },
        }
    }))
}

impl BookingWatch {
    /// The booking once it is newer than what was sent.
    async fn next(&mut self) -> Result<wire::WatchBookingResponse, Status> {
        loop {
            let booking = self.bookings.booking(&self.caller, self.booking_id).await?;
            if booking.version > self.version {
                self.version = booking.version;
                return Ok(wire::WatchBookingResponse { booking: Some(map::booking(booking)) });
            }
            let heard = async {
                loop {
                    match self.signals.recv().await {
                        Ok(Signal::Booking(id)) if id == self.booking_id => return,
                        Ok(_) => {}
                        // Too much was said to hear it all: look.
                        Err(_) => return,
                    }
                }
            };
            // Whether it was heard or not, the booking is looked at.
            drop(tokio::time::timeout(LOOK_SPAN, heard).await);
        }
    }
}
