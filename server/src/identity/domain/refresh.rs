//! What a refresh token is good for. Each works once; its use makes its one successor, so that a
//! sign-in is a chain without branches (RFC 9700, 4.14.2).

use std::time::Duration;

use crate::kernel::caller::SessionId;
use crate::kernel::time::Timestamp;

/// How long an answer that was lost can be asked for again.
pub const REPEAT_GRACE: Duration = Duration::from_secs(10);
/// How long a user's refresh token lasts unused.
const USER_IDLE_SPAN: Duration = Duration::from_secs(30 * 24 * 60 * 60);
/// How long a user's sign-in lasts, however often it is refreshed.
const USER_LIFE_SPAN: Duration = Duration::from_secs(90 * 24 * 60 * 60);
/// How long a guest's refresh token lasts unused.
const GUEST_IDLE_SPAN: Duration = Duration::from_secs(24 * 60 * 60);
/// How long a guest's session lasts, however often it is refreshed.
const GUEST_LIFE_SPAN: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// A sign-in: the chain of refresh tokens that began with it.
#[derive(Clone, Copy, Debug)]
pub struct Family {
    /// Who signed in.
    pub session: SessionId,
    /// When it ends in any case.
    pub expire_time: Timestamp,
    /// Whether it was ended: by Logout or because a token came twice.
    pub revoked: bool,
}

/// A refresh token, as far as the rules need it.
#[derive(Clone, Debug)]
pub struct TokenState {
    /// When it stops working if it is not used.
    pub expire_time: Timestamp,
    /// When it was used.
    pub use_time: Option<Timestamp>,
    /// The token its use made.
    pub successor: Option<Successor>,
}

/// The successor of a refresh token.
#[derive(Clone, Debug)]
pub struct Successor {
    /// What it is known by.
    pub hash: Vec<u8>,
    /// When it stops working if it is not used.
    pub expire_time: Timestamp,
    /// Whether it was used.
    pub used: bool,
}

/// What becomes of a token that is presented.
#[derive(Clone, Debug)]
pub enum RefreshDecision {
    /// It is used up, and its successor is made.
    Rotate,
    /// Its answer was lost: the same successor is given again.
    RepeatSuccessor(Successor),
    /// It, or its successor, is in two hands: the whole family is revoked.
    Reuse,
    /// It is of no use.
    Invalid,
}

/// Decides what becomes of a token of `family` that is presented `now`.
pub fn decide(token: &TokenState, family: &Family, now: Timestamp) -> RefreshDecision {
    if family.revoked || family.expire_time <= now {
        return RefreshDecision::Invalid;
    }
    let Some(use_time) = token.use_time else {
        let alive = now < token.expire_time;
        return if alive { RefreshDecision::Rotate } else { RefreshDecision::Invalid };
    };
    match &token.successor {
        Some(successor)
            if !successor.used && now.since(use_time) <= REPEAT_GRACE
                || planted!(UsedTokenStillWorks) =>
        {
            RefreshDecision::RepeatSuccessor(successor.clone())
        }
        Some(_) | None => RefreshDecision::Reuse,
    }
}

/// When a sign-in that begins now ends in any case. Services have none: their secret is enough.
pub fn family_expire_time(session: SessionId, now: Timestamp) -> Timestamp {
    match session {
        SessionId::User(_) => now + USER_LIFE_SPAN,
        SessionId::Guest(_) => now + GUEST_LIFE_SPAN,
        SessionId::Service(_) => now,
    }
}

/// When a token of `family` that is made now stops working if it is not used.
pub fn token_expire_time(family: &Family, now: Timestamp) -> Timestamp {
    let idle = match family.session {
        SessionId::User(_) => USER_IDLE_SPAN,
        SessionId::Guest(_) => GUEST_IDLE_SPAN,
        SessionId::Service(_) => Duration::ZERO,
    };
    family.expire_time.min(now + idle)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::id::{GuestId, UserId};

    const START: Timestamp = Timestamp::from_micros(1_800_000_000_000_000);

    fn at(seconds: u64) -> Timestamp {
        START + Duration::from_secs(seconds)
    }

    fn family() -> Family {
        let session = SessionId::User(UserId::new(START, [1; 10]));
        Family { session, expire_time: family_expire_time(session, START), revoked: false }
    }

    fn unused() -> TokenState {
        let expire_time = token_expire_time(&family(), START);
        TokenState { expire_time, use_time: None, successor: None }
    }

    fn used_at(seconds: u64, successor_used: bool) -> TokenState {
        let successor = Successor { hash: vec![1], expire_time: at(9_999), used: successor_used };
        TokenState { use_time: Some(at(seconds)), successor: Some(successor), ..unused() }
    }

    fn name(token: &TokenState, family: &Family, now: Timestamp) -> &'static str {
        match decide(token, family, now) {
            RefreshDecision::Rotate => "rotate",
            RefreshDecision::RepeatSuccessor(_) => "repeat",
            RefreshDecision::Reuse => "reuse",
            RefreshDecision::Invalid => "invalid",
        }
    }

    #[test]
    fn an_unused_token_works_until_it_has_been_idle_too_long() {
        let end = USER_IDLE_SPAN.as_secs();
        assert_eq!(name(&unused(), &family(), at(0)), "rotate");
        assert_eq!(name(&unused(), &family(), at(end - 1)), "rotate");
        assert_eq!(name(&unused(), &family(), at(end)), "invalid");
    }

    #[test]
    fn a_lost_answer_can_be_had_again_for_ten_seconds() {
        assert_eq!(name(&used_at(100, false), &family(), at(100)), "repeat");
        assert_eq!(name(&used_at(100, false), &family(), at(110)), "repeat");
        assert_eq!(name(&used_at(100, false), &family(), at(111)), "reuse");
        // A replica whose clock is a little behind.
        assert_eq!(name(&used_at(100, false), &family(), at(99)), "repeat");
    }

    #[test]
    fn once_the_successor_is_used_any_repeat_is_a_theft() {
        assert_eq!(name(&used_at(100, true), &family(), at(101)), "reuse");
        let orphan = TokenState { use_time: Some(at(100)), ..unused() };
        assert_eq!(name(&orphan, &family(), at(101)), "reuse");
    }

    #[test]
    fn nothing_works_after_the_sign_in_has_ended() {
        let revoked = Family { revoked: true, ..family() };
        let end = USER_LIFE_SPAN.as_secs();
        for token in [unused(), used_at(100, false), used_at(100, true)] {
            assert_eq!(name(&token, &revoked, at(101)), "invalid");
            assert_eq!(name(&token, &family(), at(end)), "invalid");
        }
    }

    #[test]
    fn no_token_outlives_its_sign_in() {
        let late = at(USER_LIFE_SPAN.as_secs() - 60);
        assert_eq!(token_expire_time(&family(), late), family().expire_time);
        let guest = SessionId::Guest(GuestId::new(START, [1; 10]));
        let guest = Family { session: guest, ..family() };
        assert_eq!(token_expire_time(&guest, START), START + GUEST_IDLE_SPAN);
        assert_eq!(family_expire_time(guest.session, START), START + GUEST_LIFE_SPAN);
    }
}
