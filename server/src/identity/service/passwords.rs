//! Changing a password, with the current one or by the token of a mail. Either ends every sign-in
//! of the account.

use std::net::IpAddr;

use super::sign_in::{IdentityService, TokenPair};
use super::throttle::Attempt;
use crate::error::{Error, Reason, Result};
use crate::identity::domain::account::User;
use crate::identity::domain::password::NewPassword;
use crate::identity::domain::reset::PasswordReset;
use crate::identity::events;
use crate::identity::passwords::Verdict;
use crate::kernel::caller::{Caller, SessionId};
use crate::kernel::id::ResetId;
use crate::kernel::time::Timestamp;
use crate::store::Tx;

fn current_password_wrong() -> Error {
    let mut rejection = Reason::CredentialsWrong.rejection();
    rejection.message = "the current password is wrong".to_owned();
    rejection.into()
}

/// Puts another password in the place of one that is known to be this hash, of a user who is
/// locked. Ends every sign-in and every request for a new password, and tells of it.
async fn put_password(
    tx: &mut Tx,
    (user, old): &(User, String),
    new: &str,
    now: Timestamp,
) -> Result<User> {
    let changed = user.next();
    let put = tx.replace_password_hash(user.user_id, old, new).await?;
    if !put || !tx.update_user(&changed).await? {
        return Err(Reason::ChangedMeanwhile.into());
    }
    tx.close_resets_of(user.user_id, now).await?;
    tx.revoke_families_of(SessionId::User(user.user_id), now).await?;
    tx.emit(events::password_changed(&changed, now));
    Ok(changed)
}

impl IdentityService {
    /// Changes the password of the caller, whose sign-ins all end; a new one begins.
    /// CREDENTIALS_WRONG if the current password is another one.
    pub async fn change_password(
        &self,
        caller: &Caller,
        current: String,
        new: NewPassword,
        address: Option<IpAddr>,
    ) -> Result<TokenPair> {
        let user_id = caller.user_id().ok_or(Reason::RoleMissing)?;
        let mut tx = self.store.read().await?;
        let known = tx.user_with_hash(user_id).await?.ok_or_else(|| Error::not_found("user"))?;
        let attempt = Attempt::to_sign_in(&known.0.email, address);
        self.admit(&mut tx, &attempt, self.clock.now()).await?;
        drop(tx);
        let verdict = self.passwords.verify(current, Some(known.1.clone())).await?;
        // In any case, so that how long a late guess takes tells nothing.
        let hash = self.passwords.hash(new).await?;
        let mut tx = self.store.begin().await?;
        self.count(&mut tx, &attempt).await?;
        if verdict == Verdict::Wrong {
            tx.commit().await?;
            return Err(current_password_wrong());
        }
        let now = self.clock.now();
        let locked = tx.lock_user(user_id).await?.ok_or_else(|| Error::not_found("user"))?;
        if locked.1 != known.1 {
            return Err(current_password_wrong());
        }
        let user = put_password(&mut tx, &locked, &hash, now).await?;
        self.note_success(&mut tx, &attempt, now).await?;
        let session = SessionId::User(user.user_id);
        let tokens = self.begin_sign_in(&mut tx, session, user.roles, now).await?;
        tx.commit().await?;
        Ok(tokens)
    }

    /// Makes a request for a new password of the account with this e-mail, if there is one and
    /// there were not too many. Whether there is takes no other answer and little more time: a
    /// count is written in any case, and writing is what takes time.
    pub async fn request_password_reset(&self, email: &str) -> Result<()> {
        let mut tx = self.store.begin().await?;
        let now = self.clock.now();
        let may = self.may_request_reset(&mut tx, email, now).await?;
        let known = tx.user_by_email(email).await?.filter(|_| may);
        if let Some((user, _)) = known
            && let Some((user, _)) = tx.lock_user(user.user_id).await?
        {
            let reset_id = ResetId::new(now, rand::random());
            tx.insert_reset(&PasswordReset::requested(reset_id, user.user_id, now)).await?;
            let next = user.next();
            if !tx.update_user(&next).await? {
                return Err(Reason::ChangedMeanwhile.into());
            }
            tx.emit(events::password_reset_requested(&next, reset_id, now));
        }
        tx.commit().await
    }

    /// Sets a new password by the token of a mail, once. MAIL_TOKEN_INVALID if it is not ours, was
    /// used or is too old.
    pub async fn reset_password(
        &self,
        token: &str,
        new: NewPassword,
        address: Option<IpAddr>,
    ) -> Result<()> {
        let attempt = Attempt::to_reset(address);
        let mut tx = self.store.read().await?;
        self.admit(&mut tx, &attempt, self.clock.now()).await?;
        let reset = match self.mail_tokens.reset_id(token) {
            Some(reset_id) => tx.reset(reset_id).await?,
            None => None,
        };
        drop(tx);
        let hash = match reset.as_ref().filter(|reset| reset.is_open(self.clock.now())) {
            Some(_) => Some(self.passwords.hash(new).await?),
            None => None,
        };
        let mut tx = self.store.begin().await?;
        self.count(&mut tx, &attempt).await?;
        let Some((reset, hash)) = reset.zip(hash) else {
            tx.commit().await?;
            return Err(Reason::MailTokenInvalid.into());
        };
        let now = self.clock.now();
        let locked = tx.lock_user(reset.user_id).await?.ok_or(Reason::MailTokenInvalid)?;
        // Whoever came with the same token meanwhile held the user's lock.
        let reset = tx.lock_reset(reset.reset_id).await?.filter(|reset| reset.is_open(now));
        if reset.is_none() {
            return Err(Reason::MailTokenInvalid.into());
        }
        put_password(&mut tx, &locked, &hash, now).await?;
        self.note_success(&mut tx, &attempt, now).await?;
        tx.commit().await
    }
}
