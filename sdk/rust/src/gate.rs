//! A gate: lets the holders of tickets in, and goes on when its network is lost.

use std::collections::BTreeMap;
use std::time::SystemTime;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use boxoffice_proto::ticket::v1::{
    CheckInTicketRequest, GetVerificationKeysRequest, ListEventTicketsRequest, OfflineEntry,
    OfflineEntryResult, SyncCheckInsRequest, ticket,
};
use boxoffice_proto::r#type::v1::ErrorReason;
use ed25519_dalek::{Signature, VerifyingKey};
use prost_types::Timestamp;
use serde::{Deserialize, Serialize};
use tonic::Code;
use uuid::Uuid;

use crate::client::Client;
use crate::error::Error;

/// What every code begins with.
const PREFIX: &str = "BO1";
const KEY_ID_BYTES: usize = 8;
/// Entries that are told in one call.
const ENTRIES_A_CALL: usize = 500;
const PAGE_SIZE: i32 = 200;
/// Codes that were asked about without an answer, of which a gate remembers the request ids.
const UNANSWERED_MAX: usize = 1_000;
/// Characters of a gate's name at the most, as the server has it.
const NAME_LENGTH_MAX: usize = 100;

/// What a code says that one of the server's keys has signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CodeContent {
    /// "tkt_" and 32 hexadecimal digits.
    pub ticket_id: String,
    /// "evt_" and 32 hexadecimal digits.
    pub event_id: String,
    /// The place as people read it.
    pub place_label: String,
}

/// What a gate says to a code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scan {
    /// Let them in.
    Admitted {
        /// The place as people read it.
        place_label: String,
        /// True when the gate decided by itself: another one without a network may have let
        /// somebody in with the same ticket. [`Gate::sync`] finds out.
        offline: bool,
    },
    /// Let nobody in: this is why.
    Refused(Refusal),
}

/// Why a gate lets nobody in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Somebody came in with this ticket before.
    Used {
        /// By which gate, as far as it is known.
        gate: String,
        /// When, in RFC 3339.
        entry_time: String,
    },
    /// The ticket is void.
    Void,
    /// The code is not genuine.
    CodeInvalid,
    /// The ticket is for another event.
    OtherEvent,
}

/// A gate of an event, in the hands of its organizer. It holds what it needs to go on without a
/// network: the keys, the tickets that let nobody in any more, and the entries that the server does
/// not know of yet. Keep it beyond the life of a program with serde: an entry that is lost with it
/// was not told.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Gate {
    event_id: String,
    name: String,
    /// By their ids.
    keys: BTreeMap<String, Vec<u8>>,
    spent: BTreeMap<String, Spent>,
    untold: Vec<Entry>,
    /// What the server was asked and has not answered, the oldest first: somebody may be in already
    /// by that question, so that the next one about the code has to be the same.
    #[serde(default)]
    unanswered: Vec<Question>,
    /// From when on changes are asked for; RFC 3339.
    changed_since: Option<String>,
}

/// Why a ticket lets nobody in any more.
#[derive(Clone, Debug, Serialize, Deserialize)]
enum Spent {
    Void,
    Used { gate: String, entry_time: String },
}

/// An entry that the server does not know of.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Entry {
    request_id: String,
    code: String,
    entry_time: String,
}

/// A question that the server has not answered.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Question {
    request_id: String,
    code: String,
}

impl Gate {
    /// Makes ready a gate of an event, with everything it needs when its network is lost. The name
    /// is what other gates and the organizer are told: one line of up to 100 characters.
    ///
    /// # Errors
    ///
    /// [`Code::InvalidArgument`] for another name: entries under it could never be told. Those of
    /// ListEventTickets: the caller has to be the event's organizer.
    pub async fn open(client: &Client, event_id: &str, name: &str) -> Result<Gate, Error> {
        let mut gate = Gate {
            event_id: event_id.to_owned(),
            name: checked_name(name)?,
            keys: BTreeMap::new(),
            spent: BTreeMap::new(),
            untold: Vec::new(),
            unanswered: Vec::new(),
            changed_since: None,
        };
        gate.refresh(client).await?;
        Ok(gate)
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its event.
    pub fn event_id(&self) -> &str {
        &self.event_id
    }

    /// How many tickets it knows to let nobody in any more.
    pub fn spent_count(&self) -> usize {
        self.spent.len()
    }

    /// How many entries the server does not know of.
    pub fn untold_count(&self) -> usize {
        self.untold.len()
    }

    /// Learns the keys, and which tickets let nobody in any more. Do it often while there is a
    /// network: what becomes void later is not known without one.
    ///
    /// # Errors
    ///
    /// Those of ListEventTickets. The gate goes on with what it knew.
    pub async fn refresh(&mut self, client: &Client) -> Result<(), Error> {
        let keys = client.get_verification_keys(GetVerificationKeysRequest {}).await?.keys;
        let mut request = ListEventTicketsRequest {
            event_id: self.event_id.clone(),
            states: vec![ticket::State::Used.into(), ticket::State::Void.into()],
            changed_since: self.changed_since.as_deref().and_then(|time| time.parse().ok()),
            page_size: PAGE_SIZE,
            page_token: String::new(),
        };
        let mut read_time = None;
        loop {
            let page = client.list_event_tickets(request.clone()).await?;
            read_time = read_time.or(page.read_time);
            for ticket in page.tickets {
                let spent = match ticket.state() {
                    ticket::State::Used => {
                        Spent::Used { gate: ticket.gate, entry_time: told(ticket.use_time) }
                    }
                    ticket::State::Void => Spent::Void,
                    ticket::State::Valid | ticket::State::Unspecified => continue,
                };
                self.spent.insert(ticket.ticket_id, spent);
            }
            request.page_token = page.next_page_token;
            if request.page_token.is_empty() {
                break;
            }
        }
        self.keys = keys.into_iter().map(|key| (key.key_id, key.public_key)).collect();
        self.changed_since = read_time.map(|time| time.to_string());
        Ok(())
    }

    /// Decides about a code. What the gate knows to let nobody in it refuses at once, also what it
    /// has let in itself and not told yet; else it asks the server, and decides by itself when that
    /// cannot be reached in the client's deadline. Give the client a short one, e.g. two seconds.
    /// An entry whose answer was lost is asked for again under the same request id, or told by
    /// [`Gate::sync`], and counts once.
    ///
    /// # Errors
    ///
    /// What else can go wrong with CheckInTicket, e.g. that the sign-in is over. Scan the code
    /// again: if the holder was let in, the answer is the same entry.
    pub async fn scan(&mut self, client: &Client, code: &str) -> Result<Scan, Error> {
        // Who was asked about before may be in by that very question.
        let is_asked_again = self.unanswered.iter().any(|asked| asked.code == code);
        if !is_asked_again && let Some(refusal) = self.known_refusal(code) {
            return Ok(Scan::Refused(refusal));
        }
        let request = CheckInTicketRequest {
            request_id: self.question(code),
            event_id: self.event_id.clone(),
            code: code.to_owned(),
            gate: self.name.clone(),
        };
        let error = match client.check_in_ticket(request).await {
            Ok(response) => {
                self.forget_question(code);
                let entry = response.check_in.unwrap_or_default();
                let used =
                    Spent::Used { gate: self.name.clone(), entry_time: told(entry.entry_time) };
                self.spent.insert(entry.ticket_id, used);
                return Ok(Scan::Admitted { place_label: entry.place_label, offline: false });
            }
            Err(error) => error,
        };
        let fact = |name| error.metadata().get(name).cloned().unwrap_or_default();
        let refusal = match (error.reason(), error.code()) {
            (ErrorReason::TicketUsed, _) => {
                Refusal::Used { gate: fact("gate"), entry_time: fact("entry_time") }
            }
            (ErrorReason::TicketVoid, _) => Refusal::Void,
            (ErrorReason::TicketCodeInvalid, _) => Refusal::CodeInvalid,
            (ErrorReason::TicketOtherEvent, _) => Refusal::OtherEvent,
            (_, Code::Unavailable | Code::DeadlineExceeded) => {
                return Ok(self.decide(code, SystemTime::now()));
            }
            _ => return Err(error),
        };
        self.forget_question(code);
        Ok(Scan::Refused(refusal))
    }

    /// Decides about a code without a network.
    pub fn scan_offline(&mut self, code: &str, now: SystemTime) -> Scan {
        self.decide(code, now)
    }

    /// The request id under which the server is asked about a code, until it has answered.
    fn question(&mut self, code: &str) -> String {
        if let Some(asked) = self.unanswered.iter().find(|asked| asked.code == code) {
            return asked.request_id.clone();
        }
        if self.unanswered.len() >= UNANSWERED_MAX {
            self.unanswered.remove(0);
        }
        let request_id = Uuid::new_v4().to_string();
        let question = Question { request_id: request_id.clone(), code: code.to_owned() };
        self.unanswered.push(question);
        request_id
    }

    fn forget_question(&mut self, code: &str) {
        self.unanswered.retain(|asked| asked.code != code);
    }

    /// Why a genuine code lets nobody in, as far as the gate knows by itself.
    fn known_refusal(&self, code: &str) -> Option<Refusal> {
        let content = self.verify(code).filter(|content| content.event_id == self.event_id)?;
        self.spent.get(&content.ticket_id).map(|spent| match spent {
            Spent::Void => Refusal::Void,
            Spent::Used { gate, entry_time } => {
                Refusal::Used { gate: gate.clone(), entry_time: entry_time.clone() }
            }
        })
    }

    fn decide(&mut self, code: &str, now: SystemTime) -> Scan {
        let Some(content) = self.verify(code) else {
            return Scan::Refused(Refusal::CodeInvalid);
        };
        if content.event_id != self.event_id {
            return Scan::Refused(Refusal::OtherEvent);
        }
        if let Some(refusal) = self.known_refusal(code) {
            return Scan::Refused(refusal);
        }
        let request_id = self.question(code);
        self.forget_question(code);
        let entry_time = told(Some(now.into()));
        let used = Spent::Used { gate: self.name.clone(), entry_time: entry_time.clone() };
        self.spent.insert(content.ticket_id, used);
        self.untold.push(Entry { request_id, code: code.to_owned(), entry_time });
        Scan::Admitted { place_label: content.place_label, offline: true }
    }

    /// What a code says, if one of the keys has signed it.
    pub fn verify(&self, code: &str) -> Option<CodeContent> {
        let (signed, signature) = code.rsplit_once('.')?;
        let payload = signed.strip_prefix(PREFIX)?.strip_prefix('.')?;
        let payload = URL_SAFE_NO_PAD.decode(payload).ok()?;
        let (key_id, rest) = payload.split_first_chunk::<KEY_ID_BYTES>()?;
        let key = VerifyingKey::try_from(self.keys.get(&hex(key_id))?.as_slice()).ok()?;
        let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
        let signature = Signature::from_slice(&signature).ok()?;
        key.verify_strict(signed.as_bytes(), &signature).ok()?;
        let (ticket_id, rest) = rest.split_first_chunk::<16>()?;
        let (event_id, label) = rest.split_first_chunk::<16>()?;
        Some(CodeContent {
            ticket_id: format!("tkt_{}", hex(ticket_id)),
            event_id: format!("evt_{}", hex(event_id)),
            place_label: String::from_utf8(label.to_vec()).ok()?,
        })
    }

    /// Tells the server of the entries it does not know of. The answers say what each came to; a
    /// DOUBLE_ENTRY names the gate that was earlier. Call [`Gate::refresh`] next.
    ///
    /// # Errors
    ///
    /// Those of SyncCheckIns. What was not told stays, for the next time; what came of the rest is
    /// in ListCheckIns.
    pub async fn sync(&mut self, client: &Client) -> Result<Vec<OfflineEntryResult>, Error> {
        let mut results = Vec::new();
        while !self.untold.is_empty() {
            let entries = self.untold.iter().take(ENTRIES_A_CALL).map(|entry| OfflineEntry {
                request_id: entry.request_id.clone(),
                code: entry.code.clone(),
                gate: self.name.clone(),
                entry_time: entry.entry_time.parse().ok(),
            });
            let entries: Vec<OfflineEntry> = entries.collect();
            let count = entries.len();
            let request = SyncCheckInsRequest { event_id: self.event_id.clone(), entries };
            results.extend(client.sync_check_ins(request).await?.results);
            self.untold.drain(..count);
        }
        Ok(results)
    }
}

/// A gate's name without the blanks around it.
fn checked_name(name: &str) -> Result<String, Error> {
    let name = name.trim();
    let printable = !name.chars().any(|c| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}'));
    if printable && (1..=NAME_LENGTH_MAX).contains(&name.chars().count()) {
        return Ok(name.to_owned());
    }
    let message = format!("a gate's name is one line of 1 to {NAME_LENGTH_MAX} characters");
    Err(Error::local(Code::InvalidArgument, ErrorReason::InvalidFields, message))
}

fn told(time: Option<Timestamp>) -> String {
    time.map(|time| time.to_string()).unwrap_or_default()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
