//! People: registered or not.

use std::time::Duration;

use crate::kernel::caller::{Role, Roles};
use crate::kernel::id::{GuestId, ServiceAccountId, UserId};
use crate::kernel::time::Timestamp;

/// How long after a guest was taken over that is told once more: the guest's last access token, of
/// 15 minutes, has expired by then, and what it still did belongs to the user as well.
pub const TELL_AGAIN_SPAN: Duration = Duration::from_secs(16 * 60);

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
    /// When the person showed that the e-mail address is hers.
    pub email_verify_time: Option<Timestamp>,
    /// 1 at registration, one more with every event of the account.
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
    /// The service that opened it, if none of the buyer's own doing.
    pub service_account_id: Option<ServiceAccountId>,
    /// What that service calls its buyer.
    pub external_reference: Option<String>,
    /// The user who has taken the guest over.
    pub user_id: Option<UserId>,
}

/// What becomes of a guest whom a user wants to take over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TakeOver {
    /// It is done.
    Now,
    /// It was done before, by the same user.
    Already,
    /// It belongs to somebody else.
    Refused,
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
            email_verify_time: None,
            version: 1,
        }
    }

    /// The user with other roles; `None` if they are the roles the user has.
    pub fn with_roles(&self, roles: Roles) -> Option<Self> {
        let changed = || Self { roles, version: self.version + 1, ..self.clone() };
        (roles != self.roles).then(changed)
    }

    /// The user whose e-mail address is verified now; `None` if it was before.
    pub fn with_verified_email(&self, now: Timestamp) -> Option<Self> {
        let verified = || Self { email_verify_time: Some(now), ..self.next() };
        self.email_verify_time.is_none().then(verified)
    }

    /// The user after one more event that changes nothing of what is kept here.
    pub fn next(&self) -> Self {
        Self { version: self.version + 1, ..self.clone() }
    }
}

impl Guest {
    /// A guest session that is opened now, with or without a contact address, in the name of a
    /// service or by the buyer.
    pub fn opened(guest_id: GuestId, opening: GuestOpening, now: Timestamp) -> Self {
        Self {
            guest_id,
            contact_email: opening.contact_email,
            create_time: now,
            service_account_id: opening.service_account_id,
            external_reference: opening.external_reference,
            user_id: None,
        }
    }

    /// What becomes of the guest if this user wants to take it over. One guest is one user's.
    pub fn take_over(&self, user_id: UserId) -> TakeOver {
        match self.user_id {
            None => TakeOver::Now,
            Some(earlier) if earlier == user_id => TakeOver::Already,
            Some(_) => TakeOver::Refused,
        }
    }
}

/// What is known of a guest when the session is opened.
#[derive(Clone, Default)]
pub struct GuestOpening {
    /// Where tickets go.
    pub contact_email: Option<String>,
    /// The service that opens it.
    pub service_account_id: Option<ServiceAccountId>,
    /// What that service calls its buyer.
    pub external_reference: Option<String>,
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
    fn an_address_is_verified_once() {
        let now = Timestamp::from_micros(9);
        let verified = user().with_verified_email(now).expect("a change");
        assert_eq!((verified.version, verified.email_verify_time), (2, Some(now)));
        assert!(verified.with_verified_email(now).is_none());
    }

    #[test]
    fn a_guest_is_taken_over_by_one_user_only() {
        let now = Timestamp::from_micros(1);
        let guest_id = GuestId::new(now, [3; 10]);
        let guest = Guest::opened(guest_id, GuestOpening::default(), now);
        let (one, two) = (user().user_id, UserId::new(now, [2; 10]));
        assert_eq!(guest.take_over(one), TakeOver::Now);
        let taken = Guest { user_id: Some(one), ..guest };
        assert_eq!(taken.take_over(one), TakeOver::Already);
        assert_eq!(taken.take_over(two), TakeOver::Refused);
    }

    #[test]
    fn only_a_change_of_roles_makes_a_new_version() {
        let user = user();
        assert!(user.with_roles(user.roles).is_none());
        let admin = user.with_roles([Role::Customer, Role::Admin].into_iter().collect());
        assert_eq!(admin.map(|user| user.version), Some(2));
    }
}
