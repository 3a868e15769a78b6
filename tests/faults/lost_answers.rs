//! A commit whose answer is lost: the server cannot know whether it happened and says so, and the
//! same request again settles it.

use boxoffice_proto::booking::v1::booking_service_client::BookingServiceClient;
use boxoffice_proto::booking::v1::{
    Booking, CancelBookingRequest, CreateBookingRequest, Hold, HoldSeatsRequest, booking,
};
use boxoffice_proto::payment::v1::payment_service_client::PaymentServiceClient;
use boxoffice_proto::payment::v1::{CreatePaymentRequest, Refund, payment, refund};
use boxoffice_server::kernel::id::{BookingId, EventId};
use boxoffice_tests::{Backend, Database, Person, Process, Proxy, Stage, look_until, request_id};
use tonic::transport::Channel;
use tonic::{Code, Request, Response, Status};
use tonic_types::StatusExt;

use crate::rush;

/// Somebody whose calls are made once, without the SDK, which would repeat them.
struct Caller {
    channel: Channel,
    bearer: String,
}

impl Caller {
    async fn new(process: &Process, person: &Person) -> Self {
        let endpoint = Channel::from_shared(process.url()).expect("an address");
        let channel = endpoint.connect().await.expect("a connection");
        let tokens = person.tokens().expect("tokens");
        Self { channel, bearer: format!("Bearer {}", tokens.access_token) }
    }

    fn request<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        let bearer = self.bearer.parse().expect("a header");
        request.metadata_mut().insert("authorization", bearer);
        request
    }

    fn bookings(&self) -> BookingServiceClient<Channel> {
        BookingServiceClient::new(self.channel.clone())
    }

    fn payments(&self) -> PaymentServiceClient<Channel> {
        PaymentServiceClient::new(self.channel.clone())
    }
}

/// Asks with the answer to the commit lost, and then once more.
async fn ask_twice<T>(
    proxy: &Proxy,
    marker: &str,
    ask: impl AsyncFn() -> Result<Response<T>, Status>,
) -> T {
    let before = proxy.lost_commits();
    proxy.lose_commit_of(marker);
    let unknown = ask().await.map(drop).expect_err("nobody can know");
    assert_eq!(proxy.lost_commits(), before + 1, "{unknown:?}");
    assert_eq!(unknown.code(), Code::Unavailable, "{unknown:?}");
    let retry = unknown.get_details_retry_info().expect("when to repeat it");
    assert!(retry.retry_delay.is_some());
    ask().await.expect("the same request is answered").into_inner()
}

async fn hold(caller: &Caller, proxy: &Proxy, stage: &Stage, seat: usize) -> Hold {
    let event = EventId::parse(&stage.event_id).expect("an event id").uuid();
    let request = HoldSeatsRequest {
        request_id: request_id(),
        event_id: stage.event_id.clone(),
        seat_ids: vec![stage.seat(seat).to_owned()],
        general_admission: Vec::new(),
    };
    let held = ask_twice(proxy, &format!("seats {event}"), async || {
        caller.bookings().hold_seats(caller.request(request.clone())).await
    })
    .await;
    held.hold.expect("a hold")
}

async fn book(caller: &Caller, proxy: &Proxy, stage: &Stage, hold: &Hold) -> Booking {
    let event = EventId::parse(&stage.event_id).expect("an event id").uuid();
    let request = CreateBookingRequest {
        request_id: request_id(),
        hold_id: hold.hold_id.clone(),
        contact_email: "buyer@example.com".into(),
    };
    let booked = ask_twice(proxy, &format!("seats {event}"), async || {
        caller.bookings().create_booking(caller.request(request.clone())).await
    })
    .await;
    booked.booking.expect("a booking")
}

fn marker_of(booking: &Booking) -> String {
    format!("booking {}", BookingId::parse(&booking.booking_id).expect("a booking id").uuid())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s_17_a_commit_whose_answer_is_lost_is_settled_by_the_same_request() {
    let folder = tempfile::tempdir().expect("a scratch folder");
    let database = Database::create(Backend::Postgres, folder.path()).await;
    let (proxy, url) = Proxy::before_url(&database.url).await;
    let mut process = Process::prepare(database, folder, &["--database", &url]);
    process.start_again();
    let stage = rush::stage(&process).await;
    let buyer = process.guest().await;
    let caller = Caller::new(&process, &buyer).await;

    let first = hold(&caller, &proxy, &stage, 0).await;
    let second = buyer.hold(&stage.event_id, &[stage.seat(1)]).await.expect("it is free");
    let first = book(&caller, &proxy, &stage, &first).await;
    let second = buyer.book(&second).await.expect("the hold is good");

    // Nobody has asked the gateway when the answer was lost, so this is made good by itself.
    let request = CreatePaymentRequest {
        request_id: request_id(),
        booking_id: first.booking_id.clone(),
        payment_token: "tok_success".into(),
        wait: None,
    };
    let paid = ask_twice(&proxy, &marker_of(&first), async || {
        caller.payments().create_payment(caller.request(request.clone())).await
    })
    .await;
    let first_payment = paid.payment.expect("a payment");

    let second_payment = buyer.pay(&second, "tok_success").await.expect("an answer");
    buyer.wait_for(&second, booking::State::Confirmed).await;
    let request =
        CancelBookingRequest { request_id: request_id(), booking_id: second.booking_id.clone() };
    let cancelled = ask_twice(&proxy, &marker_of(&second), async || {
        caller.bookings().cancel_booking(caller.request(request.clone())).await
    })
    .await;
    let cancelled = cancelled.booking.expect("a booking");
    assert_eq!(cancelled.state(), booking::State::Cancelled);

    buyer.wait_for(&first, booking::State::Confirmed).await;
    assert_eq!(buyer.look_at_payment(&first_payment).await.state(), payment::State::Succeeded);
    let refunds = async || buyer.look_at_payment(&second_payment).await.refunds;
    let made = |refunds: &Vec<Refund>| {
        refunds.iter().all(|one| one.state() == refund::State::Succeeded) && refunds.len() == 1
    };
    look_until(refunds, made).await;
    for (table, count) in [("hold", 2), ("booking", 2)] {
        let rows = format!("select count(*) from booking_{table}");
        assert_eq!(process.database.count_by_hand(&rows).await, count, "{table}");
    }
    let ledger = process.ledger().await;
    let mut sums: Vec<_> = ledger.iter().map(|e| (e.amount_minor, e.refunded_minor)).collect();
    sums.sort_unstable();
    assert_eq!(sums, [(2_500, 0), (2_500, 2_500)], "one charge each");
    assert_eq!(proxy.lost_commits(), 4);
    process.finish().await;
}
