//! Exchanges over HTTP/2 with whatever headers and bytes one likes.

use boxoffice_tests::Door;
use bytes::Bytes;
use h2::client::SendRequest;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode};
use tokio::net::TcpStream;
use tonic::Status;

/// How long any answer may take.
const ANSWER_MAX: std::time::Duration = std::time::Duration::from_secs(20);

/// A connection of HTTP/2.
#[derive(Clone)]
pub struct Wire {
    send: SendRequest<Bytes>,
    authority: String,
}

/// What came back.
pub struct Answer {
    /// Of HTTP.
    pub status: StatusCode,
    /// Of HTTP.
    pub headers: HeaderMap,
    /// The bytes, frames and all.
    pub body: Vec<u8>,
    /// What came after them.
    pub trailers: HeaderMap,
}

impl Answer {
    /// What gRPC makes of it: the first message, or the status.
    pub fn told(&self) -> Result<Vec<u8>, Status> {
        let status = Status::from_header_map(&self.trailers)
            .or_else(|| Status::from_header_map(&self.headers))
            .unwrap_or_else(|| Status::unknown(format!("{} and no status", self.status)));
        if status.code() != tonic::Code::Ok {
            return Err(status);
        }
        Ok(self.body.get(5..).unwrap_or_default().to_vec())
    }
}

/// The headers of a call.
pub fn headers(path: &str, url: &str, more: &[(&str, &[u8])]) -> Request<()> {
    let mut request = Request::new(());
    *request.method_mut() = Method::POST;
    *request.uri_mut() = format!("{url}{path}").parse().expect("a URI");
    *request.version_mut() = http::Version::HTTP_2;
    let standard: [(&str, &[u8]); 2] =
        [("te", b"trailers"), ("content-type", b"application/grpc+proto")];
    for (name, value) in standard {
        if more.iter().all(|(other, _)| *other != name) {
            append(&mut request, name, value);
        }
    }
    for (name, value) in more {
        append(&mut request, name, value);
    }
    request
}

fn append(request: &mut Request<()>, name: &str, value: &[u8]) {
    let name = HeaderName::from_bytes(name.as_bytes()).expect("a name");
    let value = HeaderValue::from_bytes(value).expect("a value");
    request.headers_mut().append(name, value);
}

impl Wire {
    /// Opens one.
    pub async fn open(door: &Door) -> Self {
        let url = door.url();
        let address = url.strip_prefix("http://").expect("an address");
        let stream = TcpStream::connect(address).await.expect("a connection");
        let (send, connection) = h2::client::handshake(stream).await.expect("HTTP/2");
        // It ends with the connection, whose failures its calls tell of.
        tokio::spawn(async move { drop(connection.await) });
        Self { send, authority: url }
    }

    /// Sends a call and reads the whole answer.
    pub async fn call(&self, path: &str, more: &[(&str, &[u8])], body: Vec<u8>) -> Answer {
        let exchange = self.exchange(headers(path, &self.authority, more), body);
        let answer = tokio::time::timeout(ANSWER_MAX, exchange).await.expect("an answer in time");
        answer.unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    async fn exchange(&self, head: Request<()>, body: Vec<u8>) -> Result<Answer, h2::Error> {
        let mut send = self.send.clone().ready().await?;
        let (response, mut to) = send.send_request(head, body.is_empty())?;
        if !body.is_empty() {
            // The server may have had enough before the end; its answer says so.
            drop(to.send_data(body.into(), true));
        }
        let (head, mut from) = response.await?.into_parts();
        let mut bytes = Vec::new();
        while let Some(piece) = from.data().await {
            let piece = piece?;
            from.flow_control().release_capacity(piece.len())?;
            bytes.extend(piece);
        }
        let trailers = from.trailers().await?.unwrap_or_default();
        Ok(Answer { status: head.status, headers: head.headers, body: bytes, trailers })
    }
}

/// A message as gRPC frames it.
pub fn frame(message: &[u8]) -> Vec<u8> {
    framed(0, u32::try_from(message.len()).expect("a length"), message)
}

/// A frame with any flag and any length.
pub fn framed(flag: u8, length: u32, content: &[u8]) -> Vec<u8> {
    let mut frame = vec![flag];
    frame.extend(length.to_be_bytes());
    frame.extend(content);
    frame
}
