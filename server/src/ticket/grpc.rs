//! The ticket service on the wire.

use boxoffice_proto::ticket::v1 as wire;
use boxoffice_proto::ticket::v1::ticket_service_server::TicketService as Contract;
use tonic::{Request, Response, Status};

use super::code::KeyId;
use super::domain::check_in::{CheckIn, CheckInOutcome, Weighed, check_in_id};
use super::domain::{Ticket, TicketState};
use super::service::{CodeRead, TicketFormat, TicketService};
use crate::error::{self, Error, Reason};
use crate::kernel::id::{BookingId, EventId, TicketId};
use crate::kernel::limits::{OFFLINE_ENTRIES_MAX, TICKET_CHANGES_OVERLAP, TICKET_CODE_BYTES_MAX};
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
            place_id: ticket.place.place_id.to_string(),
            seat_id: ticket.place.seat_id.map(|id| id.to_string()).unwrap_or_default(),
            offer_name: ticket.place.offer_name.clone(),
            state: state(ticket.state).into(),
            code: self.tickets.codes().sign(&ticket),
            create_time: Some(time(ticket.create_time)),
            update_time: Some(time(ticket.update_time)),
            use_time: ticket.entry.as_ref().map(|entry| time(entry.time)),
            gate: ticket.entry.map(|entry| entry.gate).unwrap_or_default(),
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

fn state_from(state: i32) -> Option<TicketState> {
    match wire::ticket::State::try_from(state).ok()? {
        wire::ticket::State::Unspecified => None,
        wire::ticket::State::Valid => Some(TicketState::Valid),
        wire::ticket::State::Used => Some(TicketState::Used),
        wire::ticket::State::Void => Some(TicketState::Void),
    }
}

fn outcome(outcome: CheckInOutcome) -> wire::check_in::Outcome {
    match outcome {
        CheckInOutcome::Admitted => wire::check_in::Outcome::Admitted,
        CheckInOutcome::DoubleEntry => wire::check_in::Outcome::DoubleEntry,
        CheckInOutcome::VoidEntry => wire::check_in::Outcome::VoidEntry,
    }
}

fn outcome_from(outcome: i32) -> Option<CheckInOutcome> {
    match wire::check_in::Outcome::try_from(outcome).ok()? {
        wire::check_in::Outcome::Unspecified => None,
        wire::check_in::Outcome::Admitted => Some(CheckInOutcome::Admitted),
        wire::check_in::Outcome::DoubleEntry => Some(CheckInOutcome::DoubleEntry),
        wire::check_in::Outcome::VoidEntry => Some(CheckInOutcome::VoidEntry),
    }
}

fn check_in(check_in: CheckIn) -> wire::CheckIn {
    wire::CheckIn {
        check_in_id: check_in.check_in_id.to_string(),
        ticket_id: check_in.ticket_id.to_string(),
        event_id: check_in.event_id.to_string(),
        place_label: check_in.place_label,
        gate: check_in.gate,
        entry_time: Some(time(check_in.entry_time)),
        create_time: Some(time(check_in.create_time)),
        outcome: outcome(check_in.outcome).into(),
    }
}

fn event_ticket(ticket: Ticket) -> wire::EventTicket {
    wire::EventTicket {
        ticket_id: ticket.ticket_id.to_string(),
        place_label: ticket.label(),
        offer_name: ticket.place.offer_name,
        state: state(ticket.state).into(),
        use_time: ticket.entry.as_ref().map(|entry| time(entry.time)),
        gate: ticket.entry.map(|entry| entry.gate).unwrap_or_default(),
        update_time: Some(time(ticket.update_time)),
    }
}

/// What became of an entry; an error if that is not the entry's fault.
fn result(
    request_id: String,
    weighed: error::Result<Weighed>,
) -> Result<wire::OfflineEntryResult, Error> {
    use wire::offline_entry_result::Outcome as Came;
    let (came, kept) = match weighed {
        Ok(kept) => {
            let came = match kept.check_in.outcome {
                CheckInOutcome::Admitted => Came::Admitted,
                CheckInOutcome::DoubleEntry => Came::DoubleEntry,
                CheckInOutcome::VoidEntry => Came::VoidEntry,
            };
            (came, Some(kept))
        }
        Err(error) => match error.reason() {
            Some(Reason::TicketCodeInvalid) => (Came::CodeInvalid, None),
            Some(Reason::TicketOtherEvent) => (Came::OtherEvent, None),
            Some(Reason::RequestIdReused) => (Came::RequestIdReused, None),
            _ => return Err(error),
        },
    };
    let (kept, other) = kept.map(|kept| (kept.check_in, kept.other)).unzip();
    Ok(wire::OfflineEntryResult {
        request_id,
        outcome: came.into(),
        check_in: kept.map(check_in),
        other: other.flatten().map(check_in),
    })
}

/// What a gate read, or nothing and why not. The fields of a list begin with `at`.
fn code_read(
    fields: &mut Fields,
    at: &str,
    event_id: Option<EventId>,
    (request_id, code, gate): (&str, &str, &str),
) -> Option<CodeRead> {
    let request_id = fields.uuid(&format!("{at}request_id"), request_id);
    let code = match code.len() {
        1..=TICKET_CODE_BYTES_MAX => Some(code.to_owned()),
        _ => fields.fault(format!("{at}code"), "must be what the QR code holds"),
    };
    let gate = fields.text(&format!("{at}gate"), gate, 1..=100);
    let check_in_id = check_in_id(event_id?, request_id?.as_bytes());
    Some(CodeRead { check_in_id, code: code?, gate: gate?, entry_time: None })
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

    async fn render_ticket(
        &self,
        request: Request<wire::RenderTicketRequest>,
    ) -> Result<Response<wire::RenderTicketResponse>, Status> {
        use wire::render_ticket_request::Format;
        let caller = caller(&request)?;
        let mut fields = Fields::default();
        let ticket_id = fields.id("ticket_id", &request.get_ref().ticket_id, TicketId::parse);
        let format = match Format::try_from(request.get_ref().format) {
            Ok(Format::Svg) => Some((TicketFormat::Svg, "image/svg+xml")),
            Ok(Format::Png) => Some((TicketFormat::Png, "image/png")),
            Ok(Format::Unspecified) | Err(_) => fields.fault("format", "must be SVG or PNG"),
        };
        let (Some(ticket_id), Some((format, media_type))) = (ticket_id, format) else {
            return Err(fields.error().into());
        };
        let content = self.tickets.render(&caller, ticket_id, format).await?;
        Ok(Response::new(wire::RenderTicketResponse { content, media_type: media_type.to_owned() }))
    }

    async fn check_in_ticket(
        &self,
        request: Request<wire::CheckInTicketRequest>,
    ) -> Result<Response<wire::CheckInTicketResponse>, Status> {
        let caller = caller(&request)?;
        let body = request.get_ref();
        let mut fields = Fields::default();
        let event_id = fields.id("event_id", &body.event_id, EventId::parse);
        let read = (body.request_id.as_str(), body.code.as_str(), body.gate.as_str());
        let read = code_read(&mut fields, "", event_id, read);
        let (Some(event_id), Some(read)) = (event_id, read) else {
            return Err(fields.error().into());
        };
        let admitted = self.tickets.check_in(&caller, event_id, read).await?;
        Ok(Response::new(wire::CheckInTicketResponse { check_in: Some(check_in(admitted)) }))
    }

    async fn sync_check_ins(
        &self,
        request: Request<wire::SyncCheckInsRequest>,
    ) -> Result<Response<wire::SyncCheckInsResponse>, Status> {
        let caller = caller(&request)?;
        let body = request.into_inner();
        let mut fields = Fields::default();
        let event_id = fields.id("event_id", &body.event_id, EventId::parse);
        fields.number("entries", body.entries.len(), 1..=OFFLINE_ENTRIES_MAX);
        let mut entries = Vec::new();
        for (index, entry) in body.entries.iter().take(OFFLINE_ENTRIES_MAX).enumerate() {
            let at = format!("entries[{index}].");
            let read = (entry.request_id.as_str(), entry.code.as_str(), entry.gate.as_str());
            let read = code_read(&mut fields, &at, event_id, read);
            let time = fields.time(&format!("{at}entry_time"), entry.entry_time.as_ref());
            entries.extend(read.map(|read| CodeRead { entry_time: time, ..read }));
        }
        let Some(event_id) = event_id.filter(|_| fields.are_good()) else {
            return Err(fields.error().into());
        };
        let weighed = self.tickets.sync_check_ins(&caller, event_id, entries).await?;
        let told = body.entries.into_iter().map(|entry| entry.request_id).zip(weighed);
        let results = told.map(|(request_id, weighed)| result(request_id, weighed));
        let results = results.collect::<Result<_, Error>>()?;
        Ok(Response::new(wire::SyncCheckInsResponse { results }))
    }

    async fn list_check_ins(
        &self,
        request: Request<wire::ListCheckInsRequest>,
    ) -> Result<Response<wire::ListCheckInsResponse>, Status> {
        let caller = caller(&request)?;
        let body = request.into_inner();
        let mut fields = Fields::default();
        let event_id = fields.id("event_id", &body.event_id, EventId::parse);
        let page = fields.page(body.page_size, &body.page_token);
        let outcomes: Option<Vec<_>> = body.outcomes.iter().copied().map(outcome_from).collect();
        let outcomes = outcomes.or_else(|| fields.fault("outcomes", "must be outcomes of entries"));
        let (Some(event_id), Some(page), Some(outcomes)) = (event_id, page, outcomes) else {
            return Err(fields.error().into());
        };
        let page = self.tickets.check_ins(&caller, event_id, &outcomes, &page).await?;
        Ok(Response::new(wire::ListCheckInsResponse {
            next_page_token: page.next_token(),
            check_ins: page.items.into_iter().map(check_in).collect(),
        }))
    }

    async fn list_event_tickets(
        &self,
        request: Request<wire::ListEventTicketsRequest>,
    ) -> Result<Response<wire::ListEventTicketsResponse>, Status> {
        let caller = caller(&request)?;
        let body = request.into_inner();
        let mut fields = Fields::default();
        let event_id = fields.id("event_id", &body.event_id, EventId::parse);
        let page = fields.page(body.page_size, &body.page_token);
        let states: Option<Vec<_>> = body.states.iter().copied().map(state_from).collect();
        let states = states.or_else(|| fields.fault("states", "must be states of tickets"));
        let since = match body.changed_since.as_ref() {
            None => Some(None),
            since @ Some(_) => fields.time("changed_since", since).map(Some),
        };
        let (Some(event_id), Some(page), Some(states), Some(since)) =
            (event_id, page, states, since)
        else {
            return Err(fields.error().into());
        };
        let tickets = self.tickets.event_tickets(&caller, event_id, &states, since, &page);
        let (page, read_time) = tickets.await?;
        Ok(Response::new(wire::ListEventTicketsResponse {
            next_page_token: page.next_token(),
            tickets: page.items.into_iter().map(event_ticket).collect(),
            read_time: Some(time(read_time - TICKET_CHANGES_OVERLAP)),
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
