//! Broken frames of gRPC around good requests, on every RPC, and over gRPC-Web.

use boxoffice_proto::r#type::v1::ErrorReason;
use boxoffice_tests::{World, scenarios};
use tonic::Code;

use super::exchange::{Wire, frame, framed};
use super::scene::{Scene, Whose, authorization};
use super::verdict::{Seen, told, unclear};
use crate::wire::{Rpc, rpcs, send};

/// What a broken frame may come to.
enum Expected {
    /// The bytes are no request.
    Unreadable,
    /// The request is too large.
    TooLarge,
    /// The compression is not known.
    Encoding,
    /// What the request itself comes to.
    Clear,
}

/// A way to send a request.
struct Broken {
    what: &'static str,
    body: Vec<u8>,
    headers: Vec<(&'static str, &'static [u8])>,
    expected: Expected,
}

/// The beginning of a gzip file of a gibibyte of zeros, as far as it is needed: a header and a
/// deflated block that refers to itself again and again.
fn bomb() -> Vec<u8> {
    let mut bytes = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 0xec, 0xc1, 0x01, 0x01];
    bytes.extend([0; 100_000]);
    bytes
}

fn breaks(message: &[u8]) -> Vec<Broken> {
    let length = u32::try_from(message.len()).expect("a length");
    let good = frame(message);
    let mut all = Vec::new();
    let mut add = |what, body, headers: &[(&'static str, &'static [u8])], expected| {
        all.push(Broken { what, body, headers: headers.to_vec(), expected });
    };
    use Expected::{Clear, Encoding, TooLarge, Unreadable};
    add("no frame", Vec::new(), &[], Unreadable);
    add("a bit of a frame's head", vec![0, 0, 0], &[], Unreadable);
    add("a frame that promises more", framed(0, length + 100, message), &[], Unreadable);
    add("half of a frame", good[..4].to_vec(), &[], Unreadable);
    add("compressed, by nothing", framed(1, length, message), &[], Unreadable);
    for flag in [2, 127, 128, 255] {
        add("an unknown flag", framed(flag, length, message), &[], Unreadable);
    }
    add("a gigabyte is promised", framed(0, u32::MAX, message), &[], TooLarge);
    add("too large", frame(&vec![0; 1024 * 1024 + 1]), &[], TooLarge);
    let (gzip, identity): (&[u8], &[u8]) = (b"gzip", b"identity");
    let packed = bomb();
    let bomb = framed(1, u32::try_from(packed.len()).expect("a length"), &packed);
    add("a gzip bomb", bomb, &[("grpc-encoding", gzip)], Encoding);
    add("gzip garbage", framed(1, 4, b"gzip"), &[("grpc-encoding", gzip)], Encoding);
    for name in [&b"br"[..], b"zstd", b"snappy", b"deflate", b"GZIP", b"x", b"", b"gzip,identity"] {
        add("an unknown compression", good.clone(), &[("grpc-encoding", name)], Encoding);
    }
    add(
        "compressed by identity",
        framed(1, length, message),
        &[("grpc-encoding", identity)],
        Unreadable,
    );
    add("not compressed, by identity", good.clone(), &[("grpc-encoding", identity)], Clear);
    add("two messages", [good.clone(), good.clone()].concat(), &[], Clear);
    add("a message and garbage", [&good[..], &[9, 9, 9]].concat(), &[], Clear);
    add("another content type", good, &[("content-type", b"text/plain")], Clear);
    all
}

async fn send_broken(wire: &Wire, rpc: &Rpc, authorization: &str, broken: &Broken, seen: &Seen) {
    let mut headers = vec![("authorization", authorization.as_bytes())];
    headers.extend(broken.headers.iter().copied());
    let answer = wire.call(&rpc.path, &headers, broken.body.clone()).await;
    let outcome = answer.told();
    let what = format!("{} with {}: {outcome:?}", rpc.path, broken.what);
    seen.count(rpc.method.name(), &outcome);
    let expected = match broken.expected {
        Expected::Unreadable => (Code::InvalidArgument, ErrorReason::RequestUnreadable),
        Expected::TooLarge => (Code::ResourceExhausted, ErrorReason::RequestTooLarge),
        Expected::Encoding => {
            let known = answer.headers.get("grpc-accept-encoding");
            assert_eq!(known.map(|value| value.as_bytes()), Some(&b"identity"[..]), "{what}");
            (Code::Unimplemented, ErrorReason::UnknownEncoding)
        }
        Expected::Clear => {
            assert_eq!(unclear(&rpc.method.output(), &outcome), None, "{what}");
            return;
        }
    };
    assert_eq!(told(&outcome), (expected.0, Some(expected.1)), "{what}");
    let status = outcome.expect_err("it is broken");
    assert_eq!(super::verdict::fault_of(&status), None, "{what}");
}

/// What is sent as text is no base64 either, so that any of it is garbage there.
async fn send_broken_by_web(world: &World, rpc: &Rpc, kind: &str, caller: &str, broken: &Broken) {
    let mut request = http::Request::post(format!("{}{}", world.url(), rpc.path))
        .header("content-type", kind)
        .header("authorization", caller);
    for (name, value) in broken.headers.iter().filter(|(name, _)| *name != "content-type") {
        request = request.header(*name, *value);
    }
    let (status, headers, body) = send(request, broken.body.clone()).await;
    let what = format!("{} with {}: {status} {headers:?}", rpc.path, broken.what);
    assert!(!status.is_server_error(), "{what}");
    let code = headers.get("grpc-status").map(|code| code.as_bytes().to_vec());
    let unclear = [&b"2"[..], b"13", b"14"];
    assert!(code.is_none_or(|code| !unclear.contains(&&code[..])), "{what}");
    let text = String::from_utf8_lossy(&body).to_lowercase();
    assert!(!text.contains("grpc-status:13") && !text.contains("panicked"), "{what}");
}

scenarios! {
    async fn s_74_broken_frames_are_refused_by_every_rpc(world: &World) {
        let scene = Scene::open(world).await;
        let (wire, seen, rpcs) = (Wire::open(world).await, Seen::default(), rpcs());
        let [organizer, admin] = [&scene.hosts[0].person, &scene.admin].map(authorization);
        for rpc in &rpcs {
            let caller = if rpc.path.contains(".catalog.") { &organizer } else { &admin };
            let message = scene.good(rpc.method.name(), Whose::Absent).await;
            // Streams that begin well go on; they have tests of their own.
            let goes_on = rpc.method.is_server_streaming();
            for broken in breaks(&message) {
                if !(goes_on && matches!(broken.expected, Expected::Clear)) {
                    send_broken(&wire, rpc, caller, &broken, &seen).await;
                }
            }
        }
        println!("{} calls: {:#?}", seen.calls(), seen.outcomes());
        assert_eq!(seen.rpcs().len(), rpcs.len());
        assert!(seen.calls() >= 1_500 && seen.outcomes().contains_key("Ok"));
        scene.fresh_buyer(&scene.hosts[0]).await;
    }

    async fn s_74_broken_frames_are_refused_over_grpc_web(world: &World) {
        let scene = Scene::open(world).await;
        let admin = authorization(&scene.admin);
        for name in ["GetMe", "ListEvents", "HoldSeats", "WatchSeats", "Login"] {
            let rpcs = rpcs();
            let rpc = rpcs.iter().find(|rpc| rpc.method.name() == name).expect(name);
            let goes_on = rpc.method.is_server_streaming();
            let message = scene.good(name, Whose::Absent).await;
            for broken in breaks(&message) {
                if !(goes_on && matches!(broken.expected, Expected::Clear)) {
                    for kind in ["application/grpc-web+proto", "application/grpc-web-text"] {
                        send_broken_by_web(world, rpc, kind, &admin, &broken).await;
                    }
                }
            }
        }
    }
}
