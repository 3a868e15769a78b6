use uuid::Uuid;

use super::both::{Case, on_both, reason};
use crate::error::{Error, Reason, Result};
use crate::identity::domain::account::User;
use crate::identity::tests::fixture::PASSWORD;
use crate::kernel::caller::{Role, Roles, SessionId};
use crate::kernel::id::UserId;
use crate::store::RequestKey;

async fn set(case: &Case, user: UserId, roles: &[Role], request: u8) -> Result<User> {
    let key = RequestKey {
        session: SessionId::User(user),
        method: "SetUserRoles",
        request_id: Uuid::from_bytes([request; 16]),
        body_hash: vec![request].into(),
    };
    let roles: Roles = roles.iter().copied().collect();
    case.service.set_user_roles(&key, user, roles).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn somebody_always_operates_the_platform() {
    on_both(async |case| {
        let one = case.register("one@example.com").await.user.user_id;
        let other = case.register("other@example.com").await.user.user_id;
        set(case, one, &[Role::Admin], 1).await.expect("it is given");
        for roles in [&[][..], &[Role::Organizer]] {
            assert_eq!(reason(set(case, one, roles, 2).await), Some(Reason::LastAdmin));
        }
        // It may get more.
        set(case, one, &[Role::Admin, Role::Organizer], 3).await.expect("it stays an admin");
        set(case, other, &[Role::Organizer], 4).await.expect("no admin, before and after");
        set(case, other, &[Role::Admin], 5).await.expect("it is given");
        set(case, one, &[], 6).await.expect("there is another one");
        assert_eq!(reason(set(case, other, &[], 7).await), Some(Reason::LastAdmin));
        // The next start finds one.
        let made = case.service.ensure_admin("one@example.com", PASSWORD, "Root").await;
        assert!(!made.expect("an answer"));

        // Of several that go at the same time, one stays.
        let mut admins = vec![other];
        for number in 0..5_u8 {
            let user = case.register(&format!("{number}@example.com")).await.user.user_id;
            set(case, user, &[Role::Admin], 10 + number).await.expect("it is given");
            admins.push(user);
        }
        let goodbyes = (20..).zip(&admins).map(|(request, user)| set(case, *user, &[], request));
        let outcomes = futures::future::join_all(goodbyes).await;
        let refused = outcomes.iter().filter_map(|outcome| outcome.as_ref().err());
        let stayed: Vec<_> = refused.map(Error::reason).collect();
        assert_eq!(stayed, [Some(Reason::LastAdmin)]);
        assert!(case.service.has_admin().await.expect("an answer"));
    })
    .await;
}
