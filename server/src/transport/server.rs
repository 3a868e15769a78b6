//! The port itself: every service, its layers, and the plain HTTP beside them.

use axum::Json;
use axum::http::{HeaderName, HeaderValue, Method, header};
use axum::middleware;
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
use tokio_util::task::TaskTracker;
use tonic::service::Routes;
use tonic_web::GrpcWebLayer;
use tower_http::cors::{AllowOrigin, CorsLayer};

use super::answers::{give_reasons, limit_duration, limit_headers, refuse_when_stopping};
use super::auth::AuthLayer;
use super::calls::{UnderWay, watch_calls};
use super::connections::{ConnectionLimits, Taken, connections};
use super::health::Health;
use super::webhooks::webhooks;
use crate::booking::grpc::BookingGrpc;
use crate::catalog::grpc::CatalogGrpc;
use crate::error::{Error, Result};
use crate::identity::grpc::IdentityGrpc;
use crate::kernel::limits::{
    CONNECTION_WINDOW_BYTES, HEADER_BYTES_READ_MAX, REQUEST_BYTES_MAX, RESETS_CAUSED_MAX,
    RESETS_UNSEEN_MAX, RESPONSE_BYTES_MAX, STREAM_WINDOW_BYTES, STREAMS_PER_CONNECTION_MAX,
};
use crate::operations::grpc::OperationsGrpc;
use crate::payment::grpc::PaymentGrpc;
use crate::payment::service::PaymentService;
use crate::reporting::grpc::ReportingGrpc;
use crate::store::Probe;
use crate::ticket::grpc::TicketGrpc;

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
    /// What asks the database, for telling whether the server is ready.
    pub probe: Probe,
    /// Who takes in what the payment gateway tells by itself.
    pub payments: PaymentService,
    /// Web origins that browsers may call from.
    pub cors_origins: Vec<HeaderValue>,
    /// What its connections may do.
    pub limits: ConnectionLimits,
    /// Where it notes that clients take what they are sent.
    pub taken: Taken,
    /// Ends the port: no new calls, calls in flight finish.
    pub stop: CancellationToken,
    /// Where it counts the calls in flight.
    pub calls: TaskTracker,
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
    let health = Health::new().await;
    let mut routes = Routes::builder();
    routes
        .add_service(health.service())
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
    let grpc = routes
        .routes()
        .into_axum_router()
        .layer(port.auth)
        .layer(middleware::from_fn(limit_duration))
        .layer(middleware::from_fn(limit_headers))
        .layer(middleware::from_fn_with_state(port.stop.clone(), refuse_when_stopping))
        .layer(middleware::map_response(give_reasons))
        .layer(GrpcWebLayer::new())
        .layer(cors(port.cors_origins));
    let plain = plain_http(health.clone(), port.jwks).merge(webhooks(port.payments));
    let router = grpc.merge(plain);
    let under_way = UnderWay::new(port.calls);
    let router = router.layer(middleware::from_fn_with_state(under_way, watch_calls));
    let (stop, stopped) = (port.stop, health.clone());
    let followed = health.follow(port.probe, stop.clone());
    let stopping = async move {
        stop.cancelled().await;
        stopped.stopping().await;
    };
    let served =
        limited_server(&port.limits).add_routes(Routes::from(router)).serve_with_incoming_shutdown(
            connections(port.listener, port.limits, port.taken),
            stopping,
        );
    let served = tokio::select! {
        served = served => served,
        never = followed => match never {},
    };
    served.map_err(|error| Error::Unavailable(format!("the port has failed: {error}")))
}

/// A server that keeps its peers within limits, each set on purpose.
fn limited_server(limits: &ConnectionLimits) -> tonic::transport::Server {
    tonic::transport::Server::builder()
        .accept_http1(true)
        .max_concurrent_streams(Some(STREAMS_PER_CONNECTION_MAX))
        .initial_stream_window_size(Some(STREAM_WINDOW_BYTES))
        .initial_connection_window_size(Some(CONNECTION_WINDOW_BYTES))
        .http2_max_header_list_size(Some(HEADER_BYTES_READ_MAX))
        .http2_max_pending_accept_reset_streams(Some(RESETS_UNSEEN_MAX))
        .http2_max_local_error_reset_streams(Some(RESETS_CAUSED_MAX))
        .http2_keepalive_interval(Some(limits.keep_alive_interval))
        .http2_keepalive_timeout(Some(limits.keep_alive_timeout))
}

fn plain_http(health: Health, jwks: serde_json::Value) -> axum::Router {
    axum::Router::new()
        .route("/healthz", get(|| async { "alive\n" }))
        .route("/readyz", get(move || async move { health.page() }))
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
