//! What a request for a new password is good for.

use std::time::Duration;

use crate::kernel::id::{ResetId, UserId};
use crate::kernel::time::Timestamp;

/// How long the token of a request works.
const RESET_SPAN: Duration = Duration::from_secs(60 * 60);
/// How long a request is kept after that.
const RESET_KEPT: Duration = Duration::from_secs(24 * 60 * 60);

/// A request for a new password.
#[derive(Clone, Copy, Debug)]
pub struct PasswordReset {
    /// Its id.
    pub reset_id: ResetId,
    /// Whose password.
    pub user_id: UserId,
    /// When it was made.
    pub create_time: Timestamp,
    /// When its token stops working.
    pub expire_time: Timestamp,
    /// When it was used, or made useless by another change of the password.
    pub use_time: Option<Timestamp>,
}

impl PasswordReset {
    /// A request of this user, made now.
    pub fn requested(reset_id: ResetId, user_id: UserId, now: Timestamp) -> Self {
        let expire_time = now + RESET_SPAN;
        Self { reset_id, user_id, create_time: now, expire_time, use_time: None }
    }

    /// Whether its token works.
    pub fn is_open(&self, now: Timestamp) -> bool {
        self.use_time.is_none() && now < self.expire_time
    }
}

/// Requests whose time was over then are no longer needed.
pub fn forgettable_before(now: Timestamp) -> Timestamp {
    now - RESET_KEPT
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_open_for_an_hour_and_until_it_is_used() {
        let now = Timestamp::from_micros(1_800_000_000_000_000);
        let (reset_id, user_id) = (ResetId::new(now, [1; 10]), UserId::new(now, [2; 10]));
        let reset = PasswordReset::requested(reset_id, user_id, now);
        assert!(reset.is_open(now) && reset.is_open(now + Duration::from_secs(3_599)));
        assert!(!reset.is_open(now + Duration::from_secs(3_600)));
        assert!(!PasswordReset { use_time: Some(now), ..reset }.is_open(now));
    }
}
