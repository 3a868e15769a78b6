//! The RPCs, each thin: parse, run the use case, map.

use boxoffice_proto::catalog::v1 as wire;
use boxoffice_proto::catalog::v1::catalog_service_server;
use prost::Message;
use tonic::{Request, Response, Status, async_trait};

use super::request::Owner;
use super::{request, response};
use crate::catalog::domain::search::Scope;
use crate::catalog::service::CatalogService;
use crate::error::Result;
use crate::kernel::caller::Caller;
use crate::kernel::id::{EventId, VenueId};
use crate::store::RequestKey;
use crate::transport::auth::{caller, maybe_caller};
use crate::transport::parse::Fields;
use crate::transport::request_key::RequestKeys;

/// Serves `boxoffice.catalog.v1.CatalogService`.
#[derive(Clone)]
pub struct CatalogGrpc {
    service: CatalogService,
    keys: RequestKeys,
}

impl CatalogGrpc {
    /// Over these use cases.
    pub fn new(service: CatalogService, keys: RequestKeys) -> Self {
        Self { service, keys }
    }

    /// The key of a request that is about one event, and that event.
    fn event_key<M: Message>(
        &self,
        caller: &Caller,
        method: &'static str,
        request: &M,
        ids: fn(&M) -> (&str, &str),
    ) -> Result<(RequestKey, EventId)> {
        let (request_id, event_id) = ids(request);
        let mut fields = Fields::default();
        let request_id = fields.request_id(request_id);
        let event_id = fields.id("event_id", event_id, EventId::parse);
        let (Some(request_id), Some(event_id)) = (request_id, event_id) else {
            return Err(fields.error());
        };
        Ok((self.keys.key(caller, method, request_id, request), event_id))
    }
}

#[async_trait]
impl catalog_service_server::CatalogService for CatalogGrpc {
    async fn create_venue(
        &self,
        request: Request<wire::CreateVenueRequest>,
    ) -> Result<Response<wire::CreateVenueResponse>, Status> {
        let caller = caller(&request)?;
        let request = request.into_inner();
        let mut fields = Fields::default();
        let request_id = fields.request_id(&request.request_id);
        let key = request_id.map(|id| self.keys.key(&caller, "CreateVenue", id, &request));
        let draft = request::venue_draft(&mut fields, request.venue);
        let (Some(key), Some(draft)) = (key, draft) else { return Err(fields.error().into()) };
        let venue = self.service.create_venue(&caller, &key, &draft).await?;
        Ok(Response::new(wire::CreateVenueResponse { venue: Some(response::venue(venue)) }))
    }

    async fn get_venue(
        &self,
        request: Request<wire::GetVenueRequest>,
    ) -> Result<Response<wire::GetVenueResponse>, Status> {
        let mut fields = Fields::default();
        let venue_id = fields.id("venue_id", &request.get_ref().venue_id, VenueId::parse);
        let Some(venue_id) = venue_id else { return Err(fields.error().into()) };
        let venue = self.service.venue(venue_id).await?;
        Ok(Response::new(wire::GetVenueResponse { venue: Some(response::venue(venue)) }))
    }

    async fn list_venues(
        &self,
        request: Request<wire::ListVenuesRequest>,
    ) -> Result<Response<wire::ListVenuesResponse>, Status> {
        let wanted = request.get_ref();
        let mut fields = Fields::default();
        let page = fields.page(wanted.page_size, &wanted.page_token);
        let owner = request::owner(&mut fields, wanted.mine, &wanted.organizer_id);
        let (Some(page), Some(owner)) = (page, owner) else { return Err(fields.error().into()) };
        let organizer_id = match owner {
            Owner::Any => None,
            Owner::Organizer(organizer_id) => Some(organizer_id),
            Owner::Caller => match caller(&request)?.user_id() {
                Some(organizer_id) => Some(organizer_id),
                // A guest owns no venues.
                None => return Ok(Response::new(wire::ListVenuesResponse::default())),
            },
        };
        let page = self.service.venues(organizer_id, &page).await?;
        let next_page_token = page.next_token();
        let venues = page.items.into_iter().map(response::venue).collect();
        Ok(Response::new(wire::ListVenuesResponse { venues, next_page_token }))
    }

    async fn update_venue(
        &self,
        request: Request<wire::UpdateVenueRequest>,
    ) -> Result<Response<wire::UpdateVenueResponse>, Status> {
        let caller = caller(&request)?;
        let request = request.into_inner();
        let mut fields = Fields::default();
        let request_id = fields.request_id(&request.request_id);
        let key = request_id.map(|id| self.keys.key(&caller, "UpdateVenue", id, &request));
        let venue_id = fields.id("venue_id", &request.venue_id, VenueId::parse);
        let mask = request.update_mask.as_ref();
        let change = request::venue_change(&mut fields, request.venue, mask);
        let (Some(key), Some(venue_id), Some(change)) = (key, venue_id, change) else {
            return Err(fields.error().into());
        };
        let etag = &request.etag;
        let venue = self.service.update_venue(&caller, &key, venue_id, etag, &change).await?;
        Ok(Response::new(wire::UpdateVenueResponse { venue: Some(response::venue(venue)) }))
    }

    async fn create_event(
        &self,
        request: Request<wire::CreateEventRequest>,
    ) -> Result<Response<wire::CreateEventResponse>, Status> {
        let caller = caller(&request)?;
        let request = request.into_inner();
        let mut fields = Fields::default();
        let request_id = fields.request_id(&request.request_id);
        let key = request_id.map(|id| self.keys.key(&caller, "CreateEvent", id, &request));
        let draft = request::event_draft(&mut fields, request.event);
        let (Some(key), Some(draft)) = (key, draft) else { return Err(fields.error().into()) };
        let event = self.service.create_event(&caller, &key, &draft).await?;
        Ok(Response::new(wire::CreateEventResponse { event: Some(response::event(event)) }))
    }

    async fn update_event(
        &self,
        request: Request<wire::UpdateEventRequest>,
    ) -> Result<Response<wire::UpdateEventResponse>, Status> {
        let caller = caller(&request)?;
        let request = request.into_inner();
        let mut fields = Fields::default();
        let request_id = fields.request_id(&request.request_id);
        let key = request_id.map(|id| self.keys.key(&caller, "UpdateEvent", id, &request));
        let event_id = fields.id("event_id", &request.event_id, EventId::parse);
        let mask = request.update_mask.as_ref();
        let change = request::event_change(&mut fields, request.event, mask);
        let (Some(key), Some(event_id), Some(change)) = (key, event_id, change) else {
            return Err(fields.error().into());
        };
        let etag = &request.etag;
        let event = self.service.update_event(&caller, &key, event_id, etag, &change).await?;
        Ok(Response::new(wire::UpdateEventResponse { event: Some(response::event(event)) }))
    }

    async fn publish_event(
        &self,
        request: Request<wire::PublishEventRequest>,
    ) -> Result<Response<wire::PublishEventResponse>, Status> {
        let caller = caller(&request)?;
        let request = request.into_inner();
        let (key, event_id) = self.event_key(&caller, "PublishEvent", &request, |request| {
            (&request.request_id, &request.event_id)
        })?;
        let event = self.service.publish_event(&caller, &key, event_id).await?;
        Ok(Response::new(wire::PublishEventResponse { event: Some(response::event(event)) }))
    }

    async fn unpublish_event(
        &self,
        request: Request<wire::UnpublishEventRequest>,
    ) -> Result<Response<wire::UnpublishEventResponse>, Status> {
        let caller = caller(&request)?;
        let request = request.into_inner();
        let (key, event_id) = self.event_key(&caller, "UnpublishEvent", &request, |request| {
            (&request.request_id, &request.event_id)
        })?;
        let event = self.service.unpublish_event(&caller, &key, event_id).await?;
        Ok(Response::new(wire::UnpublishEventResponse { event: Some(response::event(event)) }))
    }

    async fn cancel_event(
        &self,
        request: Request<wire::CancelEventRequest>,
    ) -> Result<Response<wire::CancelEventResponse>, Status> {
        let caller = caller(&request)?;
        let request = request.into_inner();
        let (key, event_id) = self.event_key(&caller, "CancelEvent", &request, |request| {
            (&request.request_id, &request.event_id)
        })?;
        let event = self.service.cancel_event(&caller, &key, event_id).await?;
        Ok(Response::new(wire::CancelEventResponse { event: Some(response::event(event)) }))
    }

    async fn block_seats(
        &self,
        request: Request<wire::BlockSeatsRequest>,
    ) -> Result<Response<wire::BlockSeatsResponse>, Status> {
        let caller = caller(&request)?;
        let request = request.into_inner();
        let mut fields = Fields::default();
        let request_id = fields.request_id(&request.request_id);
        let event_id = fields.id("event_id", &request.event_id, EventId::parse);
        let seats = request::seats(&mut fields, &request.seat_ids);
        let (Some(request_id), Some(event_id), Some(seats)) = (request_id, event_id, seats) else {
            return Err(fields.error().into());
        };
        let key = self.keys.key(&caller, "BlockSeats", request_id, &request);
        let blocked = self.service.block_seats(&caller, &key, event_id, &seats, true).await?;
        let blocked_seat_ids = blocked.iter().map(ToString::to_string).collect();
        Ok(Response::new(wire::BlockSeatsResponse { blocked_seat_ids }))
    }

    async fn unblock_seats(
        &self,
        request: Request<wire::UnblockSeatsRequest>,
    ) -> Result<Response<wire::UnblockSeatsResponse>, Status> {
        let caller = caller(&request)?;
        let request = request.into_inner();
        let mut fields = Fields::default();
        let request_id = fields.request_id(&request.request_id);
        let event_id = fields.id("event_id", &request.event_id, EventId::parse);
        let seats = request::seats(&mut fields, &request.seat_ids);
        let (Some(request_id), Some(event_id), Some(seats)) = (request_id, event_id, seats) else {
            return Err(fields.error().into());
        };
        let key = self.keys.key(&caller, "UnblockSeats", request_id, &request);
        let blocked = self.service.block_seats(&caller, &key, event_id, &seats, false).await?;
        let blocked_seat_ids = blocked.iter().map(ToString::to_string).collect();
        Ok(Response::new(wire::UnblockSeatsResponse { blocked_seat_ids }))
    }

    async fn get_event(
        &self,
        request: Request<wire::GetEventRequest>,
    ) -> Result<Response<wire::GetEventResponse>, Status> {
        let mut fields = Fields::default();
        let event_id = fields.id("event_id", &request.get_ref().event_id, EventId::parse);
        let Some(event_id) = event_id else { return Err(fields.error().into()) };
        let event = self.service.event(maybe_caller(&request).as_ref(), event_id).await?;
        Ok(Response::new(wire::GetEventResponse { event: Some(response::event(event)) }))
    }

    async fn list_events(
        &self,
        request: Request<wire::ListEventsRequest>,
    ) -> Result<Response<wire::ListEventsResponse>, Status> {
        let wanted = request.get_ref();
        let mut fields = Fields::default();
        let page = fields.page(wanted.page_size, &wanted.page_token);
        let filter = request::event_filter(&mut fields, wanted);
        let owner = request::owner(&mut fields, wanted.mine, &wanted.organizer_id);
        let (Some(page), Some(filter), Some(owner), true) =
            (page, filter, owner, fields.are_good())
        else {
            return Err(fields.error().into());
        };
        let scope = match owner {
            Owner::Any => Scope::OnSale,
            Owner::Organizer(organizer_id) => Scope::OnSaleOf(organizer_id),
            Owner::Caller => match caller(&request)?.user_id() {
                Some(organizer_id) => Scope::Of(organizer_id),
                // A guest owns no events.
                None => return Ok(Response::new(wire::ListEventsResponse::default())),
            },
        };
        let page = self.service.events(scope, &filter, &page).await?;
        let next_page_token = page.next_token();
        let events = page.items.into_iter().map(response::event).collect();
        Ok(Response::new(wire::ListEventsResponse { events, next_page_token }))
    }

    async fn get_seat_map(
        &self,
        request: Request<wire::GetSeatMapRequest>,
    ) -> Result<Response<wire::GetSeatMapResponse>, Status> {
        let mut fields = Fields::default();
        let event_id = fields.id("event_id", &request.get_ref().event_id, EventId::parse);
        let Some(event_id) = event_id else { return Err(fields.error().into()) };
        let map = self.service.seat_map(maybe_caller(&request).as_ref(), event_id).await?;
        Ok(Response::new(response::seat_map(event_id, map)))
    }

    async fn get_availability(
        &self,
        request: Request<wire::GetAvailabilityRequest>,
    ) -> Result<Response<wire::GetAvailabilityResponse>, Status> {
        let mut fields = Fields::default();
        let event_ids = request::events(&mut fields, &request.get_ref().event_ids);
        let Some(event_ids) = event_ids else { return Err(fields.error().into()) };
        let events = self.service.availability(&event_ids).await?;
        let events = events.into_iter().map(|(id, event)| response::availability(id, event));
        Ok(Response::new(wire::GetAvailabilityResponse { events: events.collect() }))
    }
}
