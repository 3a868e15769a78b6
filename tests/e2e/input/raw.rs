//! HTTP/2 written by hand, frame by frame (RFC 9113), for clients that do what no library lets them
//! do. Headers are written without compression, and those of answers are not read.

use std::time::Duration;

use boxoffice_tests::Door;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// How long the next frame may take.
const FRAME_MAX: Duration = Duration::from_secs(20);

pub const DATA: u8 = 0;
pub const HEADERS: u8 = 1;
pub const RESET: u8 = 3;
pub const SETTINGS: u8 = 4;
pub const PING: u8 = 6;
pub const GO_AWAY: u8 = 7;
pub const WINDOW_UPDATE: u8 = 8;
pub const CONTINUATION: u8 = 9;

pub const END_STREAM: u8 = 1;
pub const ACK: u8 = 1;
pub const END_HEADERS: u8 = 4;

/// A frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// What it is.
    pub kind: u8,
    /// What its flags are.
    pub flags: u8,
    /// Which call it is about; 0 is the connection.
    pub stream: u32,
    /// What is in it.
    pub content: Vec<u8>,
}

impl Frame {
    /// A frame of that kind.
    pub fn new(kind: u8, flags: u8, stream: u32, content: impl Into<Vec<u8>>) -> Self {
        Self { kind, flags, stream, content: content.into() }
    }

    /// The beginning of a call.
    pub fn headers(stream: u32, path: &str, flags: u8) -> Self {
        Self::new(HEADERS, flags | END_HEADERS, stream, head(path))
    }

    /// The client gives a call up.
    pub fn reset(stream: u32) -> Self {
        Self::new(RESET, 0, stream, 8_u32.to_be_bytes())
    }

    /// Its bytes.
    pub fn bytes(&self) -> Vec<u8> {
        let length = u32::try_from(self.content.len()).expect("a length");
        let mut bytes = length.to_be_bytes()[1..].to_vec();
        bytes.extend([self.kind, self.flags]);
        bytes.extend(self.stream.to_be_bytes());
        bytes.extend(&self.content);
        bytes
    }

    /// The number that its content has there.
    pub fn number(&self, at: usize) -> u32 {
        u32::from_be_bytes(self.content[at..at + 4].try_into().expect("four bytes"))
    }
}

fn text(text: &str, to: &mut Vec<u8>) {
    // A length of seven bits, and what is beyond in further bytes (RFC 7541, 5.1).
    match text.len().checked_sub(127) {
        None => to.push(u8::try_from(text.len()).expect("short")),
        Some(mut rest) => {
            to.push(127);
            while rest >= 128 {
                to.push(u8::try_from(rest % 128).expect("small") | 128);
                rest /= 128;
            }
            to.push(u8::try_from(rest).expect("small"));
        }
    }
    to.extend(text.as_bytes());
}

/// A header, as it stands in a block.
pub fn header(name: &str, value: &str) -> Vec<u8> {
    let mut block = vec![0];
    text(name, &mut block);
    text(value, &mut block);
    block
}

/// The headers of a call.
pub fn head(path: &str) -> Vec<u8> {
    let headers = [
        (":method", "POST"),
        (":scheme", "http"),
        (":path", path),
        (":authority", "boxoffice"),
        ("te", "trailers"),
        ("content-type", "application/grpc+proto"),
    ];
    headers.iter().flat_map(|(name, value)| header(name, value)).collect()
}

/// A connection.
pub struct Raw {
    stream: TcpStream,
}

impl Raw {
    /// Opens one and says nothing.
    pub async fn silent(door: &Door) -> Self {
        let url = door.url();
        let address = url.strip_prefix("http://").expect("an address");
        Self { stream: TcpStream::connect(address).await.expect("a connection") }
    }

    /// Opens one and greets, with these settings: their numbers and values.
    pub async fn open(door: &Door, settings: &[(u16, u32)]) -> Self {
        let mut raw = Self::silent(door).await;
        let mut content = Vec::new();
        for (number, value) in settings {
            content.extend(number.to_be_bytes());
            content.extend(value.to_be_bytes());
        }
        let mut greeting = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
        greeting.extend(Frame::new(SETTINGS, 0, 0, content).bytes());
        greeting.extend(Frame::new(SETTINGS, ACK, 0, []).bytes());
        assert!(raw.write(&greeting).await, "it greets");
        raw
    }

    /// Sends bytes; whether the server took them.
    pub async fn write(&mut self, bytes: &[u8]) -> bool {
        let written = tokio::time::timeout(FRAME_MAX, self.stream.write_all(bytes)).await;
        written.is_ok_and(|written| written.is_ok())
    }

    /// Sends a frame; whether the server took it.
    pub async fn send(&mut self, frame: &Frame) -> bool {
        self.write(&frame.bytes()).await
    }

    /// The next frame; `None` when the connection has ended.
    pub async fn next(&mut self) -> Option<Frame> {
        let read = tokio::time::timeout(FRAME_MAX, self.read());
        read.await.expect("a frame, or the end, in time")
    }

    async fn read(&mut self) -> Option<Frame> {
        let mut head = [0; 9];
        self.stream.read_exact(&mut head).await.ok()?;
        let [a, b, c, kind, flags, d, e, f, g] = head;
        let length = u32::from_be_bytes([0, a, b, c]);
        let mut content = vec![0; usize::try_from(length).expect("a length")];
        self.stream.read_exact(&mut content).await.ok()?;
        Some(Frame { kind, flags, stream: u32::from_be_bytes([d, e, f, g]), content })
    }

    /// Reads on until such a frame comes; `None` when the connection ends before.
    pub async fn find(&mut self, is_wanted: impl Fn(&Frame) -> bool) -> Option<Frame> {
        loop {
            let frame = self.next().await?;
            if is_wanted(&frame) {
                return Some(frame);
            }
        }
    }

    /// Asks whether the server has read everything so far; whether it is still there.
    pub async fn catch_up(&mut self) -> bool {
        self.send(&Frame::new(PING, 0, 0, *b"caughtup")).await
            && self.find(|frame| frame.kind == PING && frame.flags == ACK).await.is_some()
    }

    /// Reads on until the connection has ended. Says for which reason the server has sent it away,
    /// if it said so.
    pub async fn end(&mut self) -> Option<u32> {
        let mut reason = None;
        while let Some(frame) = self.next().await {
            if frame.kind == GO_AWAY {
                reason = Some(frame.number(4));
            }
        }
        reason
    }
}
