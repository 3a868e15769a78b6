//! Going on with a sign-in, and ending it.

use uuid::Uuid;

use super::sign_in::{IdentityService, TokenPair};
use crate::error::{Error, Reason, Result};
use crate::identity::domain::refresh::{
    Family, RefreshDecision, Successor, decide, token_expire_time,
};
use crate::identity::domain::reset::forgettable_before;
use crate::identity::tokens::RefreshSecret;
use crate::kernel::caller::{Role, Roles, SessionId};
use crate::kernel::time::Timestamp;
use crate::store::Tx;

/// Rows of a kind that one sweep forgets at the most, so that it never holds the database for long.
const SWEEP_MAX: i64 = 500;
/// What a sweep answers with at the least when there may be more for the next.
pub const SWEEP_FULL: u64 = 100;

impl IdentityService {
    /// Exchanges a refresh token for the next pair, as [`decide`] says.
    pub async fn refresh(&self, refresh_token: &str) -> Result<TokenPair> {
        let token = RefreshSecret::parse(refresh_token).ok_or(Reason::RefreshTokenInvalid)?;
        let hash = token.hash();
        // Made-up tokens are turned away without a place in the queue of writers.
        let family_id = self.store.read().await?.family_of_token(&hash).await?;
        let family_id = family_id.ok_or(Reason::RefreshTokenInvalid)?;
        let mut tx = self.store.begin().await?;
        let family = tx.lock_family(family_id).await?.ok_or(Reason::RefreshTokenInvalid)?;
        let state = tx.refresh_token(&hash).await?.ok_or(Reason::RefreshTokenInvalid)?;
        let now = self.clock.now();
        match decide(&state, &family, now) {
            RefreshDecision::Rotate => self.rotate(tx, family_id, &family, &token, now).await,
            RefreshDecision::RepeatSuccessor(successor) => {
                self.repeat(tx, &family, &token, successor, now).await
            }
            RefreshDecision::Reuse => {
                tx.revoke_family(family_id, now).await?;
                tx.commit().await?;
                tracing::warn!(session = %family.session, "a refresh token came twice");
                Err(Reason::RefreshTokenReused.into())
            }
            RefreshDecision::Invalid => Err(Reason::RefreshTokenInvalid.into()),
        }
    }

    async fn rotate(
        &self,
        mut tx: Tx,
        family_id: Uuid,
        family: &Family,
        token: &RefreshSecret,
        now: Timestamp,
    ) -> Result<TokenPair> {
        let hash = token.hash();
        let roles = session_roles(&mut tx, family.session).await?;
        // The family is locked, so this is only so that a fault elsewhere can't fork the chain.
        if !tx.use_refresh_token(&hash, now).await? {
            return Err(Error::internal("a refresh token was used behind its family's lock"));
        }
        let next = self.refresh_tokens.successor(token);
        let expire_time = token_expire_time(family, now);
        tx.insert_refresh_token(&next.hash(), family_id, Some(&hash), now, expire_time).await?;
        let pair = self.token_pair(family.session, roles, now, next, expire_time)?;
        tx.commit().await?;
        Ok(pair)
    }

    async fn repeat(
        &self,
        mut tx: Tx,
        family: &Family,
        token: &RefreshSecret,
        successor: Successor,
        now: Timestamp,
    ) -> Result<TokenPair> {
        let roles = session_roles(&mut tx, family.session).await?;
        let next = self.refresh_tokens.given_successor(token, &successor.hash);
        let next = next.ok_or(Reason::RefreshTokenInvalid)?;
        self.token_pair(family.session, roles, now, next, successor.expire_time)
    }

    /// Ends the sign-in that a refresh token belongs to. Unknown tokens are no error.
    pub async fn logout(&self, refresh_token: &str) -> Result<()> {
        let Some(token) = RefreshSecret::parse(refresh_token) else { return Ok(()) };
        let family_id = self.store.read().await?.family_of_token(&token.hash()).await?;
        if let Some(family_id) = family_id {
            let mut tx = self.store.begin().await?;
            tx.revoke_family(family_id, self.clock.now()).await?;
            tx.commit().await?;
        }
        Ok(())
    }

    /// Tells of guests again where that is due, and forgets some of the sign-ins, requests for
    /// passwords and counts whose time is over; answers with how many there were. There may be more
    /// only if they are [`SWEEP_FULL`] or more.
    pub async fn sweep(&self) -> Result<u64> {
        let told = self.tell_again().await?;
        let mut tx = self.store.begin().await?;
        let now = self.clock.now();
        let families = tx.delete_expired_families(now, SWEEP_MAX).await?;
        let resets = tx.delete_expired_resets(forgettable_before(now), SWEEP_MAX).await?;
        let attempts = tx.delete_expired_attempts(now, SWEEP_MAX).await?;
        tx.commit().await?;
        Ok(told + families + resets + attempts)
    }
}

/// What the session may be now, whatever it was when it signed in.
async fn session_roles(tx: &mut Tx, session: SessionId) -> Result<Roles> {
    match session {
        SessionId::User(user_id) => {
            let user = tx.user(user_id).await?.ok_or(Reason::RefreshTokenInvalid)?;
            Ok(user.roles)
        }
        SessionId::Guest(_) => Ok([Role::Guest].into_iter().collect()),
        // A service has no sign-in that could go on.
        SessionId::Service(_) => Err(Reason::RefreshTokenInvalid.into()),
    }
}
