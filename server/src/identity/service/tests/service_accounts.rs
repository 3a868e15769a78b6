use std::time::Duration;

use uuid::Uuid;

use super::both::{Case, on_both, reason};
use crate::error::Reason;
use crate::identity::domain::service_account::NewServiceAccount;
use crate::identity::service::UserKey;
use crate::identity::tests::fixture::tokens;
use crate::kernel::caller::{Caller, Scope, SessionId};
use crate::kernel::id::ServiceAccountId;
use crate::kernel::page::PageRequest;
use crate::ports::clock::Clock;
use crate::store::RequestKey;

fn key(caller: &Caller, method: &'static str, request: u8, body: u8) -> RequestKey {
    RequestKey {
        session: caller.session,
        method,
        request_id: Uuid::from_bytes([request; 16]),
        body_hash: vec![body].into(),
    }
}

fn new(name: &str) -> NewServiceAccount {
    let scopes = [Scope::UsersRead, Scope::GuestSessionsCreate].into_iter().collect();
    NewServiceAccount { name: name.into(), scopes, calls_per_minute: Some(600) }
}

/// What was recorded, the newest first.
async fn recorded(case: &Case) -> Vec<(SessionId, String, String)> {
    let page = case.service.audit_entries(&PageRequest::new(50, None)).await.expect("a page");
    let entries = page.items.into_iter();
    entries.map(|entry| (entry.session, entry.action, entry.subject)).collect()
}

#[tokio::test]
async fn a_service_gets_tokens_for_its_secret_until_it_is_disabled() {
    on_both(async |case| {
        let admin = case.caller(&case.register("root@example.com").await);
        let create = key(&admin, "CreateServiceAccount", 1, 1);
        let service = &case.service;
        let (account, secret) =
            service.create_service_account(&admin, &create, &new("Shop")).await.expect("made");
        let secret = secret.expect("a secret").into_text();
        let id = account.service_account_id;
        let (again, none) =
            service.create_service_account(&admin, &create, &new("Shop")).await.expect("made");
        assert!(again == account && none.is_none());
        let reused = key(&admin, "CreateServiceAccount", 1, 2);
        let reused = service.create_service_account(&admin, &reused, &new("Other")).await;
        assert_eq!(reason(reused), Some(Reason::RequestIdReused));

        let token = service.issue_service_token(id, &secret, None).await.expect("a token");
        let caller = tokens().verify(&token.text, case.clock.now()).expect("a caller");
        assert_eq!(caller.session, SessionId::Service(id));
        assert!(caller.scopes == account.scopes && caller.has_scope(Scope::UsersRead));
        let unknown = ServiceAccountId::new(case.clock.now(), [9; 10]);
        for (id, secret) in [(id, "bos_wrong"), (unknown, &secret), (id, "")] {
            let refused = service.issue_service_token(id, secret, None).await;
            assert_eq!(reason(refused), Some(Reason::ServiceSecretWrong));
        }
        case.clock.advance(Duration::from_secs(1));
        let disable = key(&admin, "DisableServiceAccount", 2, 1);
        for _ in 0..2 {
            let disabled = service.disable_service_account(&admin, &disable, id).await;
            assert!(disabled.expect("disabled").disable_time.is_some());
        }
        let refused = service.issue_service_token(id, &secret, None).await;
        assert_eq!(reason(refused), Some(Reason::ServiceSecretWrong));
        let absent = key(&admin, "DisableServiceAccount", 3, 1);
        let absent = service.disable_service_account(&admin, &absent, unknown).await;
        assert_eq!(reason(absent), Some(Reason::NotFound));
        // Each effect is recorded once, and nothing secret with it.
        let subject = format!("{id} users:read guest-sessions:create");
        let entry = |action: &str, subject: &str| (admin.session, action.into(), subject.into());
        let expected = [
            entry("DisableServiceAccount", &id.to_string()),
            entry("CreateServiceAccount", &subject),
        ];
        assert_eq!(recorded(case).await, expected);
    })
    .await;
}

#[tokio::test]
async fn equal_requests_at_the_same_time_make_one_account() {
    on_both(async |case| {
        let admin = case.caller(&case.register("root@example.com").await);
        let create = key(&admin, "CreateServiceAccount", 1, 1);
        let shop = new("Shop");
        let requests = (0..8).map(|_| case.service.create_service_account(&admin, &create, &shop));
        let made = futures::future::join_all(requests).await;
        let made: Vec<_> = made.into_iter().map(|outcome| outcome.expect("made")).collect();
        assert_eq!(made.iter().filter(|(_, secret)| secret.is_some()).count(), 1);
        assert!(made.iter().all(|(account, _)| *account == made[0].0));
        let page = PageRequest::new(50, None);
        assert_eq!(case.service.service_accounts(&page).await.expect("a page").items.len(), 1);
        assert_eq!(recorded(case).await.len(), 1);
    })
    .await;
}

#[tokio::test]
async fn lists_come_in_pages_the_newest_first() {
    on_both(async |case| {
        let admin = case.caller(&case.register("root@example.com").await);
        for count in 0..5_u8 {
            let create = key(&admin, "CreateServiceAccount", count + 1, 1);
            let name = format!("Service {count}");
            case.service.create_service_account(&admin, &create, &new(&name)).await.expect("made");
        }
        let (mut names, mut subjects, mut after) = (Vec::new(), Vec::new(), None);
        for _ in 0..3 {
            let request = PageRequest::new(2, after);
            let page = case.service.service_accounts(&request).await.expect("a page");
            after = page.next;
            names.extend(page.items.into_iter().map(|account| account.name));
        }
        assert!(after.is_none());
        names.sort_unstable();
        assert_eq!(names, (0..5).map(|count| format!("Service {count}")).collect::<Vec<_>>());
        for _ in 0..3 {
            let page = case.service.audit_entries(&PageRequest::new(2, after)).await;
            let page = page.expect("a page");
            after = page.next;
            subjects.extend(page.items.into_iter().map(|entry| entry.subject));
        }
        subjects.sort_unstable();
        subjects.dedup();
        assert!(after.is_none() && subjects.len() == 5);
    })
    .await;
}

#[tokio::test]
async fn whoever_looks_a_user_up_is_recorded_if_there_is_one() {
    on_both(async |case| {
        let made = case.register("ada@example.com").await;
        let caller = case.caller(&made);
        let by_id = UserKey::Id(made.user.user_id);
        for key in [by_id, UserKey::Email("ADA@example.com".into())] {
            let found = case.service.look_up_user(&caller, &key).await.expect("a user");
            assert!(found == made.user);
        }
        let unknown = UserKey::Email("nobody@example.com".into());
        let unknown = case.service.look_up_user(&caller, &unknown).await;
        assert_eq!(reason(unknown), Some(Reason::NotFound));
        let entry = (caller.session, "GetUser".to_owned(), made.user.user_id.to_string());
        assert_eq!(recorded(case).await, [entry.clone(), entry]);
    })
    .await;
}
