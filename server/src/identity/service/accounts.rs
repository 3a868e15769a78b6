//! Looking at accounts and changing what they may do.

use super::audit::audit;
use super::sign_in::{IdentityService, create_account};
use crate::error::{Error, Reason, Result};
use crate::identity::domain::account::{Guest, NewAccount, User, assigned_roles};
use crate::identity::domain::password::NewPassword;
use crate::identity::events;
use crate::kernel::caller::{Caller, Role, Roles, SessionId};
use crate::kernel::id::UserId;
use crate::store::{Recollection, Remembered, RequestKey, Tx};

/// Who a token speaks for.
#[derive(Clone)]
pub enum Session {
    /// A signed-in user.
    User(User),
    /// A guest.
    Guest(Guest),
}

/// By what a user is looked up.
#[derive(Clone)]
pub enum UserKey {
    /// By id.
    Id(UserId),
    /// By e-mail address, in any letter case.
    Email(String),
}

impl IdentityService {
    /// Tells who the caller is.
    pub async fn me(&self, caller: &Caller) -> Result<Session> {
        let mut tx = self.store.read().await?;
        match caller.session {
            SessionId::User(user_id) => {
                let user = tx.user(user_id).await?;
                user.map(Session::User).ok_or_else(|| Error::not_found("user"))
            }
            SessionId::Guest(guest_id) => {
                let guest = tx.guest(guest_id).await?;
                guest.map(Session::Guest).ok_or_else(|| Error::not_found("guest"))
            }
            SessionId::Service(_) => Err(Reason::RoleMissing.into()),
        }
    }

    /// Looks a user up for somebody else, who is recorded.
    pub async fn look_up_user(&self, caller: &Caller, key: &UserKey) -> Result<User> {
        let mut tx = self.store.begin().await?;
        let found = match key {
            UserKey::Id(user_id) => tx.user(*user_id).await?,
            UserKey::Email(email) => tx.user_by_email(email).await?.map(|(user, _)| user),
        };
        let user = found.ok_or_else(|| Error::not_found("user"))?;
        let subject = user.user_id.to_string();
        audit(&mut tx, caller.session, "GetUser", &subject, self.clock.now()).await?;
        tx.commit().await?;
        Ok(user)
    }

    /// Sets the roles of a user, once for a request id. CUSTOMER is always kept. LAST_ADMIN if
    /// nobody would be left who operates the platform.
    pub async fn set_user_roles(
        &self,
        key: &RequestKey,
        user_id: UserId,
        roles: Roles,
    ) -> Result<User> {
        let refused = || Error::field("roles", "must not have ROLE_GUEST");
        let roles = assigned_roles(roles).ok_or_else(refused)?;
        let mut tx = self.store.begin().await?;
        // The locks come first, so that a repeat that runs at the same time waits here and then
        // finds what its twin left.
        let admins = self.lock_admins_left(&mut tx, user_id, roles).await?;
        let user = tx.lock_user(user_id).await?;
        let mut recollection = Recollection::load(&mut tx, [key]).await?;
        let remembered = recollection.check(key)?;
        let (user, _) = user.ok_or_else(|| Error::not_found("user"))?;
        if matches!(remembered, Remembered::Resource(_)) {
            return Ok(user);
        }
        if user.roles.has(Role::Admin) && !roles.has(Role::Admin) {
            // It became an admin after the others were locked.
            let left = admins.ok_or(Reason::ChangedMeanwhile)?;
            if left == 0 {
                return Err(Reason::LastAdmin.into());
            }
        }
        let now = self.clock.now();
        let changed = user.with_roles(roles);
        if let Some(changed) = &changed {
            if !tx.update_user(changed).await? {
                return Err(Reason::ChangedMeanwhile.into());
            }
            tx.emit(events::user_roles_changed(changed, now));
            let names: Vec<&str> = changed.roles.iter().map(Role::name).collect();
            let subject = format!("{user_id} {}", names.join(" "));
            audit(&mut tx, key.session, "SetUserRoles", &subject, now).await?;
        }
        recollection.remember(key, user_id.uuid());
        recollection.save(&mut tx, now).await?;
        tx.commit().await?;
        Ok(changed.unwrap_or(user))
    }

    /// Locks all admins if that role is about to be taken from one of them, so that two who take it
    /// from each other leave one; answers with how many others there are. All are locked in one
    /// order, the user among them.
    async fn lock_admins_left(
        &self,
        tx: &mut Tx,
        user_id: UserId,
        roles: Roles,
    ) -> Result<Option<usize>> {
        let loses = !roles.has(Role::Admin)
            && tx.user(user_id).await?.is_some_and(|user| user.roles.has(Role::Admin));
        if !loses {
            return Ok(None);
        }
        let admins = tx.lock_users_with(Role::Admin).await?;
        Ok(Some(admins.into_iter().filter(|admin| *admin != user_id).count()))
    }

    /// Whether anybody operates the platform.
    pub async fn has_admin(&self) -> Result<bool> {
        self.store.read().await?.has_user_with(Role::Admin).await
    }

    /// Makes an account with the role ADMIN if nobody has that role; says whether it did. If the
    /// e-mail has an account, that is never promoted, for anybody could have registered it:
    /// EMAIL_TAKEN.
    pub async fn ensure_admin(
        &self,
        email: &str,
        password: &str,
        display_name: &str,
    ) -> Result<bool> {
        if self.has_admin().await? {
            return Ok(false);
        }
        let account = NewAccount {
            email: email.to_owned(),
            display_name: display_name.to_owned(),
            roles: [Role::Customer, Role::Admin].into_iter().collect(),
        };
        let hash = self.passwords.hash(new_password(password)?).await?;
        let mut tx = self.store.begin().await?;
        let made = create_account(&mut tx, &account, &hash, self.clock.now()).await?;
        if made.is_none() {
            // Another replica may have been faster.
            let served = tx.has_user_with(Role::Admin).await?;
            return if served { Ok(false) } else { Err(Reason::EmailTaken.into()) };
        }
        tx.commit().await?;
        Ok(true)
    }

    /// The account of that e-mail; makes it if there is none, and leaves it as it is if there is
    /// one. For data to try things out with.
    pub async fn ensure_user(
        &self,
        email: &str,
        password: &str,
        display_name: &str,
        roles: Roles,
    ) -> Result<User> {
        if let Some((user, _)) = self.store.read().await?.user_by_email(email).await? {
            return Ok(user);
        }
        let refused = || Error::field("roles", "must not have ROLE_GUEST");
        let account = NewAccount {
            email: email.to_owned(),
            display_name: display_name.to_owned(),
            roles: assigned_roles(roles).ok_or_else(refused)?,
        };
        let hash = self.passwords.hash(new_password(password)?).await?;
        let mut tx = self.store.begin().await?;
        if let Some(user) = create_account(&mut tx, &account, &hash, self.clock.now()).await? {
            tx.commit().await?;
            return Ok(user);
        }
        let (user, _) = tx.user_by_email(email).await?.ok_or(Reason::ChangedMeanwhile)?;
        Ok(user)
    }
}

fn new_password(text: &str) -> Result<NewPassword> {
    NewPassword::parse(text).map_err(|fault| Error::field("password", fault.description()))
}

/// Where the tickets of a session go, if that is known: the e-mail of an account or the contact
/// address of a guest. For booking, within its transaction.
pub async fn contact_email(tx: &mut Tx, session: SessionId) -> Result<Option<String>> {
    match session {
        SessionId::User(user_id) => Ok(tx.user(user_id).await?.map(|user| user.email)),
        SessionId::Guest(guest_id) => {
            Ok(tx.guest(guest_id).await?.and_then(|guest| guest.contact_email))
        }
        SessionId::Service(_) => Ok(None),
    }
}

/// Keeps the address that a guest gave with a booking, if the guest had none. Accounts keep theirs.
pub async fn fill_contact_email(tx: &mut Tx, session: SessionId, email: &str) -> Result<()> {
    match session {
        SessionId::User(_) | SessionId::Service(_) => Ok(()),
        SessionId::Guest(guest_id) => tx.fill_contact_email(guest_id, email).await,
    }
}
