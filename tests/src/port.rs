//! Ports that a server keeps when it starts again.

use std::net::{TcpListener, UdpSocket};
use std::sync::Mutex;

/// Below the range that systems take the ports of outgoing connections from, so that nobody gets
/// one by chance while its server is down.
const FIRST: u16 = 12_000;
/// How many there are.
const COUNT: u16 = 8_000;

/// What keeps others from what was given: the same port of a protocol that nobody here speaks.
static GIVEN: Mutex<Vec<UdpSocket>> = Mutex::new(Vec::new());

/// A port of 127.0.0.1 at which nobody listens and which no other server is given as long as this
/// process lives, whichever process of tests starts it.
pub fn free_port() -> u16 {
    let first = u16::try_from(std::process::id() % u32::from(COUNT)).expect("it fits");
    let mut ports = (0..COUNT).map(|step| FIRST + (first + step) % COUNT);
    let (port, kept) = ports.find_map(reserve).expect("a free port");
    GIVEN.lock().expect("nobody failed with it").push(kept);
    port
}

/// Keeps a port for this process, unless somebody else has it.
fn reserve(port: u16) -> Option<(u16, UdpSocket)> {
    let kept = UdpSocket::bind(("127.0.0.1", port)).ok()?;
    TcpListener::bind(("127.0.0.1", port)).ok()?;
    Some((port, kept))
}
