//! What the port serves beside our own RPCs: browsers, probes, reflection.

use boxoffice_proto::POOL;
use boxoffice_sdk::catalog::v1::{ListEventsRequest, ListEventsResponse};
use boxoffice_sdk::identity::v1::{GetMeRequest, GetMeResponse};
use boxoffice_server::store::Store;
use boxoffice_tests::{Backend, Database, StagePlan, World, scenarios};
use futures::StreamExt;
use http::{HeaderMap, Method, Request, StatusCode};
use prost::Message;
use tonic::Code;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;
use tonic_reflection::pb::v1::{ServerReflectionRequest, ServerReflectionResponse};

use crate::wire::{bearer, channel, get, send, web_call};

const LIST_EVENTS: &str = "/boxoffice.catalog.v1.CatalogService/ListEvents";
const GET_ME: &str = "/boxoffice.identity.v1.IdentityService/GetMe";
/// The origin that the world's server admits, and one that it does not.
const SHOP: &str = "https://shop.example";
const FOREIGN: &str = "https://evil.example";

fn header<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers.get(name).map(|value| value.to_str().expect("text")).unwrap_or_default()
}

async fn preflight(world: &World, origin: &str) -> HeaderMap {
    let request = Request::builder()
        .method(Method::OPTIONS)
        .uri(format!("{}{LIST_EVENTS}", world.url()))
        .header("origin", origin)
        .header("access-control-request-method", "POST")
        .header("access-control-request-headers", "content-type,x-grpc-web,authorization");
    let (status, headers, _) = send(request, Vec::new()).await;
    assert_eq!(status, StatusCode::OK);
    headers
}

async fn reflect(world: &World, question: MessageRequest) -> Vec<MessageResponse> {
    let question = ServerReflectionRequest { host: String::new(), message_request: Some(question) };
    let mut client = ServerReflectionClient::new(channel(&world.url()).await);
    let questions = futures::stream::iter([question]);
    let answers = client.server_reflection_info(questions).await.expect("a stream").into_inner();
    let answer = |answer: Result<ServerReflectionResponse, _>| {
        answer.expect("no error").message_response.expect("an answer")
    };
    answers.map(answer).collect().await
}

fn our_services() -> Vec<String> {
    let names = POOL.services().map(|service| service.full_name().to_owned());
    names.filter(|name| name.starts_with("boxoffice.")).collect()
}

scenarios! {
    async fn s_93_grpc_web_gives_the_same_as_grpc(world: &World) {
        world.stage(StagePlan::default()).await;
        let anybody = world.anonymous().await;
        let request = ListEventsRequest { city: "Graz".into(), ..Default::default() };
        let expected = anybody.list_events(request.clone()).await.expect("a list");
        assert_eq!(expected.events.len(), 1);
        for text in [false, true] {
            let body = request.encode_to_vec();
            let origin = [("origin", SHOP)];
            let answer = web_call(&world.url(), LIST_EVENTS, &body, text, &origin).await;
            assert_eq!(answer.status, StatusCode::OK);
            let kind = header(&answer.headers, "content-type");
            let name = if text { "application/grpc-web-text" } else { "application/grpc-web" };
            assert!(kind == name || kind == format!("{name}+proto"), "{kind}");
            assert_eq!(header(&answer.headers, "access-control-allow-origin"), SHOP);
            let exposed = header(&answer.headers, "access-control-expose-headers");
            assert!(exposed.contains("grpc-status") && exposed.contains("grpc-message"));
            assert_eq!(answer.messages.len(), 1);
            let message = ListEventsResponse::decode(&*answer.messages[0]).expect("a message");
            assert_eq!(message, expected);
            assert!(answer.trailers.contains("grpc-status:0"), "{}", answer.trailers);
        }
    }

    async fn s_93_grpc_web_knows_callers_and_tells_refusals(world: &World) {
        let customer = world.customer().await;
        let expected = customer.get_me(GetMeRequest {}).await.expect("somebody");
        let token = bearer(&customer.tokens().expect("a session").access_token);
        for text in [false, true] {
            let with_token = [("authorization", token.as_str()), ("origin", SHOP)];
            let answer = web_call(&world.url(), GET_ME, &[], text, &with_token).await;
            let message = GetMeResponse::decode(&*answer.messages[0]).expect("a message");
            assert_eq!(message, expected);
            let answer = web_call(&world.url(), GET_ME, &[], text, &[("x-user-id", "usr_1")]).await;
            let unauthenticated = format!("grpc-status:{}", Code::Unauthenticated as i32);
            assert!(answer.trailers.contains(&unauthenticated), "{}", answer.trailers);
            assert!(answer.messages.is_empty());
            let details = answer.headers.contains_key("grpc-status-details-bin");
            assert!(details || answer.trailers.contains("grpc-status-details-bin"));
        }
    }

    async fn s_93_pages_of_named_origins_may_call_and_no_others(world: &World) {
        let allowed = preflight(world, SHOP).await;
        assert_eq!(header(&allowed, "access-control-allow-origin"), SHOP);
        assert!(header(&allowed, "access-control-allow-methods").contains("POST"));
        let headers = header(&allowed, "access-control-allow-headers").to_lowercase();
        let needed = ["content-type", "x-grpc-web", "x-user-agent", "grpc-timeout"];
        for name in needed.into_iter().chain(["authorization"]) {
            assert!(headers.contains(name), "{name} is not allowed");
        }
        assert!(header(&allowed, "vary").to_lowercase().contains("origin"));
        let similar = ["null", "https://shop.example.evil.example", "http://shop.example"];
        for origin in similar.into_iter().chain([FOREIGN]) {
            let refused = preflight(world, origin).await;
            assert!(!refused.contains_key("access-control-allow-origin"), "{origin}");
            let body = ListEventsRequest::default().encode_to_vec();
            let from = [("origin", origin)];
            let answer = web_call(&world.url(), LIST_EVENTS, &body, false, &from).await;
            assert!(!answer.headers.contains_key("access-control-allow-origin"), "{origin}");
        }
    }

    async fn s_76_health_is_told_for_the_server_and_for_each_service(world: &World) {
        let mut health = HealthClient::new(channel(&world.url()).await);
        let services = our_services();
        assert_eq!(services.len(), 7);
        for service in services.into_iter().chain([String::new()]) {
            let answer = health.check(HealthCheckRequest { service: service.clone() }).await;
            let HealthCheckResponse { status } = answer.expect("an answer").into_inner();
            assert_eq!(status, i32::from(ServingStatus::Serving), "{service}");
        }
        let request = HealthCheckRequest { service: "nobody.v1.Nothing".into() };
        let refused = health.check(request).await.expect_err("no such service");
        assert_eq!(refused.code(), Code::NotFound);
    }

    async fn s_76_reflection_tells_the_whole_contract(world: &World) {
        let listed = reflect(world, MessageRequest::ListServices(String::new())).await;
        let [MessageResponse::ListServicesResponse(listed)] = &listed[..] else {
            panic!("{listed:?}")
        };
        let names: Vec<_> = listed.service.iter().map(|service| service.name.clone()).collect();
        for service in our_services() {
            assert!(names.contains(&service), "{service} is not listed in {names:?}");
            let question = MessageRequest::FileContainingSymbol(service.clone());
            let files = reflect(world, question).await;
            let [MessageResponse::FileDescriptorResponse(files)] = &files[..] else {
                panic!("{files:?}")
            };
            assert!(!files.file_descriptor_proto.is_empty(), "{service}");
        }
        assert!(names.contains(&"grpc.health.v1.Health".to_owned()));
    }

    async fn s_76_probes_and_keys_are_plain_pages(world: &World) {
        for page in ["/healthz", "/readyz"] {
            let (status, _, text) = get(&format!("{}{page}", world.url())).await;
            assert_eq!(status, StatusCode::OK, "{page}: {text}");
        }
        let (status, headers, text) = get(&format!("{}/.well-known/jwks.json", world.url())).await;
        assert_eq!(status, StatusCode::OK);
        assert_eq!(header(&headers, "content-type"), "application/json");
        let keys: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        let keys = keys["keys"].as_array().expect("a list");
        assert_eq!(keys.len(), 1);
        assert_eq!((&keys[0]["kty"], &keys[0]["crv"]), (&"OKP".into(), &"Ed25519".into()));
        assert_eq!((&keys[0]["alg"], &keys[0]["use"]), (&"EdDSA".into(), &"sig".into()));
        assert!(keys[0]["d"].is_null(), "a private key");
        let (status, _, _) = get(&format!("{}/nothing", world.url())).await;
        assert_ne!(status, StatusCode::INTERNAL_SERVER_ERROR);
    }
}

/// Health's question is one that this database understands, and it can be asked again.
async fn database_answers_health(backend: Backend) {
    let folder = tempfile::tempdir().expect("a scratch folder");
    let database = Database::create(backend, folder.path()).await;
    let store = Store::open(&database.url).await.expect("it opens");
    let mut probe = store.probe().expect("a probe");
    for _ in 0..2 {
        probe.ask().await.expect("an answer");
    }
    probe.close().await;
    store.close().await;
    database.discard().await;
}

#[tokio::test]
async fn s_76_sqlite_answers_what_health_asks() {
    database_answers_health(Backend::Sqlite).await;
}

#[tokio::test]
async fn s_76_postgres_answers_what_health_asks() {
    database_answers_health(Backend::Postgres).await;
}
