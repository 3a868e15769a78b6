//! The operations service on the wire.

use std::sync::Arc;
use std::time::Duration;

use boxoffice_proto::operations::v1 as wire;
use boxoffice_proto::operations::v1::operations_service_server::OperationsService as Contract;
use tonic::{Request, Response, Status};

use super::invariants::{Verdict, verify};
use crate::ports::clock::Clock;
use crate::store::Store;
use crate::transport::parse::Fields;
use crate::transport::wire::span;

/// How long rows must have been left alone when the caller does not say.
const SETTLE_DEFAULT: Duration = Duration::from_secs(30);
/// The longest a caller may ask for.
const SETTLE_MAX: Duration = Duration::from_secs(24 * 60 * 60);

/// Serves `boxoffice.operations.v1.OperationsService`.
pub struct OperationsGrpc {
    store: Store,
    clock: Arc<dyn Clock>,
}

impl OperationsGrpc {
    /// Of this database.
    pub fn new(store: Store, clock: Arc<dyn Clock>) -> Self {
        Self { store, clock }
    }
}

fn result(verdict: Verdict) -> wire::InvariantResult {
    wire::InvariantResult {
        name: verdict.invariant.name.to_owned(),
        description: verdict.invariant.description.to_owned(),
        violation_count: verdict.finding.violation_count,
        examples: verdict.finding.examples,
        duration: Some(span(verdict.duration)),
    }
}

#[tonic::async_trait]
impl Contract for OperationsGrpc {
    async fn verify_invariants(
        &self,
        request: Request<wire::VerifyInvariantsRequest>,
    ) -> Result<Response<wire::VerifyInvariantsResponse>, Status> {
        let mut fields = Fields::default();
        let range = Duration::ZERO..=SETTLE_MAX;
        let settle = request.get_ref().settle.as_ref();
        let settle = fields.span("settle", settle, range, SETTLE_DEFAULT);
        let Some(settle) = settle else { return Err(fields.error().into()) };
        let verdicts = verify(&self.store, &*self.clock, settle).await?;
        let results = verdicts.into_iter().map(result).collect();
        Ok(Response::new(wire::VerifyInvariantsResponse { results }))
    }
}
