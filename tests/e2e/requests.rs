//! Requests that are nearly too large, not protobuf, or wrong in a field, and what is said of it.
//! Whatever else can be wrong is in `input/walk.rs`.

use boxoffice_sdk::{Code, Error, ErrorReason};
use boxoffice_tests::{Person, World, request_id, scenarios};
use futures::StreamExt;
use prost::Message;
use prost_reflect::{DynamicMessage, Kind, Value};

use crate::wire::{Rpc, bearer, call, channel, rpcs, send, web_call};

/// Bytes of a request at the most.
const REQUEST_BYTES_MAX: usize = 1024 * 1024;

fn authorization(person: &Person) -> String {
    bearer(&person.tokens().expect("a session").access_token)
}

/// The request of an RPC with nonsense in every text field whose name ends so, and what of that
/// the answer must name.
fn with_bad_ids(rpc: &Rpc) -> (Vec<u8>, Vec<String>) {
    let mut message = DynamicMessage::new(rpc.method.input());
    let mut expected = Vec::new();
    for field in rpc.method.input().fields() {
        let name = field.name();
        let named = name.ends_with("_id") || name == "page_token";
        if named && matches!(field.kind(), Kind::String) {
            message.set_field(&field, Value::String("nonsense".into()));
            expected.push(name.to_owned());
        }
    }
    if rpc.method.name() == "GetPayment" {
        // One of its two is asked for at a time.
        message.clear_field_by_name("booking_id");
        expected.retain(|name| name == "payment_id");
    }
    (message.encode_to_vec(), expected)
}

scenarios! {
    async fn s_74_bytes_that_are_no_message_are_invalid_arguments_over_grpc_web(world: &World) {
        let path = "/boxoffice.catalog.v1.CatalogService/GetEvent";
        for text in [false, true] {
            let answer = web_call(&world.url(), path, &[0xff; 32], text, &[]).await;
            let invalid = format!("grpc-status:{}", Code::InvalidArgument as i32);
            assert!(answer.trailers.contains(&invalid), "{}", answer.trailers);
        }
        // No frame at all, half of one, one that promises more than comes, one of another kind.
        let other_kinds: [&[u8]; 2] = [&[7, 0, 0, 0, 0], &[1, 0, 0, 0, 0]];
        let cut: [&[u8]; 3] = [&[], &[0, 0], &[0, 0, 0, 0, 9, 1]];
        for body in cut.into_iter().chain(other_kinds) {
            let request = http::Request::post(format!("{}{path}", world.url()))
                .header("content-type", "application/grpc-web+proto");
            let (status, headers, _) = send(request, body.to_vec()).await;
            assert!(!status.is_server_error(), "{body:?} gives {status}");
            let code = headers.get("grpc-status").map(|code| code.to_str().expect("a number"));
            let invalid = i32::from(Code::InvalidArgument).to_string();
            assert_eq!(code, Some(invalid.as_str()), "{body:?}");
        }
    }

    async fn s_74_a_body_just_below_the_limit_is_read(world: &World) {
        let admin = authorization(&world.admin().await);
        let channel = channel(&world.url()).await;
        let metadata = [("authorization", admin.as_str())];
        // What is wrong with it is its missing fields; larger ones are in `input/frames.rs`.
        let mut body = Vec::new();
        prost::encoding::bytes::encode(999, &vec![1_u8; REQUEST_BYTES_MAX - 16], &mut body);
        let path = "/boxoffice.booking.v1.BookingService/HoldSeats";
        let outcome = call(&channel, path, body, &metadata).await;
        let error = Error::from(outcome.expect_err("nothing is given"));
        assert_eq!(error.reason(), ErrorReason::InvalidFields);
        assert!(error.violations().len() >= 3);
    }

    async fn s_74_malformed_ids_tokens_and_request_ids_are_named(world: &World) {
        let admin = authorization(&world.admin().await);
        let channel = channel(&world.url()).await;
        let mut walked = 0;
        for rpc in rpcs() {
            let (body, expected) = with_bad_ids(&rpc);
            if expected.is_empty() {
                continue;
            }
            walked += 1;
            let outcome = call(&channel, &rpc.path, body, &[("authorization", &*admin)]).await;
            let error = Error::from(outcome.expect_err("they are malformed"));
            assert_eq!(error.code(), Code::InvalidArgument, "{}", rpc.path);
            assert_eq!(error.reason(), ErrorReason::InvalidFields, "{}", rpc.path);
            let named: Vec<_> = error.violations().iter().map(|v| v.field.clone()).collect();
            for field in expected {
                assert!(named.contains(&field), "{} does not name {field}: {named:?}", rpc.path);
            }
        }
        assert!(walked >= 20, "only {walked} RPCs have ids");
    }

    async fn s_74_ids_of_another_kind_and_near_misses_are_malformed(world: &World) {
        let guest = world.guest().await;
        let uuid = request_id().replace('-', "");
        let good = format!("evt_{uuid}");
        let upper = good.to_uppercase();
        for event_id in [
            "",
            "evt_",
            &format!("bkg_{uuid}"),
            &uuid,
            &upper,
            &good[..good.len() - 1],
            &format!("{good}0"),
            &format!(" {good}"),
            &format!("evt_{}", request_id()),
            &"e".repeat(100_000),
            "evt_' or 1=1 --",
            "evt_\u{0}",
        ] {
            let request = boxoffice_sdk::booking::v1::HoldSeatsRequest {
                request_id: request_id(),
                event_id: event_id.to_owned(),
                seat_ids: vec!["sea_1".into()], general_admission: Vec::new() };
            let error = guest.hold_seats(request).await.expect_err("it is malformed");
            let fields: Vec<_> = error.violations().iter().map(|v| v.field.as_str()).collect();
            assert_eq!(fields, ["event_id", "seat_ids[0]"], "{event_id}");
            let mut watched = guest.watch_seats(event_id, None);
            let error = watched.next().await.expect("an answer").expect_err("it is malformed");
            assert_eq!(error.violations()[0].field, "event_id");
        }
        for bad in ["x", "00000000-0000-0000-0000-000000000000", &"1".repeat(100)] {
            let request = boxoffice_sdk::booking::v1::CancelBookingRequest {
                request_id: bad.into(),
                booking_id: format!("bkg_{uuid}"),
            };
            let error = guest.cancel_booking(request).await.expect_err("it is malformed");
            assert_eq!(error.violations()[0].field, "request_id", "{bad}");
        }
    }
}
