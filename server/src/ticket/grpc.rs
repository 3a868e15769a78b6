//! The ticket service on the wire.

use boxoffice_proto::ticket::v1 as wire;
use boxoffice_proto::ticket::v1::ticket_service_server::TicketService as Contract;
use tonic::{Request, Response, Status};

use super::code::KeyId;
use super::domain::{Ticket, TicketState};
use super::service::TicketService;
use crate::kernel::id::{BookingId, TicketId};
use crate::transport::auth::caller;
use crate::transport::parse::Fields;
use crate::transport::wire::time;

/// Serves `boxoffice.ticket.v1.TicketService`.
pub struct TicketGrpc {
    tickets: TicketService,
}

impl TicketGrpc {
    /// With the use cases it serves.
    pub fn new(tickets: TicketService) -> Self {
        Self { tickets }
    }

    fn ticket(&self, ticket: Ticket) -> wire::Ticket {
        wire::Ticket {
            ticket_id: ticket.ticket_id.to_string(),
            booking_id: ticket.place.booking_id.to_string(),
            event_id: ticket.place.event_id.to_string(),
            seat_id: ticket.place.seat_id.to_string(),
            state: state(ticket.state).into(),
            code: self.tickets.codes().sign(&ticket),
            create_time: Some(time(ticket.create_time)),
            section_name: ticket.place.section_name,
            row_label: ticket.place.row_label,
            seat_label: ticket.place.seat_label,
        }
    }
}

fn state(state: TicketState) -> wire::ticket::State {
    match state {
        TicketState::Valid => wire::ticket::State::Valid,
        TicketState::Used => wire::ticket::State::Used,
        TicketState::Void => wire::ticket::State::Void,
    }
}

fn key_id(id: KeyId) -> String {
    id.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[tonic::async_trait]
impl Contract for TicketGrpc {
    async fn get_ticket(
        &self,
        request: Request<wire::GetTicketRequest>,
    ) -> Result<Response<wire::GetTicketResponse>, Status> {
        let caller = caller(&request)?;
        let mut fields = Fields::default();
        let ticket_id = fields.id("ticket_id", &request.get_ref().ticket_id, TicketId::parse);
        let Some(ticket_id) = ticket_id else { return Err(fields.error().into()) };
        let ticket = self.ticket(self.tickets.ticket(&caller, ticket_id).await?);
        Ok(Response::new(wire::GetTicketResponse { ticket: Some(ticket) }))
    }

    async fn list_tickets(
        &self,
        request: Request<wire::ListTicketsRequest>,
    ) -> Result<Response<wire::ListTicketsResponse>, Status> {
        let caller = caller(&request)?;
        let request = request.into_inner();
        let mut fields = Fields::default();
        let page = fields.page(request.page_size, &request.page_token);
        let booking_id = match request.booking_id.as_str() {
            "" => Some(None),
            id => fields.id("booking_id", id, BookingId::parse).map(Some),
        };
        let (Some(page), Some(booking_id)) = (page, booking_id) else {
            return Err(fields.error().into());
        };
        let page = self.tickets.tickets(&caller, booking_id, &page).await?;
        Ok(Response::new(wire::ListTicketsResponse {
            next_page_token: page.next_token(),
            tickets: page.items.into_iter().map(|ticket| self.ticket(ticket)).collect(),
        }))
    }

    async fn get_verification_keys(
        &self,
        _: Request<wire::GetVerificationKeysRequest>,
    ) -> Result<Response<wire::GetVerificationKeysResponse>, Status> {
        let keys = self.tickets.codes().public_keys().map(|(id, key)| wire::VerificationKey {
            key_id: key_id(id),
            public_key: key.to_vec(),
        });
        Ok(Response::new(wire::GetVerificationKeysResponse { keys: keys.collect() }))
    }
}
