//! People: registered or not.

use crate::kernel::caller::{Role, Roles};
use crate::kernel::id::{GuestId, UserId};
use crate::kernel::time::Timestamp;

/// A registered person.
#[derive(Clone, PartialEq, Eq)]
pub struct User {
    /// The person's id.
    pub user_id: UserId,
    /// The e-mail address, as it was given.
    pub email: String,
    /// The name to show.
    pub display_name: String,
    /// What the person may be on the platform.
    pub roles: Roles,
    /// When the account was made.
    pub create_time: Timestamp,
    /// 1 at registration, one more with every change of roles: each version has its event.
    pub version: i64,
}

/// What an account is made of, besides its password.
#[derive(Clone)]
pub struct NewAccount {
    /// The e-mail address, as it was given.
    pub email: String,
    /// The name to show.
    pub display_name: String,
    /// What the person is to be on the platform.
    pub roles: Roles,
}

/// A buyer who has not signed in.
#[derive(Clone, PartialEq, Eq)]
pub struct Guest {
    /// The guest's id.
    pub guest_id: GuestId,
    /// Where tickets go, if that is known.
    pub contact_email: Option<String>,
    /// When the session was opened.
    pub create_time: Timestamp,
}

/// What makes two e-mail addresses the same account.
pub fn email_key(email: &str) -> String {
    email.trim().to_lowercase()
}

/// The roles a user gets when `wanted` are given: CUSTOMER is always kept. `None` if GUEST is among
/// them, for nobody is both registered and a guest.
pub fn assigned_roles(wanted: Roles) -> Option<Roles> {
    let roles = || wanted.iter().chain([Role::Customer]).collect();
    (!wanted.has(Role::Guest)).then(roles)
}

impl User {
    /// A user who has just registered, with the role CUSTOMER.
    pub fn registered(account: &NewAccount, user_id: UserId, now: Timestamp) -> Self {
        Self {
            user_id,
            email: account.email.clone(),
            display_name: account.display_name.clone(),
            roles: [Role::Customer].into_iter().collect(),
            create_time: now,
            version: 1,
        }
    }

    /// The user with other roles; `None` if they are the roles the user has.
    pub fn with_roles(&self, roles: Roles) -> Option<Self> {
        let changed = || Self { roles, version: self.version + 1, ..self.clone() };
        (roles != self.roles).then(changed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user() -> User {
        let account = NewAccount {
            email: "Ada@Example.com".into(),
            display_name: "Ada".into(),
            roles: Roles::default(),
        };
        let now = Timestamp::from_micros(1);
        User::registered(&account, UserId::new(now, [1; 10]), now)
    }

    #[test]
    fn letter_case_does_not_make_another_account() {
        assert_eq!(email_key(" Ada@Example.COM "), email_key("ada@example.com"));
        assert_ne!(email_key("ada@example.com"), email_key("ada@example.org"));
    }

    #[test]
    fn whoever_registers_is_a_customer_whatever_was_asked_for() {
        let account = NewAccount {
            email: String::new(),
            display_name: String::new(),
            roles: [Role::Admin].into_iter().collect(),
        };
        let now = Timestamp::from_micros(1);
        let user = User::registered(&account, UserId::new(now, [1; 10]), now);
        assert_eq!(user.roles.iter().collect::<Vec<_>>(), [Role::Customer]);
    }

    #[test]
    fn customer_is_kept_and_guest_is_refused() {
        let organizer = [Role::Organizer].into_iter().collect();
        let roles = assigned_roles(organizer).map(|roles| roles.iter().collect::<Vec<_>>());
        assert_eq!(roles, Some(vec![Role::Customer, Role::Organizer]));
        let none = assigned_roles(Roles::default()).map(|roles| roles.iter().collect::<Vec<_>>());
        assert_eq!(none, Some(vec![Role::Customer]));
        assert_eq!(assigned_roles([Role::Guest, Role::Admin].into_iter().collect()), None);
    }

    #[test]
    fn only_a_change_of_roles_makes_a_new_version() {
        let user = user();
        assert!(user.with_roles(user.roles).is_none());
        let admin = user.with_roles([Role::Customer, Role::Admin].into_iter().collect());
        assert_eq!(admin.map(|user| user.version), Some(2));
    }
}
