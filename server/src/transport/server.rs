//! The port itself: every service, its layers, and the plain HTTP beside them.

use std::sync::Arc;

use axum::Json;
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::routing::get;
use boxoffice_proto::booking::v1::booking_service_server::BookingServiceServer;
use boxoffice_proto::catalog::v1::catalog_service_server::CatalogServiceServer;
use boxoffice_proto::identity::v1::identity_service_server::IdentityServiceServer;
use boxoffice_proto::operations::v1::operations_service_server::OperationsServiceServer;
use boxoffice_proto::payment::v1::payment_service_server::PaymentServiceServer;
use boxoffice_proto::reporting::v1::reporting_service_server::ReportingServiceServer;
use boxoffice_proto::ticket::v1::ticket_service_server::TicketServiceServer;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;
use tonic::transport::server::TcpIncoming;
use tonic_health::server::HealthReporter;
use tonic_web::GrpcWebLayer;
use tower_http::cors::{AllowOrigin, CorsLayer};

use super::answers::{give_reasons, limit_duration};
use super::auth::AuthLayer;
use super::webhooks::webhooks;
use crate::booking::grpc::BookingGrpc;
use crate::catalog::grpc::CatalogGrpc;
use crate::error::{Error, Result};
use crate::identity::grpc::IdentityGrpc;
use crate::kernel::limits::{
    HEADER_BYTES_MAX, REQUEST_BYTES_MAX, RESPONSE_BYTES_MAX, STREAMS_PER_CONNECTION_MAX,
};
use crate::operations::grpc::OperationsGrpc;
use crate::payment::grpc::PaymentGrpc;
use crate::payment::service::PaymentService;
use crate::reporting::grpc::ReportingGrpc;
use crate::store::Store;
use crate::ticket::grpc::TicketGrpc;

/// How often a silent connection is asked whether anybody is there, and how long it may take.
const KEEP_ALIVE: (Duration, Duration) = (Duration::from_secs(30), Duration::from_secs(20));
/// Streams that a peer may reset before it is sent away.
const RESETS_MAX: usize = 1_024;

/// Everything the port serves.
pub struct Contexts {
    /// Venues and events.
    pub catalog: CatalogGrpc,
    /// Accounts and sign-in.
    pub identity: IdentityGrpc,
    /// Holds and bookings.
    pub booking: BookingGrpc,
    /// Payments.
    pub payment: PaymentGrpc,
    /// Tickets.
    pub ticket: TicketGrpc,
    /// Views.
    pub reporting: ReportingGrpc,
    /// What operators need.
    pub operations: OperationsGrpc,
}

/// What the port needs beside the contexts.
pub struct Port {
    /// Where it listens.
    pub listener: TcpListener,
    /// Who may call what.
    pub auth: AuthLayer,
    /// The public keys of access tokens, as a JWKS document.
    pub jwks: serde_json::Value,
    /// The database, for telling whether the server is ready.
    pub store: Store,
    /// Who takes in what the payment gateway tells by itself.
    pub payments: PaymentService,
    /// Web origins that browsers may call from.
    pub cors_origins: Vec<HeaderValue>,
    /// Ends the port: no new calls, calls in flight finish.
    pub stop: CancellationToken,
}

macro_rules! limited {
    ($server:ident, $context:expr) => {
        $server::new($context)
            .max_decoding_message_size(REQUEST_BYTES_MAX)
            .max_encoding_message_size(RESPONSE_BYTES_MAX)
    };
}

/// Serves until `port.stop` and until every call in flight has finished.
pub async fn serve(contexts: Contexts, port: Port) -> Result<()> {
    let (health, health_service) = tonic_health::server::health_reporter();
    let mut routes = Routes::builder();
    routes
        .add_service(health_service)
        .add_service(limited!(CatalogServiceServer, contexts.catalog))
        .add_service(limited!(IdentityServiceServer, contexts.identity))
        .add_service(limited!(BookingServiceServer, contexts.booking))
        .add_service(limited!(PaymentServiceServer, contexts.payment))
        .add_service(limited!(TicketServiceServer, contexts.ticket))
        .add_service(limited!(ReportingServiceServer, contexts.reporting))
        .add_service(limited!(OperationsServiceServer, contexts.operations));
    let descriptors = || {
        tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(boxoffice_proto::DESCRIPTORS)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
    };
    // Older clients ask for reflection by its first name.
    routes.add_service(descriptors().build_v1().map_err(Error::internal)?);
    routes.add_service(descriptors().build_v1alpha().map_err(Error::internal)?);
    set_health(&health, true).await;
    let grpc = routes
        .routes()
        .into_axum_router()
        .layer(port.auth)
        .layer(axum::middleware::from_fn(limit_duration))
        .layer(axum::middleware::map_response(give_reasons))
        .layer(GrpcWebLayer::new())
        .layer(cors(port.cors_origins));
    let plain = plain_http(port.store, port.jwks).merge(webhooks(port.payments));
    let router = grpc.merge(plain);
    let stop = port.stop;
    let stopping = async move {
        stop.cancelled().await;
        set_health(&health, false).await;
    };
    // Set here, because the server leaves connections that others accept as they are. Without it,
    // an answer waits 40 ms for the client to acknowledge its first packet.
    let incoming = TcpIncoming::from(port.listener).with_nodelay(Some(true));
    tonic::transport::Server::builder()
        .accept_http1(true)
        .max_concurrent_streams(Some(STREAMS_PER_CONNECTION_MAX))
        .http2_max_header_list_size(Some(HEADER_BYTES_MAX))
        .http2_max_local_error_reset_streams(Some(RESETS_MAX))
        .http2_keepalive_interval(Some(KEEP_ALIVE.0))
        .http2_keepalive_timeout(Some(KEEP_ALIVE.1))
        .add_routes(Routes::from(router))
        .serve_with_incoming_shutdown(incoming, stopping)
        .await
        .map_err(|error| Error::Unavailable(format!("the port has failed: {error}")))
}

async fn set_health(health: &HealthReporter, serving: bool) {
    let status = match serving {
        true => tonic_health::ServingStatus::Serving,
        false => tonic_health::ServingStatus::NotServing,
    };
    let services = boxoffice_proto::POOL.services();
    let ours = services.filter(|service| service.full_name().starts_with("boxoffice."));
    for service in ours {
        health.set_service_status(service.full_name(), status).await;
    }
    // The empty name stands for the server as a whole.
    health.set_service_status("", status).await;
}

fn plain_http(store: Store, jwks: serde_json::Value) -> axum::Router {
    let store = Arc::new(store);
    let ready = move || {
        let store = Arc::clone(&store);
        async move {
            match store.read().await {
                Ok(_) => (StatusCode::OK, "ready\n"),
                Err(_) => (StatusCode::SERVICE_UNAVAILABLE, "the database is not there\n"),
            }
        }
    };
    axum::Router::new()
        .route("/healthz", get(|| async { "alive\n" }))
        .route("/readyz", get(ready))
        .route("/.well-known/jwks.json", get(move || async move { Json(jwks) }))
}

fn cors(origins: Vec<HeaderValue>) -> CorsLayer {
    let ours = ["x-grpc-web", "x-user-agent", "grpc-timeout"].map(HeaderName::from_static);
    let allowed = ours.into_iter().chain([header::CONTENT_TYPE, header::AUTHORIZATION]);
    let exposed = ["grpc-status", "grpc-message", "grpc-status-details-bin"];
    CorsLayer::new()
        .allow_origin(AllowOrigin::list(origins))
        .allow_methods([Method::POST])
        .allow_headers(allowed.collect::<Vec<_>>())
        .expose_headers(exposed.map(HeaderName::from_static))
        .max_age(Duration::from_secs(24 * 60 * 60))
}
