//! HTTP/2 written by hand, frame by frame (RFC 9113), for clients that do what no library lets them
//! do. Headers are written without compression, and those of answers are not read.

use std::time::Duration;

use boxoffice_tests::Door;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::oneshot;

/// How long the next frame may take.
const FRAME_MAX: Duration = Duration::from_secs(20);
/// Questions after which a server has most likely dealt with what came before the first.
const QUESTIONS: usize = 5;
/// What the system takes of a narrow connection by itself, at about.
const NARROW_BYTES: u32 = 8 * 1024;
/// As much room as there can be, in the windows of HTTP/2.
const ROOM_MAX: u32 = 0x7fff_0000;
/// The first window of a call, as a setting of HTTP/2 (RFC 9113, 6.5.2).
pub const INITIAL_WINDOW: u16 = 4;

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
        Self::silent(door).await.greet(settings).await
    }

    /// Opens one whose client promises to take everything at once and then takes it as it likes:
    /// what the server notices of that is what the system does not take for the client.
    pub async fn narrow(door: &Door) -> Self {
        let url = door.url();
        let address = url.strip_prefix("http://").expect("an address");
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.set_recv_buffer_size(NARROW_BYTES).expect("a small buffer");
        let stream = socket.connect(address.parse().expect("an address")).await;
        let raw = Self { stream: stream.expect("a connection") };
        let mut raw = raw.greet(&[(INITIAL_WINDOW, ROOM_MAX)]).await;
        assert!(raw.send(&Frame::new(WINDOW_UPDATE, 0, 0, ROOM_MAX.to_be_bytes())).await);
        raw
    }

    async fn greet(self, settings: &[(u16, u32)]) -> Self {
        let mut raw = self;
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

    /// Asks so often that it has most likely dealt with everything; whether it is still there.
    pub async fn calm_down(&mut self) -> bool {
        for _ in 0..QUESTIONS {
            if !self.catch_up().await {
                return false;
            }
        }
        true
    }

    /// Calls an RPC: its path, and its request in its frame.
    pub async fn call(&mut self, stream: u32, path: &str, request: Vec<u8>) -> bool {
        self.send(&Frame::headers(stream, path, 0)).await
            && self.send(&Frame::new(DATA, END_STREAM, stream, request)).await
    }

    /// Takes so many answers, frame by frame with a pause after each, and then has room for as much
    /// again. Whoever wants to can hear when the first piece has come, and say when to go on. Gives
    /// the bytes that came, and how many answers came to their end.
    pub async fn take_slowly(
        &mut self,
        answers: usize,
        pause: Duration,
        mut begun: Option<(oneshot::Sender<()>, oneshot::Receiver<()>)>,
    ) -> (usize, usize) {
        let (mut bytes, mut ends) = (0, 0);
        while ends < answers {
            let Some(frame) = self.next().await else { break };
            assert_ne!(frame.kind, RESET, "an answer is cut off");
            ends += usize::from(frame.stream > 0 && frame.flags & END_STREAM != 0);
            let count = u32::try_from(frame.content.len()).expect("a length");
            if frame.kind == DATA && count > 0 {
                bytes += frame.content.len();
                if let Some((begun, go_on)) = begun.take() {
                    begun.send(()).expect("somebody wants to hear it");
                    go_on.await.expect("somebody says it");
                }
                // It chooses the moment of the next frame: a slow reader's.
                tokio::time::sleep(pause).await;
                for stream in [frame.stream, 0] {
                    // Whoever has sent everything may be gone by now.
                    self.send(&Frame::new(WINDOW_UPDATE, 0, stream, count.to_be_bytes())).await;
                }
            }
        }
        (bytes, ends)
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
