//! What identity tells the other contexts.

use boxoffice_proto::events::v1::{
    EmailVerified, GuestTakenOver, PasswordChanged, PasswordResetRequested, UserRegistered,
    UserRolesChanged,
};
use prost::Message;

use super::domain::account::User;
use crate::error::{Error, Result};
use crate::kernel::caller::SessionId;
use crate::kernel::id::{GuestId, ResetId, UserId};
use crate::kernel::time::Timestamp;
use crate::store::Event;

/// The context these events come from.
const CONTEXT: &str = "identity";

fn event(kind: &'static str, user: &User, message: &impl Message, now: Timestamp) -> Event {
    let aggregate = (user.user_id.uuid(), user.version);
    Event::new(CONTEXT, kind, aggregate, message.encode_to_vec(), now)
}

/// An account was made; the user's version is 1.
pub(super) fn user_registered(user: &User, now: Timestamp) -> Event {
    let message = UserRegistered { user_id: user.user_id.to_string() };
    event("UserRegistered", user, &message, now)
}

/// The user has other roles now, and a new version.
pub(super) fn user_roles_changed(user: &User, now: Timestamp) -> Event {
    let roles = user.roles.iter().map(|role| role.name().to_owned()).collect();
    let message = UserRolesChanged { user_id: user.user_id.to_string(), roles };
    event("UserRolesChanged", user, &message, now)
}

/// The user has shown that the e-mail address is hers.
pub(super) fn email_verified(user: &User, now: Timestamp) -> Event {
    let message = EmailVerified { user_id: user.user_id.to_string() };
    event("EmailVerified", user, &message, now)
}

/// Somebody asked for a new password.
pub(super) fn password_reset_requested(user: &User, reset_id: ResetId, now: Timestamp) -> Event {
    let (user_id, reset_id) = (user.user_id.to_string(), reset_id.to_string());
    event("PasswordResetRequested", user, &PasswordResetRequested { user_id, reset_id }, now)
}

/// The user has another password.
pub(super) fn password_changed(user: &User, now: Timestamp) -> Event {
    let message = PasswordChanged { user_id: user.user_id.to_string() };
    event("PasswordChanged", user, &message, now)
}

/// The user has everything of a guest.
pub(super) fn guest_taken_over(user: &User, guest_id: GuestId, now: Timestamp) -> Event {
    let (user_id, guest_id) = (user.user_id.to_string(), guest_id.to_string());
    event("GuestTakenOver", user, &GuestTakenOver { user_id, guest_id }, now)
}

/// Reads `GuestTakenOver`: the guest, and the user who has everything of the guest's now. `None`
/// for any other event.
pub(super) fn takeover(event: &Event) -> Result<Option<(SessionId, SessionId)>> {
    if event.kind != "GuestTakenOver" {
        return Ok(None);
    }
    let told = GuestTakenOver::decode(event.payload.as_slice()).map_err(Error::internal)?;
    match (GuestId::parse(&told.guest_id), UserId::parse(&told.user_id)) {
        (Some(guest), Some(user)) => Ok(Some((SessionId::Guest(guest), SessionId::User(user)))),
        _ => Err(Error::internal(format!("{} names nobody", event.message_id))),
    }
}

/// What tests read in events.
#[cfg(test)]
pub(super) mod reading {
    use super::*;

    /// Which user has taken over which guest.
    pub(in crate::identity) fn guest_taken_over(event: &Event) -> (UserId, GuestId) {
        let message = GuestTakenOver::decode(event.payload.as_slice()).expect("a message");
        let user_id = UserId::parse(&message.user_id).expect("a user");
        (user_id, GuestId::parse(&message.guest_id).expect("a guest"))
    }

    /// Which request for a new password was made.
    pub(in crate::identity) fn reset_requested(event: &Event) -> ResetId {
        let message = PasswordResetRequested::decode(event.payload.as_slice()).expect("a message");
        ResetId::parse(&message.reset_id).expect("a request")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::domain::account::NewAccount;
    use crate::kernel::caller::{Role, Roles};
    use crate::kernel::id::UserId;

    #[test]
    fn events_say_what_happened_to_whom() {
        let now = Timestamp::from_micros(1_800_000_000_000_000);
        let account = NewAccount {
            email: "ada@example.com".into(),
            display_name: "Ada".into(),
            roles: Roles::default(),
        };
        let user = User::registered(&account, UserId::new(now, [1; 10]), now);
        let event = user_registered(&user, now);
        assert_eq!((event.kind.as_str(), event.aggregate_version), ("UserRegistered", 1));
        let message = UserRegistered::decode(event.payload.as_slice()).expect("a message");
        assert_eq!(message.user_id, user.user_id.to_string());

        let changed = user.with_roles([Role::Customer, Role::Admin].into_iter().collect());
        let event = user_roles_changed(&changed.expect("a change"), now);
        assert_eq!((event.kind.as_str(), event.aggregate_version), ("UserRolesChanged", 2));
        let message = UserRolesChanged::decode(event.payload.as_slice()).expect("a message");
        assert_eq!(message.roles, ["CUSTOMER", "ADMIN"]);
        assert_eq!(message.user_id, user.user_id.to_string());

        let (guest_id, reset_id) = (GuestId::new(now, [2; 10]), ResetId::new(now, [3; 10]));
        let taken = guest_taken_over(&user, guest_id, now);
        let message = GuestTakenOver::decode(taken.payload.as_slice()).expect("a message");
        assert_eq!(
            (taken.kind.as_str(), message.guest_id),
            ("GuestTakenOver", guest_id.to_string())
        );
        let asked = password_reset_requested(&user, reset_id, now);
        let message = PasswordResetRequested::decode(asked.payload.as_slice()).expect("a message");
        assert_eq!(message.reset_id, reset_id.to_string());
        assert_eq!(email_verified(&user, now).kind, "EmailVerified");
        assert_eq!(password_changed(&user, now).kind, "PasswordChanged");
    }
}
