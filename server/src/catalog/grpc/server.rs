//! The RPCs, each thin: parse, run the use case, map.

use boxoffice_proto::catalog::v1 as wire;
use boxoffice_proto::catalog::v1::catalog_service_server;
use tonic::{Request, Response, Status, async_trait};

use super::{request, response};
use crate::catalog::domain::search::Scope;
use crate::catalog::service::CatalogService;
use crate::error::Result;
use crate::kernel::id::{EventId, VenueId};
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
        let Some(page) = page else { return Err(fields.error().into()) };
        let organizer_id = if wanted.mine { caller(&request)?.user_id() } else { None };
        if wanted.mine && organizer_id.is_none() {
            // A guest owns no venues.
            return Ok(Response::new(wire::ListVenuesResponse::default()));
        }
        let page = self.service.venues(organizer_id, &page).await?;
        let next_page_token = page.next_token();
        let venues = page.items.into_iter().map(response::venue).collect();
        Ok(Response::new(wire::ListVenuesResponse { venues, next_page_token }))
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

    async fn publish_event(
        &self,
        request: Request<wire::PublishEventRequest>,
    ) -> Result<Response<wire::PublishEventResponse>, Status> {
        let caller = caller(&request)?;
        let request = request.into_inner();
        let mut fields = Fields::default();
        let request_id = fields.request_id(&request.request_id);
        let event_id = fields.id("event_id", &request.event_id, EventId::parse);
        let (Some(request_id), Some(event_id)) = (request_id, event_id) else {
            return Err(fields.error().into());
        };
        let key = self.keys.key(&caller, "PublishEvent", request_id, &request);
        let event = self.service.publish_event(&caller, &key, event_id).await?;
        Ok(Response::new(wire::PublishEventResponse { event: Some(response::event(event)) }))
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
        let (Some(page), Some(filter), true) = (page, filter, fields.are_good()) else {
            return Err(fields.error().into());
        };
        let scope = if wanted.mine {
            let Some(organizer_id) = caller(&request)?.user_id() else {
                // A guest owns no events.
                return Ok(Response::new(wire::ListEventsResponse::default()));
            };
            Scope::Of(organizer_id)
        } else {
            Scope::OnSale
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
}
