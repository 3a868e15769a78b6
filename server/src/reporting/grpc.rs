//! The reporting service on the wire.

use boxoffice_proto::reporting::v1 as wire;
use boxoffice_proto::reporting::v1::reporting_service_server::ReportingService as Contract;
use tonic::{Request, Response, Status};

use super::domain::TimelineStep;
use super::service::ReportingService;
use crate::kernel::id::BookingId;
use crate::transport::auth::caller;
use crate::transport::parse::Fields;
use crate::transport::wire::time;

/// Serves `boxoffice.reporting.v1.ReportingService`.
pub struct ReportingGrpc {
    reports: ReportingService,
}

impl ReportingGrpc {
    /// With the use cases it serves.
    pub fn new(reports: ReportingService) -> Self {
        Self { reports }
    }
}

fn step(step: TimelineStep) -> wire::TimelineStep {
    wire::TimelineStep {
        event_id: step.message_id.to_string(),
        r#type: step.kind,
        subject_id: step.subject_id,
        occur_time: Some(time(step.occur_time)),
        detail: step.detail,
    }
}

#[tonic::async_trait]
impl Contract for ReportingGrpc {
    async fn get_booking_timeline(
        &self,
        request: Request<wire::GetBookingTimelineRequest>,
    ) -> Result<Response<wire::GetBookingTimelineResponse>, Status> {
        let caller = caller(&request)?;
        let mut fields = Fields::default();
        let booking_id = fields.id("booking_id", &request.get_ref().booking_id, BookingId::parse);
        let Some(booking_id) = booking_id else { return Err(fields.error().into()) };
        let steps = self.reports.timeline(&caller, booking_id).await?;
        let steps = steps.into_iter().map(step).collect();
        Ok(Response::new(wire::GetBookingTimelineResponse { steps }))
    }
}
