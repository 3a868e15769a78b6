//! Showing that an e-mail address is one's own, and the tokens that mails carry.

use super::sign_in::IdentityService;
use crate::error::{Reason, Result};
use crate::identity::domain::account::User;
use crate::identity::events;
use crate::identity::tokens::MailTokens;
use crate::kernel::id::{ResetId, UserId};

/// What a mail with a token needs. Shows nothing of itself.
#[derive(Clone)]
pub struct MailToken {
    /// Where the mail goes.
    pub email: String,
    /// Whom it greets.
    pub display_name: String,
    /// The token, which is nowhere else.
    pub token: String,
}

impl MailToken {
    fn of(user: User, token: String) -> Self {
        Self { email: user.email, display_name: user.display_name, token }
    }
}

impl IdentityService {
    /// Notes that an address is its user's, by the token of a mail; a repeat changes nothing.
    /// MAIL_TOKEN_INVALID if it is not ours or too old.
    pub async fn verify_email(&self, token: &str) -> Result<()> {
        let claim = MailTokens::verification_claim(token, self.clock.now());
        let claim = claim.ok_or(Reason::MailTokenInvalid)?;
        let known = self.store.read().await?.user(claim.user_id).await?;
        let user = known.ok_or(Reason::MailTokenInvalid)?;
        if !self.mail_tokens.verifies(&claim, &user.email) {
            return Err(Reason::MailTokenInvalid.into());
        }
        if user.email_verify_time.is_some() {
            return Ok(());
        }
        let mut tx = self.store.begin().await?;
        let now = self.clock.now();
        let (user, _) = tx.lock_user(claim.user_id).await?.ok_or(Reason::MailTokenInvalid)?;
        let Some(verified) = user.with_verified_email(now) else { return Ok(()) };
        if !tx.update_user(&verified).await? {
            return Err(Reason::ChangedMeanwhile.into());
        }
        tx.emit(events::email_verified(&verified, now));
        tx.commit().await
    }

    /// The token that verifies a user's address; `None` if there is no such user, or nothing left
    /// to verify. The same all day, and good for a week.
    pub async fn verification_token(&self, user_id: UserId) -> Result<Option<MailToken>> {
        let user = self.store.read().await?.user(user_id).await?;
        Ok(user.filter(|user| user.email_verify_time.is_none()).map(|user| {
            let token = self.mail_tokens.verification(user_id, &user.email, self.clock.now());
            MailToken::of(user, token)
        }))
    }

    /// The token of a request for a new password; `None` if there is no such request, or it was
    /// used, or its time is over.
    pub async fn reset_token(&self, reset_id: ResetId) -> Result<Option<MailToken>> {
        let mut tx = self.store.read().await?;
        let reset = tx.reset(reset_id).await?.filter(|reset| reset.is_open(self.clock.now()));
        let Some(reset) = reset else { return Ok(None) };
        let user = tx.user(reset.user_id).await?;
        Ok(user.map(|user| MailToken::of(user, self.mail_tokens.reset(reset_id))))
    }
}
