//! Ports that a server keeps when it starts again.

use std::collections::BTreeSet;
use std::net::TcpListener;
use std::sync::Mutex;

/// Below the range that systems take the ports of outgoing connections from, so that nobody gets
/// one by chance while its server is down.
const FIRST: u16 = 12_000;
/// How many there are.
const COUNT: u16 = 8_000;

static GIVEN: Mutex<BTreeSet<u16>> = Mutex::new(BTreeSet::new());

/// A port of 127.0.0.1 at which nobody listens and which nobody else in this process is given.
pub fn free_port() -> u16 {
    let mut given = GIVEN.lock().expect("nobody failed with it");
    let first = u16::try_from(std::process::id() % u32::from(COUNT)).expect("it fits");
    let mut ports = (0..COUNT).map(|step| FIRST + (first + step) % COUNT);
    let is_free = |port: &u16| TcpListener::bind(("127.0.0.1", *port)).is_ok();
    let port = ports.find(|port| !given.contains(port) && is_free(port)).expect("a free port");
    given.insert(port);
    port
}
