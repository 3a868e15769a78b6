//! Who may do what.

use boxoffice_sdk::booking::v1::{
    CancelBookingRequest, CreateBookingRequest, ExtendHoldRequest, GetBookingRequest,
    GetHoldRequest, HoldSeatsRequest, ListBookingsRequest, ReleaseHoldRequest, booking,
};
use boxoffice_sdk::catalog::v1::{
    CreateEventRequest, GetEventRequest, GetVenueRequest, ListEventsRequest, PublishEventRequest,
};
use boxoffice_sdk::identity::v1::{
    GetMeRequest, LogoutRequest, RegisterRequest, SetUserRolesRequest, User, get_me_response,
};
use boxoffice_sdk::payment::v1::{CreatePaymentRequest, GetPaymentRequest};
use boxoffice_sdk::reporting::v1::GetBookingTimelineRequest;
use boxoffice_sdk::ticket::v1::{GetTicketRequest, ListTicketsRequest};
use boxoffice_sdk::r#type::v1::Role;
use boxoffice_sdk::{Code, Error, ErrorReason};
use boxoffice_tests::{
    PASSWORD, Person, Stage, StagePlan, World, look_until, request_id, scenarios,
};
use futures::StreamExt;
use prost::Message;
use prost_reflect::{Kind, MessageDescriptor};

use crate::catalog::event_draft;
use crate::wire::{bearer, call, channel, rpcs};

/// Services through which buyers act.
const BUYERS: [&str; 4] = ["booking", "payment", "ticket", "reporting"];
/// What no request of a buyer may have a field for.
const FORGEABLE: [&str; 9] =
    ["user", "session", "customer", "guest", "owner", "price", "amount", "currency", "total"];

/// Every field of a message and of the messages in it.
fn fields_of(message: &MessageDescriptor, found: &mut Vec<String>) {
    for field in message.fields() {
        found.push(format!("{}.{}", message.name(), field.name()));
        if let Kind::Message(inner) = field.kind() {
            fields_of(&inner, found);
        }
    }
}

fn not_found<T>(what: &str, outcome: Result<T, Error>) {
    let error = outcome.err().unwrap_or_else(|| panic!("{what} was allowed"));
    assert_eq!((error.code(), error.reason()), (Code::NotFound, ErrorReason::NotFound), "{what}");
}

async fn me(person: &Person) -> User {
    match person.get_me(GetMeRequest {}).await.expect("somebody").session {
        Some(get_me_response::Session::User(user)) => user,
        other => panic!("no user: {other:?}"),
    }
}

async fn set_roles(by: &Person, user: &User, roles: &[Role]) -> Result<User, Error> {
    let request = SetUserRolesRequest {
        request_id: request_id(),
        user_id: user.user_id.clone(),
        roles: roles.iter().map(|role| (*role).into()).collect(),
    };
    by.set_user_roles(request).await.map(|response| response.user.expect("a user"))
}

/// Everything somebody else might try with the hold, booking, payment and tickets of `owner`.
async fn assert_hidden(other: &Person, owner: &Person, stage: &Stage) {
    let hold = owner.hold(&stage.event_id, &[stage.seat(9)]).await.expect("it is free");
    let hold_id = hold.hold_id.clone();
    let bought = owner.list_bookings(ListBookingsRequest::default()).await.expect("a list");
    let confirmed = booking::State::Confirmed;
    let bought = bought.bookings.into_iter().find(|booking| booking.state() == confirmed);
    let bought = bought.expect("a confirmed booking");
    let booking_id = bought.booking_id.clone();
    let by_booking =
        GetPaymentRequest { booking_id: booking_id.clone(), payment_id: String::new() };
    let payment = owner.get_payment(by_booking.clone()).await.expect("it is the owner's");
    let payment_id = payment.payment.expect("a payment").payment_id;
    let ticket_id = owner.tickets_of(&bought).await[0].ticket_id.clone();

    let request = GetHoldRequest { hold_id: hold_id.clone() };
    not_found("GetHold", other.get_hold(request).await);
    let request = ExtendHoldRequest { request_id: request_id(), hold_id: hold_id.clone() };
    not_found("ExtendHold", other.extend_hold(request).await);
    let request = ReleaseHoldRequest { request_id: request_id(), hold_id: hold_id.clone() };
    not_found("ReleaseHold", other.release_hold(request).await);
    not_found("CreateBooking", other.book(&hold).await);
    let request = GetBookingRequest { booking_id: booking_id.clone() };
    not_found("GetBooking", other.get_booking(request).await);
    let request = CancelBookingRequest { request_id: request_id(), booking_id: booking_id.clone() };
    not_found("CancelBooking", other.cancel_booking(request).await);
    let watched = other.watch_booking(&booking_id).next().await.expect("an answer");
    not_found("WatchBooking", watched);
    not_found("CreatePayment", other.pay(&bought, "tok_success").await);
    let request = GetPaymentRequest { payment_id, booking_id: String::new() };
    not_found("GetPayment", other.get_payment(request).await);
    not_found("GetPayment by booking", other.get_payment(by_booking).await);
    not_found("GetTicket", other.get_ticket(GetTicketRequest { ticket_id }).await);
    let request = GetBookingTimelineRequest { booking_id: booking_id.clone() };
    not_found("GetBookingTimeline", other.get_booking_timeline(request).await);

    assert!(other.tickets_of(&bought).await.is_empty());
    let all = other.list_tickets(ListTicketsRequest::default()).await.expect("a list");
    assert!(all.tickets.iter().all(|ticket| ticket.booking_id != booking_id));
    let all = other.list_bookings(ListBookingsRequest::default()).await.expect("a list");
    assert!(all.bookings.is_empty());
    // Nothing of all that changed anything.
    assert_eq!(owner.look_at(&bought).await, bought);
    let now = owner.get_hold(GetHoldRequest { hold_id }).await.expect("it is the owner's");
    assert_eq!(now.hold, Some(hold.clone()));
    let request = ReleaseHoldRequest { request_id: request_id(), hold_id: hold.hold_id };
    owner.release_hold(request).await.expect("it is released");
}

#[test]
fn s_60_no_request_of_a_buyer_can_name_a_user_or_a_price() {
    for rpc in rpcs() {
        let buyers = BUYERS.iter().any(|name| rpc.path.starts_with(&format!("/boxoffice.{name}.")));
        let mut fields = Vec::new();
        fields_of(&rpc.method.input(), &mut fields);
        let forgeable = fields.iter().find(|field| FORGEABLE.iter().any(|w| field.contains(w)));
        assert!(!buyers || forgeable.is_none(), "{} takes {forgeable:?}", rpc.path);
    }
}

scenarios! {
    async fn s_60_the_token_alone_says_who_acts(world: &World) {
        let stage = world.stage(StagePlan::default()).await;
        let (guest, other) = (world.guest().await, world.customer().await);
        let nobody = world.anonymous().await;
        let refused = nobody.hold(&stage.event_id, &[stage.seat(0)]).await.expect_err("no token");
        assert_eq!(refused.code(), Code::Unauthenticated);
        assert_eq!(refused.reason(), ErrorReason::TokenMissing);
        // A field that does not exist names somebody else, and a header does too.
        let request = HoldSeatsRequest {
            request_id: request_id(),
            event_id: stage.event_id.clone(),
            seat_ids: vec![stage.seat(0).to_owned()], general_admission: Vec::new() };
        let mut body = request.encode_to_vec();
        let user_id = me(&other).await.user_id;
        prost::encoding::string::encode(50, &user_id, &mut body);
        prost::encoding::string::encode(99, &user_id, &mut body);
        let token = bearer(&guest.tokens().expect("a session").access_token);
        let metadata = [("authorization", token.as_str()), ("x-user-id", user_id.as_str())];
        let channel = channel(&world.url()).await;
        let path = "/boxoffice.booking.v1.BookingService/HoldSeats";
        let answer = call(&channel, path, body, &metadata).await.expect("it is held");
        let held = boxoffice_sdk::booking::v1::HoldSeatsResponse::decode(&*answer);
        let hold_id = held.expect("a response").hold.expect("a hold").hold_id;
        let request = GetHoldRequest { hold_id };
        not_found("GetHold", other.get_hold(request.clone()).await);
        let hold = guest.get_hold(request).await.expect("it is the guest's").hold.expect("a hold");
        // A guest can go all the way.
        let booking = guest.book(&hold).await.expect("the hold is good");
        guest.pay(&booking, "tok_success").await.expect("it is paid");
        assert_eq!(guest.tickets_of(&booking).await.len(), 1);
    }

    async fn s_61_what_is_somebody_elses_is_not_there(world: &World) {
        let organizer = world.organizer().await;
        let stage = Stage::publish(&organizer, &StagePlan::default()).await;
        for owner in [world.guest().await, world.customer().await] {
            let seat = if me_is_guest(&owner).await { stage.seat(0) } else { stage.seat(1) };
            let booking = owner.buy(&stage.event_id, &[seat]).await;
            // The timeline follows the sale; others are asked about one that is there.
            let timeline = async || owner.timeline_of(&booking).await;
            look_until(timeline, |steps| !steps.is_empty()).await;
            let others = [world.guest().await, world.customer().await, world.organizer().await];
            for other in &others {
                assert_hidden(other, &owner, &stage).await;
            }
            let admin = world.admin().await;
            assert_eq!(admin.look_at(&booking).await, booking);
        }
    }

    async fn s_61_request_ids_are_each_callers_own(world: &World) {
        let stage = world.stage(StagePlan::default()).await;
        let (one, two) = (world.guest().await, world.guest().await);
        let shared = request_id();
        let mut holds = Vec::new();
        for (person, seat) in [(&one, stage.seat(0)), (&two, stage.seat(1))] {
            let request = HoldSeatsRequest {
                request_id: shared.clone(),
                event_id: stage.event_id.clone(),
                seat_ids: vec![seat.to_owned()], general_admission: Vec::new() };
            holds.push(person.hold_seats(request).await.expect("it is free").hold.expect("one"));
        }
        assert_ne!(holds[0].hold_id, holds[1].hold_id);
        let mut bookings = Vec::new();
        for (person, hold) in [(&one, &holds[0]), (&two, &holds[1])] {
            let request = CreateBookingRequest {
                request_id: shared.clone(),
                hold_id: hold.hold_id.clone(),
                contact_email: String::new(),
            };
            bookings.push(person.create_booking(request).await.expect("it is booked"));
        }
        assert_ne!(bookings[0], bookings[1]);
        for (person, booking) in [(&one, &bookings[0]), (&two, &bookings[1])] {
            let request = CreatePaymentRequest {
                request_id: shared.clone(),
                booking_id: booking.booking.as_ref().expect("a booking").booking_id.clone(),
                payment_token: "tok_success".into(),
                wait: Some(boxoffice_sdk::Duration { seconds: 5, nanos: 0 }),
            };
            person.create_payment(request).await.expect("it is paid");
        }
    }

    async fn s_62_only_an_admin_gives_roles(world: &World) {
        let newcomer = world.anonymous().await;
        let request = RegisterRequest {
            email: "newcomer@example.com".into(),
            password: PASSWORD.into(),
            display_name: "ADMIN".into(),
 ..Default::default() };
        // Roles in fields that do not exist are not looked at.
        let mut body = request.encode_to_vec();
        prost::encoding::int32::encode(104, &Role::Admin.into(), &mut body);
        prost::encoding::string::encode(105, &"ROLE_ADMIN".to_owned(), &mut body);
        let channel = channel(&world.url()).await;
        let path = "/boxoffice.identity.v1.IdentityService/Register";
        let answer = call(&channel, path, body, &[("x-user-role", "ADMIN")]).await;
        let answer = answer.expect("an account");
        let answer = boxoffice_sdk::identity::v1::RegisterResponse::decode(&*answer);
        let answer = answer.expect("a response");
        newcomer.set_tokens(answer.tokens);
        let user = answer.user.expect("a user");
        assert_eq!(user.roles, [i32::from(Role::Customer)]);

        let others = [world.guest().await, world.customer().await, world.organizer().await];
        for person in others.iter().chain([&newcomer]) {
            let error = set_roles(person, &user, &[Role::Admin]).await.expect_err("no admin");
            assert_eq!(error.code(), Code::PermissionDenied);
            assert_eq!(error.reason(), ErrorReason::RoleMissing);
        }
        let error = set_roles(&world.anonymous().await, &user, &[Role::Admin]).await;
        assert_eq!(error.expect_err("nobody").reason(), ErrorReason::TokenMissing);
        assert_eq!(me(&newcomer).await.roles, [i32::from(Role::Customer)]);

        let admin = world.admin().await;
        for bad in [Role::Guest, Role::Unspecified] {
            let error = set_roles(&admin, &user, &[bad]).await.expect_err("no such role");
            assert_eq!(error.violations()[0].field, "roles");
        }
        let promoted = set_roles(&admin, &user, &[Role::Organizer]).await.expect("it is given");
        assert_eq!(promoted.roles, [Role::Customer, Role::Organizer].map(i32::from));
        // It counts from the next token on.
        let request = CreateEventRequest::default();
        let early = newcomer.create_event(request.clone()).await.expect_err("an old token");
        assert_eq!(early.reason(), ErrorReason::RoleMissing);
        newcomer.refresh().await.expect("a new token");
        let now = newcomer.create_event(request.clone()).await.expect_err("an empty draft");
        assert_eq!(now.reason(), ErrorReason::InvalidFields);
        // And is taken away the same way.
        set_roles(&admin, &user, &[]).await.expect("it is taken");
        newcomer.refresh().await.expect("a new token");
        let late = newcomer.create_event(request).await.expect_err("no organizer any more");
        assert_eq!(late.reason(), ErrorReason::RoleMissing);
        newcomer.logout(LogoutRequest::default()).await.expect("the end");
    }

    async fn s_63_organizers_touch_only_what_is_theirs(world: &World) {
        let (owner, other) = (world.organizer().await, world.organizer().await);
        let stage = Stage::publish(&owner, &StagePlan::default()).await;
        let request = GetVenueRequest { venue_id: stage.venue_id.clone() };
        let venue = owner.get_venue(request).await.expect("a venue").venue.expect("one");
        let draft = Some(event_draft(&venue, "Mine"));
        let request = CreateEventRequest { request_id: request_id(), event: draft };
        not_found("CreateEvent at a foreign venue", other.create_event(request.clone()).await);
        let event = owner.create_event(request).await.expect("a draft").event.expect("one");
        let event_id = event.event_id;
        for person in [&other, &world.customer().await, &world.anonymous().await] {
            let request = GetEventRequest { event_id: event_id.clone() };
            not_found("GetEvent of a draft", person.get_event(request).await);
        }
        let publish = PublishEventRequest { request_id: request_id(), event_id: event_id.clone() };
        not_found("PublishEvent", other.publish_event(publish.clone()).await);
        let mine = ListEventsRequest { mine: true, ..Default::default() };
        assert!(other.list_events(mine.clone()).await.expect("a list").events.is_empty());
        assert_eq!(owner.list_events(mine).await.expect("a list").events.len(), 2);
        owner.publish_event(publish).await.expect("it is published");
    }
}

async fn me_is_guest(person: &Person) -> bool {
    let me = person.get_me(GetMeRequest {}).await.expect("somebody").session;
    matches!(me, Some(get_me_response::Session::Guest(_)))
}
