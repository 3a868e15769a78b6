//! How streams end: with their token, after a while, or with the server.

use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tonic::Status;

use super::status;
use crate::error::Reason;
use crate::kernel::caller::Caller;
use crate::kernel::limits::ANONYMOUS_STREAM_DURATION;
use crate::kernel::time::Timestamp;

/// Until when a stream may go on.
#[derive(Clone)]
pub struct StreamLife {
    stop: CancellationToken,
    until: Instant,
    with_token: bool,
}

impl StreamLife {
    /// The life of a stream that begins now: until its caller's token expires, or for a while if
    /// there is none, and never beyond `stop`.
    pub fn begin(caller: Option<&Caller>, now: Timestamp, stop: CancellationToken) -> Self {
        let rest = caller.map_or(ANONYMOUS_STREAM_DURATION, |c| c.token_expire_time.since(now));
        // A far deadline may not be representable; a day is as good as for ever.
        let until = Instant::now() + rest.min(Duration::from_secs(24 * 60 * 60));
        Self { stop, until, with_token: caller.is_some() }
    }

    /// Waits for the end and tells how it came. Clients go on with the cursor of the last message,
    /// which is repeated here as text.
    pub async fn end(&self, cursor: impl FnOnce() -> Vec<(&'static str, String)>) -> Status {
        let stopped = tokio::select! {
            () = self.stop.cancelled() => true,
            () = tokio::time::sleep_until(self.until) => false,
        };
        if stopped {
            return status::stream_over("the server is stopping; go on elsewhere", &cursor());
        }
        if !self.with_token {
            return status::stream_over("the stream has lasted long enough; go on", &cursor());
        }
        let mut expired = Reason::TokenExpired.rejection();
        expired.metadata = cursor();
        crate::error::Error::from(expired).into()
    }
}
