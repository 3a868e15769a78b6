//! What identity tells the other contexts.

use boxoffice_proto::events::v1::{UserRegistered, UserRolesChanged};
use prost::Message;

use super::domain::account::User;
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
    }
}
