use std::convert::Infallible;
use std::time::Duration;

use boxoffice_proto::POOL;
use http::HeaderValue;
use tonic::Code;
use tonic_types::StatusExt;
use tower::ServiceExt;

use super::*;
use crate::identity::tests::fixture::{HandClock, tokens};
use crate::kernel::caller::{Role, Scope, SessionId};
use crate::kernel::id::{ServiceAccountId, UserId};

const PUBLIC: &str = "/boxoffice.catalog.v1.CatalogService/ListEvents";
const ADMIN: &str = "/boxoffice.identity.v1.IdentityService/SetUserRoles";
const ANYBODY: &str = "/boxoffice.identity.v1.IdentityService/GetMe";
const LOGIN: &str = "/boxoffice.identity.v1.IdentityService/Login";
const GUEST_SESSION: &str = "/boxoffice.identity.v1.IdentityService/CreateGuestSession";

/// What got through to the RPC.
type Passed = (Option<Caller>, HeaderMap);

struct Door {
    layer: AuthLayer,
    clock: Arc<HandClock>,
}

/// What became of a call.
#[derive(Debug)]
enum Outcome {
    Passed(Option<SessionId>, HeaderMap),
    Refused(Code, String),
}

impl Door {
    fn new() -> Self {
        let clock = Arc::new(HandClock::new());
        let rules = AccessRules::load(&POOL).expect("every RPC has a rule");
        Self { layer: AuthLayer::new(rules, Arc::new(tokens()), clock.clone()), clock }
    }

    fn token(&self, roles: &[Role]) -> String {
        let now = self.clock.now();
        let session = SessionId::User(UserId::new(now, [1; 10]));
        let roles = roles.iter().copied().collect();
        format!("Bearer {}", tokens().issue(session, roles, now, [1; 16]).expect("a token").text)
    }

    async fn call(&self, path: &str, headers: &[(&'static str, &[u8])]) -> Outcome {
        let inner = tower::service_fn(async |request: Request<()>| {
            let caller = request.extensions().get::<Caller>().copied();
            let mut response = Response::new(String::new());
            response.extensions_mut().insert::<Passed>((caller, request.headers().clone()));
            Ok::<_, Infallible>(response)
        });
        let mut request = Request::new(());
        *request.uri_mut() = path.parse().expect("a path");
        for (name, value) in headers {
            let value = HeaderValue::from_bytes(value).expect("a header value");
            request.headers_mut().append(*name, value);
        }
        let mut response = self.layer.layer(inner).oneshot(request).await.expect("an answer");
        match response.extensions_mut().remove::<Passed>() {
            Some((caller, headers)) => Outcome::Passed(caller.map(|c| c.session), headers),
            None => refusal(response.headers()),
        }
    }

    async fn call_with(&self, path: &str, authorization: &str) -> Outcome {
        self.call(path, &[("authorization", authorization.as_bytes())]).await
    }
}

fn refusal(headers: &HeaderMap) -> Outcome {
    assert_eq!(
        headers.get("content-type").map(HeaderValue::as_bytes),
        Some(&b"application/grpc"[..])
    );
    let status = Status::from_header_map(headers).expect("a status");
    let details = status.get_details_error_info().expect("a reason");
    Outcome::Refused(status.code(), details.reason)
}

#[track_caller]
fn assert_refused(outcome: &Outcome, code: Code, reason: &str, what: &str) {
    match outcome {
        Outcome::Refused(c, r) => assert_eq!((*c, r.as_str()), (code, reason), "{what}"),
        Outcome::Passed(..) => panic!("{what} passed"),
    }
}

#[track_caller]
fn assert_passed(outcome: &Outcome, known: bool, what: &str) {
    match outcome {
        Outcome::Passed(session, _) => assert_eq!(session.is_some(), known, "{what}"),
        Outcome::Refused(code, reason) => panic!("{what}: {code:?} {reason}"),
    }
}

#[tokio::test]
async fn every_rpc_admits_exactly_the_roles_of_its_rule() {
    let door = Door::new();
    let rules = AccessRules::load(&POOL).expect("every RPC has a rule");
    let mut cells = 0;
    for (path, rule) in rules.iter() {
        for role in Role::ALL {
            let outcome = door.call_with(path, &door.token(&[role])).await;
            let what = format!("{path} as {}", role.name());
            if rule.public || rule.roles.has(role) {
                assert_passed(&outcome, !rule.credential, &what);
            } else {
                assert_refused(&outcome, Code::PermissionDenied, "ROLE_MISSING", &what);
            }
            cells += 1;
        }
        let nobody = door.call(path, &[]).await;
        if rule.public {
            assert_passed(&nobody, false, path);
        } else {
            assert_refused(&nobody, Code::Unauthenticated, "TOKEN_MISSING", path);
        }
    }
    assert!(cells > 80, "{cells}");
}

#[tokio::test]
async fn services_go_by_scopes_alone() {
    let door = Door::new();
    let rules = AccessRules::load(&POOL).expect("every RPC has a rule");
    let now = door.clock.now();
    let account = ServiceAccountId::new(now, [1; 10]);
    for scope in Scope::ALL {
        let scopes = [scope].into_iter().collect();
        let token = tokens().issue_to_service(account, scopes, now, [1; 16]).expect("a token");
        let token = format!("Bearer {}", token.text);
        for (path, rule) in rules.iter() {
            let outcome = door.call_with(path, &token).await;
            let what = format!("{path} with {}", scope.name());
            if rule.scopes.has(scope) || rule.public && rule.scopes.is_empty() {
                assert_passed(&outcome, true, &what);
            } else {
                assert_refused(&outcome, Code::PermissionDenied, "SCOPE_MISSING", &what);
            }
        }
        // An old one opens no session as if it were nobody's, and keeps nobody from the next.
        let earlier = now - Duration::from_secs(60 * 60);
        let old = tokens().issue_to_service(account, scopes, earlier, [1; 16]).expect("a token");
        let old = format!("Bearer {}", old.text);
        for path in [GUEST_SESSION, PUBLIC] {
            let outcome = door.call_with(path, &old).await;
            assert_refused(&outcome, Code::Unauthenticated, "TOKEN_EXPIRED", path);
        }
        assert_passed(&door.call_with(LOGIN, &old).await, false, "an old one");
    }
}

#[tokio::test]
async fn a_caller_without_any_role_is_admitted_nowhere_but_to_what_is_public() {
    let door = Door::new();
    let token = door.token(&[]);
    let outcome = door.call_with(ANYBODY, &token).await;
    assert_refused(&outcome, Code::PermissionDenied, "ROLE_MISSING", "no role");
    assert_passed(&door.call_with(PUBLIC, &token).await, true, "public");
}

#[tokio::test]
async fn a_bad_token_is_refused_even_where_none_is_needed() {
    let door = Door::new();
    let token = door.token(&[Role::Admin]);
    for path in [PUBLIC, ADMIN, ANYBODY] {
        assert_passed(&door.call_with(path, &token).await, true, path);
        let cut = &token[..token.len() - 1];
        let outcome = door.call_with(path, cut).await;
        assert_refused(&outcome, Code::Unauthenticated, "TOKEN_INVALID", path);
    }
    door.clock.advance(Duration::from_secs(15 * 60));
    for path in [PUBLIC, ADMIN, ANYBODY] {
        let outcome = door.call_with(path, &token).await;
        assert_refused(&outcome, Code::Unauthenticated, "TOKEN_EXPIRED", path);
    }
}

#[tokio::test]
async fn an_expired_or_broken_token_keeps_nobody_from_getting_another() {
    let door = Door::new();
    let token = door.token(&[Role::Customer]);
    door.clock.advance(Duration::from_secs(60 * 60));
    let rules = AccessRules::load(&POOL).expect("every RPC has a rule");
    let credentials = rules.iter().filter(|(_, rule)| rule.credential);
    for (path, _) in credentials {
        for authorization in [token.as_str(), "Bearer x", "nonsense", ""] {
            assert_passed(&door.call_with(path, authorization).await, false, path);
        }
    }
}

#[tokio::test]
async fn headers_of_another_form_are_refused_without_a_panic() {
    let door = Door::new();
    let token = door.token(&[Role::Admin]);
    let text = token.trim_start_matches("Bearer ");
    let huge = format!("Bearer {}", "A".repeat(1 << 20));
    let twice = format!("{token}, {token}");
    let forms: [&[u8]; 12] = [
        b"",
        b" ",
        b"Bearer",
        b"Bearer ",
        b"Bearer  ",
        text.as_bytes(),
        &[b"Basic ", text.as_bytes()].concat(),
        &[b"Bearer\t", text.as_bytes()].concat(),
        "Bearer 🎫".as_bytes(),
        b"\xff\xfe",
        huge.as_bytes(),
        twice.as_bytes(),
    ];
    for form in forms {
        let what = String::from_utf8_lossy(form).chars().take(20).collect::<String>();
        for path in [ADMIN, PUBLIC] {
            let outcome = door.call(path, &[("authorization", form)]).await;
            assert_refused(&outcome, Code::Unauthenticated, "TOKEN_INVALID", &what);
        }
    }
    let one = ("authorization", token.as_bytes());
    let outcome = door.call(ADMIN, &[one, one]).await;
    assert_refused(&outcome, Code::Unauthenticated, "TOKEN_INVALID", "two headers");
    let padded = format!("bEARER   {text} ");
    assert_passed(&door.call_with(ADMIN, &padded).await, true, "another letter case");
}

#[tokio::test]
async fn what_a_client_says_about_itself_reaches_no_service() {
    let door = Door::new();
    let forged: [(&'static str, &[u8]); 9] = [
        ("x-user-id", b"usr_00000000000000000000000000000000"),
        ("x-user-id", b"another"),
        ("x-user-role", b"ADMIN"),
        ("x-forwarded-user", b"root"),
        ("x-forwarded-email", b"root@example.com"),
        ("x-auth-request-user", b"root"),
        ("x-remote-user", b"root"),
        ("x-user-agent", b"grpc-web-javascript/0.1"),
        ("x-request-trace", b"kept"),
    ];
    let outcome = door.call(ADMIN, &forged).await;
    assert_refused(&outcome, Code::Unauthenticated, "TOKEN_MISSING", "forged headers");
    let elsewhere = ["/grpc.health.v1.Health/Check", "/boxoffice.unknown.v1.Service/Call"];
    for path in [PUBLIC, LOGIN].into_iter().chain(elsewhere) {
        let outcome = door.call(path, &forged).await;
        let Outcome::Passed(None, headers) = outcome else { panic!("{path}: {outcome:?}") };
        let mut names: Vec<&str> = headers.keys().map(HeaderName::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, ["x-request-trace", "x-user-agent"], "{path}");
    }
}

#[tokio::test]
async fn the_token_itself_goes_no_further() {
    let door = Door::new();
    let outcome = door.call_with(ADMIN, &door.token(&[Role::Admin])).await;
    let Outcome::Passed(Some(_), headers) = outcome else { panic!("{outcome:?}") };
    assert!(!headers.contains_key("authorization"));
}

#[tokio::test]
async fn what_is_not_ours_passes_whatever_token_it_has() {
    let door = Door::new();
    for path in [
        "/grpc.health.v1.Health/Check",
        "/grpc.health.v1.Health/Watch",
        "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
        "/boxoffice.identity.v1.IdentityService/Unknown",
        "/boxoffice.identity.v1.identityservice/SetUserRoles",
        "//boxoffice.identity.v1.IdentityService/SetUserRoles",
        "/boxoffice.identity.v1.IdentityService/SetUserRoles/",
        "/boxoffice.identity.v1.IdentityService/%53etUserRoles",
    ] {
        assert_passed(&door.call(path, &[]).await, false, path);
        assert_passed(&door.call_with(path, "Bearer x").await, false, path);
    }
}

#[tokio::test]
async fn a_browser_can_read_the_refusal() {
    let door = Door::new();
    let inner = tower::service_fn(async |_: Request<tonic::body::Body>| {
        Ok::<_, Infallible>(Response::new(tonic::body::Body::empty()))
    });
    let web = tonic_web::GrpcWebLayer::new().layer(door.layer.layer(inner));
    let request = Request::post(ADMIN)
        .header("content-type", "application/grpc-web+proto")
        .body(tonic::body::Body::empty())
        .expect("a request");
    let response = web.oneshot(request).await.expect("an answer");
    let kind = response.headers().get("content-type").map(HeaderValue::as_bytes);
    assert_eq!(kind, Some(&b"application/grpc-web+proto"[..]));
    let status = Status::from_header_map(response.headers()).expect("a status");
    assert_eq!(status.code(), Code::Unauthenticated);
}
