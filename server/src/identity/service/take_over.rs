//! Taking over what a guest has.

use super::sign_in::IdentityService;
use crate::error::{Error, Reason, Result};
use crate::identity::domain::account::{TELL_AGAIN_SPAN, TakeOver, User};
use crate::identity::domain::refresh::{RefreshDecision, decide};
use crate::identity::events;
use crate::identity::tokens::RefreshSecret;
use crate::kernel::caller::SessionId;
use crate::kernel::id::{GuestId, UserId};
use crate::kernel::time::Timestamp;
use crate::store::{Event, Tx};

/// Guests of whom one round tells again at the most.
const TELL_AGAIN_MAX: i64 = 100;

fn refused() -> Error {
    let must = "must be the newest refresh token of a guest session that is nobody else's";
    Error::field("guest_refresh_token", must)
}

/// Which guest is taken over by which user, if that is what an event tells; for the contexts that
/// keep what belongs to sessions.
pub fn takeover(event: &Event) -> Result<Option<(SessionId, SessionId)>> {
    events::takeover(event)
}

/// Gives the guest whose refresh token this is to a user who is locked or new, ends the guest
/// session and tells of it. Answers with the user as it is then.
pub(super) async fn take_over(
    tx: &mut Tx,
    user: User,
    refresh_token: &str,
    now: Timestamp,
) -> Result<User> {
    let hash = RefreshSecret::parse(refresh_token).ok_or_else(refused)?.hash();
    let family_id = tx.family_of_token(&hash).await?.ok_or_else(refused)?;
    let family = tx.lock_family(family_id).await?.ok_or_else(refused)?;
    let SessionId::Guest(guest_id) = family.session else { return Err(refused()) };
    let guest = tx.lock_guest(guest_id).await?.ok_or_else(refused)?;
    match guest.take_over(user.user_id) {
        TakeOver::Now => {}
        TakeOver::Already => return Ok(user),
        TakeOver::Refused => return Err(refused()),
    }
    let token = tx.refresh_token(&hash).await?.ok_or_else(refused)?;
    if !matches!(decide(&token, &family, now), RefreshDecision::Rotate) {
        return Err(refused());
    }
    if !tx.give_guest(guest_id, user.user_id, now + TELL_AGAIN_SPAN).await? {
        return Err(Reason::ChangedMeanwhile.into());
    }
    tx.revoke_families_of(family.session, now).await?;
    tell(tx, &user, guest_id, now).await
}

async fn tell(tx: &mut Tx, user: &User, guest_id: GuestId, now: Timestamp) -> Result<User> {
    let next = user.next();
    if !tx.update_user(&next).await? {
        return Err(Reason::ChangedMeanwhile.into());
    }
    tx.emit(events::guest_taken_over(&next, guest_id, now));
    Ok(next)
}

impl IdentityService {
    /// Tells once more of guests whose last access tokens have expired since they were taken over:
    /// of some of them. Answers with how many.
    pub(super) async fn tell_again(&self) -> Result<u64> {
        let now = self.clock.now();
        let due = self.store.read().await?.guests_to_tell(now, TELL_AGAIN_MAX).await?;
        let mut told = 0;
        for (guest_id, user_id) in due {
            told += u64::from(self.tell_of(guest_id, user_id).await?);
        }
        Ok(told)
    }

    async fn tell_of(&self, guest_id: GuestId, user_id: UserId) -> Result<bool> {
        let mut tx = self.store.begin().await?;
        // The user first, as when the guest was taken over.
        let user = tx.lock_user(user_id).await?;
        let (user, _) = user.ok_or_else(|| Error::internal("a guest is nobody's"))?;
        if !tx.note_told(guest_id).await? {
            // Another replica was faster.
            return Ok(false);
        }
        tell(&mut tx, &user, guest_id, self.clock.now()).await?;
        tx.commit().await?;
        Ok(true)
    }
}
