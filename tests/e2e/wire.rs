//! Calls as clients without our SDK make them: gRPC with bytes of one's own, gRPC-Web, plain HTTP.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use boxoffice_proto::POOL;
use boxoffice_proto::r#type::v1::Access;
use http::uri::PathAndQuery;
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use prost::bytes::{Buf, BufMut};
use prost_reflect::{MethodDescriptor, Value};
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::metadata::{MetadataKey, MetadataValue};
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Status};

/// How long any answer may take.
const ANSWER_MAX: std::time::Duration = std::time::Duration::from_secs(20);

/// Takes and gives messages as the bytes they are.
struct Bare;

impl Codec for Bare {
    type Encode = Vec<u8>;
    type Decode = Vec<u8>;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Bare {
    type Item = Vec<u8>;
    type Error = Status;

    fn encode(&mut self, item: Vec<u8>, to: &mut EncodeBuf<'_>) -> Result<(), Status> {
        to.put_slice(&item);
        Ok(())
    }
}

impl Decoder for Bare {
    type Item = Vec<u8>;
    type Error = Status;

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<Vec<u8>>, Status> {
        let length = from.remaining();
        Ok(Some(from.copy_to_bytes(length).to_vec()))
    }
}

/// A connection to the server at this address.
pub async fn channel(url: &str) -> Channel {
    let endpoint = Endpoint::from_shared(url.to_owned()).expect("an address");
    endpoint.connect().await.expect("a connection")
}

/// Calls an RPC with these bytes and metadata. Of a stream, the first message is the answer.
pub async fn call(
    channel: &Channel,
    path: &str,
    body: Vec<u8>,
    metadata: &[(&str, &str)],
) -> Result<Vec<u8>, Status> {
    let mut grpc = tonic::client::Grpc::new(channel.clone());
    grpc.ready().await.expect("a connection");
    let mut request = tonic::Request::new(body);
    for (name, value) in metadata {
        let name = MetadataKey::from_bytes(name.as_bytes()).expect("a name");
        request.metadata_mut().append(name, MetadataValue::try_from(*value).expect("a value"));
    }
    let path = PathAndQuery::try_from(path).expect("a path");
    let answer = async {
        let mut messages = grpc.server_streaming(request, path, Bare).await?.into_inner();
        messages.message().await?.ok_or_else(|| Status::unknown("no message and no error"))
    };
    tokio::time::timeout(ANSWER_MAX, answer).await.expect("an answer in time")
}

/// The metadata of a caller with this access token.
pub fn bearer(token: &str) -> String {
    format!("Bearer {token}")
}

/// The code of an outcome.
pub fn code<T>(outcome: &Result<T, Status>) -> Code {
    outcome.as_ref().err().map_or(Code::Ok, Status::code)
}

/// An RPC of ours and whom it admits, as the contract says.
pub struct Rpc {
    /// Its descriptor.
    pub method: MethodDescriptor,
    /// `/boxoffice.identity.v1.IdentityService/Login`.
    pub path: String,
    /// The option.
    pub access: Access,
}

/// Every RPC of the contract.
pub fn rpcs() -> Vec<Rpc> {
    let option = POOL.get_extension_by_name("boxoffice.type.v1.access").expect("the option");
    let ours = POOL.services().filter(|service| service.full_name().starts_with("boxoffice."));
    let methods: Vec<_> = ours.flat_map(|s| s.methods().collect::<Vec<_>>()).collect();
    let rpc = |method: MethodDescriptor| {
        let options = method.options();
        let value = options.get_extension(&option);
        let Value::Message(access) = value.as_ref() else { panic!("a message") };
        let access: Access = access.transcode_to().expect("an access option");
        let path = format!("/{}/{}", method.parent_service().full_name(), method.name());
        Rpc { method, path, access }
    };
    methods.into_iter().map(rpc).collect()
}

/// What came back over gRPC-Web.
pub struct WebAnswer {
    /// Of HTTP.
    pub status: StatusCode,
    /// Of HTTP.
    pub headers: HeaderMap,
    /// The messages.
    pub messages: Vec<Vec<u8>>,
    /// `name:value` lines; those of the headers when there was no body.
    pub trailers: String,
}

/// Calls an RPC over gRPC-Web and HTTP/1.1, with a binary or a text body.
pub async fn web_call(
    url: &str,
    path: &str,
    body: &[u8],
    text: bool,
    headers: &[(&str, &str)],
) -> WebAnswer {
    let mut frame = vec![0];
    frame.put_u32(u32::try_from(body.len()).expect("a length"));
    frame.extend(body);
    let (kind, frame) = match text {
        true => ("application/grpc-web-text+proto", STANDARD.encode(frame).into_bytes()),
        false => ("application/grpc-web+proto", frame),
    };
    let mut request = Request::builder().method(Method::POST).uri(format!("{url}{path}"));
    request = request.header("content-type", kind).header("accept", kind).header("x-grpc-web", "1");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let (status, headers, body) = send(request, frame).await;
    let body = if text { decoded(&body) } else { body };
    let (mut messages, mut trailers) = (Vec::new(), String::new());
    let mut rest = body.as_slice();
    while rest.len() >= 5 {
        let (flag, length) = (rest[0], u32::from_be_bytes(rest[1..5].try_into().expect("four")));
        let end = 5 + usize::try_from(length).expect("a length");
        match flag {
            0 => messages.push(rest[5..end].to_vec()),
            _ => trailers.push_str(std::str::from_utf8(&rest[5..end]).expect("text")),
        }
        rest = &rest[end..];
    }
    assert!(rest.is_empty(), "half a frame");
    if let Some(code) = headers.get("grpc-status") {
        trailers.push_str(&format!("grpc-status:{}", code.to_str().expect("a number")));
    }
    WebAnswer { status, headers, messages, trailers }
}

/// Texts of several frames stand one after the other, each padded by itself.
fn decoded(text: &[u8]) -> Vec<u8> {
    assert_eq!(text.len() % 4, 0, "whole groups of four");
    text.chunks(4).flat_map(|group| STANDARD.decode(group).expect("base64")).collect()
}

/// Sends a request over HTTP/1.1 and reads the whole answer.
pub async fn send(
    request: http::request::Builder,
    body: Vec<u8>,
) -> (StatusCode, HeaderMap, Vec<u8>) {
    let client = Client::builder(TokioExecutor::new()).build_http::<Full<Bytes>>();
    let request = request.body(Full::new(Bytes::from(body))).expect("a request");
    let answer = tokio::time::timeout(ANSWER_MAX, client.request(request)).await;
    let (head, body) = answer.expect("an answer in time").expect("an answer").into_parts();
    let body = body.collect().await.expect("the whole answer").to_bytes().to_vec();
    (head.status, head.headers, body)
}

/// Reads a page.
pub async fn get(url: &str) -> (StatusCode, HeaderMap, String) {
    let request = Request::builder().method(Method::GET).uri(url);
    let (status, headers, body) = send(request, Vec::new()).await;
    (status, headers, String::from_utf8(body).expect("text"))
}
