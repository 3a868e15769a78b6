//! A network between two programs that does what networks do: it is slow, it loses connections, it
//! falls silent, and it loses the answer to a commit.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::chance::Chance;

/// What is read at once.
const BUFFER_BYTES: usize = 16 * 1024;
/// How PostgreSQL is asked to commit.
const COMMIT: &[u8] = b"COMMIT\0";
/// What is kept of a transaction to look for a marker in.
const KEPT_BYTES_MAX: usize = 1024 * 1024;

/// What is wrong with the network. Nothing is, by default.
#[derive(Clone, Debug, Default)]
pub struct Toxics {
    /// How long whatever is sent is on its way, each way.
    pub latency: Duration,
    /// How much longer it may take, at random.
    pub jitter: Duration,
    /// How much longer whatever comes back is on its way.
    pub way_back: Duration,
    /// Nothing arrives at the target; nobody is told.
    pub is_deaf: bool,
    /// Nothing comes back from the target; nobody is told.
    pub is_mute: bool,
    /// Connections are reset once so many bytes have come back.
    pub cut_after: Option<usize>,
    /// New connections are reset at once.
    pub is_down: bool,
    /// Every connection that is older than the newest of these is reset.
    resets: usize,
    /// Every connection that is older than the newest of these is silent for ever.
    silences: usize,
}

struct Shared {
    target: SocketAddr,
    toxics: watch::Sender<Toxics>,
    /// What the transaction has in it whose commit loses its answer.
    marker: Mutex<Option<Vec<u8>>>,
    /// What is the last to be sent before nothing arrives any more.
    deaf_at: Mutex<Option<Vec<u8>>>,
    open: AtomicUsize,
    made: AtomicUsize,
    lost_commits: AtomicUsize,
    struck: AtomicUsize,
}

/// A network in front of a target. It is gone when this is dropped.
pub struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
    accepting: JoinHandle<()>,
}

impl Proxy {
    /// Stands in front of a target, such as `127.0.0.1:5432`.
    pub async fn before(target: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let shared = Arc::new(Shared {
            target: target.parse().expect("an address"),
            toxics: watch::channel(Toxics::default()).0,
            marker: Mutex::default(),
            deaf_at: Mutex::default(),
            open: AtomicUsize::new(0),
            made: AtomicUsize::new(0),
            lost_commits: AtomicUsize::new(0),
            struck: AtomicUsize::new(0),
        });
        let accepting = tokio::spawn(accept(listener, Arc::clone(&shared)));
        Self { address, shared, accepting }
    }

    /// Stands in front of the server of a URL, and gives the same URL by way of itself.
    pub async fn before_url(url: &str) -> (Self, String) {
        let (scheme, rest) = url.split_once("://").expect("a URL");
        let (authority, path) = match rest.split_once('/') {
            Some((authority, path)) => (authority, format!("/{path}")),
            None => (rest, String::new()),
        };
        let (user, host) = match authority.rsplit_once('@') {
            Some((user, host)) => (format!("{user}@"), host),
            None => (String::new(), authority),
        };
        let proxy = Self::before(host).await;
        let url = format!("{scheme}://{user}{}{path}", proxy.address);
        (proxy, url)
    }

    /// Makes something wrong, or right again, with the connections that there are and will be.
    pub fn set(&self, change: impl FnOnce(&mut Toxics)) {
        self.shared.toxics.send_modify(change);
    }

    /// Nothing is wrong any more. What was silent goes on where it was.
    pub fn heal(&self) {
        self.set(|toxics| {
            let (resets, silences) = (toxics.resets, toxics.silences);
            *toxics = Toxics { resets, silences, ..Toxics::default() };
        });
    }

    /// Resets every connection that there is. Says how many.
    pub fn reset(&self) -> usize {
        let open = self.open_count();
        self.set(|toxics| toxics.resets += 1);
        open
    }

    /// Lets every connection that there is fall silent for ever, as when the other end has lost its
    /// power. New ones are not concerned.
    pub fn forget(&self) {
        self.set(|toxics| toxics.silences += 1);
    }

    /// Loses the answer to the next commit of a transaction that has this text in it.
    pub fn lose_commit_of(&self, marker: &str) {
        *self.shared.marker.lock().expect("nobody panicked") = Some(marker.as_bytes().to_vec());
    }

    /// Turns deaf as soon as this text is sent: it is the first that does not arrive.
    pub fn turn_deaf_at(&self, text: &str) {
        *self.shared.deaf_at.lock().expect("nobody panicked") = Some(text.as_bytes().to_vec());
    }

    /// Whether nothing arrives at the target now.
    pub fn is_deaf(&self) -> bool {
        self.shared.toxics.borrow().is_deaf
    }

    /// How many commits have lost their answers.
    pub fn lost_commits(&self) -> usize {
        self.shared.lost_commits.load(Ordering::SeqCst)
    }

    /// How often something that was sent came late, or not as long as the network was silent, or
    /// was cut off.
    pub fn struck_count(&self) -> usize {
        self.shared.struck.load(Ordering::SeqCst)
    }

    /// How many connections are open.
    pub fn open_count(&self) -> usize {
        self.shared.open.load(Ordering::SeqCst)
    }

    /// How many connections were ever made.
    pub fn made_count(&self) -> usize {
        self.shared.made.load(Ordering::SeqCst)
    }

    /// Where it is.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let mut number = 0;
    while let Ok((client, _)) = listener.accept().await {
        number += 1;
        shared.made.fetch_add(1, Ordering::SeqCst);
        tokio::spawn(carry(client, Arc::clone(&shared), number));
    }
}

/// Carries one connection until either end closes it or the network cuts it.
async fn carry(mut client: TcpStream, shared: Arc<Shared>, number: u64) {
    let mut toxics = shared.toxics.subscribe();
    let begun = toxics.borrow_and_update().clone();
    let server = if begun.is_down { None } else { TcpStream::connect(shared.target).await.ok() };
    let Some(mut server) = server else {
        shared.strike();
        // The client is gone already, or is told by the reset.
        drop(client.set_zero_linger());
        return;
    };
    shared.open.fetch_add(1, Ordering::SeqCst);
    // A connection that is closed meanwhile ends by itself.
    drop(client.set_nodelay(true).and_then(|()| server.set_nodelay(true)));
    let way = Way { shared: &shared, begun: &begun, answer_is_lost: watch::channel(false).0 };
    let (from_client, to_client) = client.split();
    let (from_server, to_server) = server.split();
    let is_cut = {
        let chance = Chance::of(number);
        let reset = async {
            // The proxy outlives its connections.
            drop(toxics.wait_for(|now| now.resets > begun.resets).await);
            true
        };
        tokio::select! {
            is_cut = way.there(from_client, to_server, chance.clone()) => is_cut,
            is_cut = way.back(from_server, to_client, chance) => is_cut,
            is_cut = reset => is_cut,
        }
    };
    if is_cut {
        drop(client.set_zero_linger());
        drop(server.set_zero_linger());
    }
    shared.open.fetch_sub(1, Ordering::SeqCst);
}

impl Shared {
    fn strike(&self) {
        self.struck.fetch_add(1, Ordering::SeqCst);
    }
}

/// One connection, both ways.
struct Way<'c> {
    shared: &'c Shared,
    /// What was wrong when it was made.
    begun: &'c Toxics,
    answer_is_lost: watch::Sender<bool>,
}

impl Way<'_> {
    /// From the client to the target. Says whether the network has cut it.
    async fn there(
        &self,
        mut from: ReadHalf<'_>,
        mut to: WriteHalf<'_>,
        mut chance: Chance,
    ) -> bool {
        let mut buffer = vec![0; BUFFER_BYTES];
        let mut transaction = Vec::new();
        loop {
            let Ok(count @ 1..) = from.read(&mut buffer).await else { return false };
            let sent = &buffer[..count];
            self.turn_deaf(sent);
            self.travel(&mut chance, |toxics| toxics.is_deaf).await;
            if self.commits_what_is_marked(&mut transaction, sent) {
                self.answer_is_lost.send_replace(true);
            }
            if to.write_all(sent).await.is_err() {
                return true;
            }
        }
    }

    /// From the target to the client. Says whether the network has cut it.
    async fn back(
        &self,
        mut from: ReadHalf<'_>,
        mut to: WriteHalf<'_>,
        mut chance: Chance,
    ) -> bool {
        let mut buffer = vec![0; BUFFER_BYTES];
        let mut carried = 0;
        loop {
            let Ok(count @ 1..) = from.read(&mut buffer).await else { return false };
            let way_back = self.shared.toxics.borrow().way_back;
            // A slow network chooses the moment at which something arrives.
            tokio::time::sleep(way_back).await;
            self.travel(&mut chance, |toxics| toxics.is_mute).await;
            if *self.answer_is_lost.borrow() {
                self.shared.lost_commits.fetch_add(1, Ordering::SeqCst);
                return true;
            }
            let limit = self.shared.toxics.borrow().cut_after;
            let passed = limit.map_or(count, |limit| count.min(limit.saturating_sub(carried)));
            if passed < count {
                self.shared.strike();
            }
            if to.write_all(&buffer[..passed]).await.is_err() || passed < count {
                return true;
            }
            carried += passed;
        }
    }

    /// Takes as long as the network takes now, for ever if it has fallen silent.
    async fn travel(&self, chance: &mut Chance, is_silent: impl Fn(&Toxics) -> bool) {
        let (latency, jitter) = {
            let now = self.shared.toxics.borrow();
            (now.latency, now.jitter)
        };
        if !latency.is_zero() || !jitter.is_zero() {
            self.shared.strike();
            let most = latency + jitter;
            // A slow network chooses the moment at which something arrives.
            tokio::time::sleep(chance.between(latency, most)).await;
        }
        let mut toxics = self.shared.toxics.subscribe();
        let passes = |now: &Toxics| !is_silent(now) && now.silences == self.begun.silences;
        if !passes(&toxics.borrow()) {
            self.shared.strike();
        }
        // The proxy outlives its connections.
        drop(toxics.wait_for(passes).await);
    }

    /// Turns the network deaf if this has the text in it for which it waits.
    fn turn_deaf(&self, sent: &[u8]) {
        let mut deaf_at = self.shared.deaf_at.lock().expect("nobody panicked");
        if deaf_at.as_ref().is_some_and(|text| has(sent, text)) {
            *deaf_at = None;
            self.shared.toxics.send_modify(|toxics| toxics.is_deaf = true);
        }
    }

    /// Whether this ends a transaction that has the marker in it. Then the marker is used up.
    fn commits_what_is_marked(&self, transaction: &mut Vec<u8>, sent: &[u8]) -> bool {
        let mut marker = self.shared.marker.lock().expect("nobody panicked");
        let Some(wanted) = marker.as_ref() else {
            transaction.clear();
            return false;
        };
        transaction.extend_from_slice(sent);
        if !has(transaction, COMMIT) {
            let over = transaction.len().saturating_sub(KEPT_BYTES_MAX);
            transaction.drain(..over);
            return false;
        }
        let is_marked = has(transaction, wanted);
        transaction.clear();
        if is_marked {
            *marker = None;
        }
        is_marked
    }
}

fn has(bytes: &[u8], piece: &[u8]) -> bool {
    bytes.windows(piece.len()).any(|window| window == piece)
}
