//! Registering, signing in, and opening guest sessions.

use std::net::IpAddr;
use std::sync::Arc;

use uuid::Uuid;

use super::take_over::take_over;
use super::throttle::Attempt;
use crate::error::{Reason, Result};
use crate::identity::domain::account::{Guest, GuestOpening, NewAccount, User};
use crate::identity::domain::password::NewPassword;
use crate::identity::domain::refresh::{Family, family_expire_time, token_expire_time};
use crate::identity::events;
use crate::identity::passwords::{Passwords, Verdict};
use crate::identity::tokens::{AccessTokens, MailTokens, RefreshSecret, RefreshTokens};
use crate::kernel::caller::{Role, Roles, SessionId};
use crate::kernel::id::{GuestId, UserId};
use crate::kernel::time::Timestamp;
use crate::ports::clock::Clock;
use crate::secret::{Key, Secrets};
use crate::store::{Store, Tx};

/// What the key of what is counted is derived for.
const THROTTLE_PURPOSE: &str = "login-throttle";

/// Who is who. Cheap to clone.
#[derive(Clone)]
pub struct IdentityService {
    pub(super) store: Store,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) access_tokens: Arc<AccessTokens>,
    pub(super) refresh_tokens: RefreshTokens,
    pub(super) mail_tokens: MailTokens,
    pub(super) throttle_key: Key,
    pub(super) passwords: Passwords,
}

/// How somebody comes to register or sign in.
#[derive(Clone, Default)]
pub struct Arrival {
    /// The network address of the connection; what proxies say of it is not believed.
    pub address: Option<IpAddr>,
    /// A refresh token of the guest session whose holds, bookings and tickets the user is to have.
    pub guest_refresh_token: Option<String>,
}

/// What a client needs to act.
#[derive(Clone)]
pub struct TokenPair {
    /// Proves who calls, for minutes.
    pub access_token: String,
    /// When it stops working.
    pub access_expire_time: Timestamp,
    /// Gets the next pair, once.
    pub refresh_token: String,
    /// When it stops working if it is not used.
    pub refresh_expire_time: Timestamp,
}

/// A user who has just signed in.
#[derive(Clone)]
pub struct SignedIn {
    /// The account.
    pub user: User,
    /// Its tokens.
    pub tokens: TokenPair,
}

/// A guest session that was just opened.
#[derive(Clone)]
pub struct GuestSession {
    /// The guest.
    pub guest: Guest,
    /// Its tokens.
    pub tokens: TokenPair,
}

impl IdentityService {
    /// Hashes a password once, which takes some tens of milliseconds.
    pub fn new(
        store: Store,
        clock: Arc<dyn Clock>,
        access_tokens: Arc<AccessTokens>,
        secrets: &Secrets,
    ) -> Result<Self> {
        Ok(Self {
            store,
            clock,
            access_tokens,
            refresh_tokens: RefreshTokens::new(secrets),
            mail_tokens: MailTokens::new(secrets),
            throttle_key: secrets.current.key(THROTTLE_PURPOSE),
            passwords: Passwords::new()?,
        })
    }

    /// Makes an account with the role CUSTOMER and signs it in; EMAIL_TAKEN if there is one. If a
    /// guest is to be taken over and cannot be, no account is made.
    pub async fn register(
        &self,
        email: String,
        password: NewPassword,
        display_name: String,
        arrival: &Arrival,
    ) -> Result<SignedIn> {
        let roles = [Role::Customer].into_iter().collect();
        let account = NewAccount { email, display_name, roles };
        let hash = self.passwords.hash(password).await?;
        let mut tx = self.store.begin().await?;
        let now = self.clock.now();
        let made = create_account(&mut tx, &account, &hash, now).await?;
        let mut user = made.ok_or(Reason::EmailTaken)?;
        if let Some(guest) = &arrival.guest_refresh_token {
            user = take_over(&mut tx, user, guest, now).await?;
        }
        let session = SessionId::User(user.user_id);
        let tokens = self.begin_sign_in(&mut tx, session, user.roles, now).await?;
        tx.commit().await?;
        Ok(SignedIn { user, tokens })
    }

    /// Signs in. Unknown e-mail and wrong password answer CREDENTIALS_WRONG after the same work,
    /// and LOGIN_THROTTLED without any when too many went before, be the password right or wrong.
    /// If a guest is to be taken over and cannot be, nobody is signed in.
    pub async fn login(
        &self,
        email: &str,
        password: String,
        arrival: &Arrival,
    ) -> Result<SignedIn> {
        let attempt = Attempt::to_sign_in(email, arrival.address);
        let mut tx = self.store.read().await?;
        self.admit(&mut tx, &attempt, self.clock.now()).await?;
        let known = tx.user_by_email(email).await?;
        drop(tx);
        let hash = known.as_ref().map(|(_, hash)| hash.clone());
        let verdict = self.passwords.verify(password.clone(), hash).await?;
        let stronger = match verdict {
            Verdict::Wrong | Verdict::Right => None,
            Verdict::RightButWeaklyHashed => Some(self.passwords.rehash(password).await?),
        };
        let mut tx = self.store.begin().await?;
        self.count(&mut tx, &attempt).await?;
        let Some((known, hash)) = known.filter(|_| verdict != Verdict::Wrong) else {
            tx.commit().await?;
            return Err(Reason::CredentialsWrong.into());
        };
        let now = self.clock.now();
        // The lock makes sure that a password that was changed meanwhile lets nobody in.
        let locked = tx.lock_user(known.user_id).await?.filter(|(_, now)| *now == hash);
        let (mut user, _) = locked.ok_or(Reason::CredentialsWrong)?;
        self.note_success(&mut tx, &attempt, now).await?;
        if let Some(stronger) = stronger {
            tx.replace_password_hash(user.user_id, &hash, &stronger).await?;
        }
        if let Some(guest) = &arrival.guest_refresh_token {
            user = take_over(&mut tx, user, guest, now).await?;
        }
        let session = SessionId::User(user.user_id);
        let tokens = self.begin_sign_in(&mut tx, session, user.roles, now).await?;
        tx.commit().await?;
        Ok(SignedIn { user, tokens })
    }

    /// Opens a session for a buyer without an account.
    pub async fn create_guest_session(&self, opening: GuestOpening) -> Result<GuestSession> {
        let mut tx = self.store.begin().await?;
        let now = self.clock.now();
        let guest_id = GuestId::new(now, rand::random());
        let guest = Guest::opened(guest_id, opening, now);
        tx.insert_guest(&guest).await?;
        let roles = [Role::Guest].into_iter().collect();
        let session = SessionId::Guest(guest_id);
        let tokens = self.begin_sign_in(&mut tx, session, roles, now).await?;
        tx.commit().await?;
        Ok(GuestSession { guest, tokens })
    }

    /// Begins a chain of refresh tokens.
    pub(super) async fn begin_sign_in(
        &self,
        tx: &mut Tx,
        session: SessionId,
        roles: Roles,
        now: Timestamp,
    ) -> Result<TokenPair> {
        let expire_time = family_expire_time(session, now);
        let family = Family { session, expire_time, revoked: false };
        let family_id = new_family_id(now);
        tx.insert_family(family_id, &family, now).await?;
        let token = RefreshSecret::random(rand::random());
        let expire_time = token_expire_time(&family, now);
        tx.insert_refresh_token(&token.hash(), family_id, None, now, expire_time).await?;
        self.token_pair(session, roles, now, token, expire_time)
    }

    /// A refresh token and an access token to go with it.
    pub(super) fn token_pair(
        &self,
        session: SessionId,
        roles: Roles,
        now: Timestamp,
        refresh_token: RefreshSecret,
        refresh_expire_time: Timestamp,
    ) -> Result<TokenPair> {
        let access = self.access_tokens.issue(session, roles, now, rand::random())?;
        Ok(TokenPair {
            access_token: access.text,
            access_expire_time: access.expire_time,
            refresh_token: refresh_token.into_text(),
            refresh_expire_time,
        })
    }
}

fn new_family_id(now: Timestamp) -> Uuid {
    uuid::Builder::from_unix_timestamp_millis(now.unix_millis(), &rand::random()).into_uuid()
}

/// Makes an account and tells of it: of the registration, and of roles beyond that of a customer.
/// `None` if there is an account with this e-mail.
pub(super) async fn create_account(
    tx: &mut Tx,
    account: &NewAccount,
    password_hash: &str,
    now: Timestamp,
) -> Result<Option<User>> {
    let user_id = UserId::new(now, rand::random());
    let registered = User::registered(account, user_id, now);
    let promoted = registered.with_roles(account.roles);
    let user = promoted.clone().unwrap_or_else(|| registered.clone());
    if !tx.insert_user(&user, password_hash).await? {
        return Ok(None);
    }
    tx.emit(events::user_registered(&registered, now));
    if let Some(promoted) = promoted {
        tx.emit(events::user_roles_changed(&promoted, now));
    }
    Ok(Some(user))
}
