//! Ticket codes: what the QR code holds. Signed with Ed25519, so that a gate can verify them
//! offline with the public key alone.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::{Signature, Signer, SigningKey, Verifier, VerifyingKey};
use sha2::{Digest, Sha256};

use super::domain::Ticket;
use crate::kernel::id::{EventId, TicketId};
use crate::secret::Secret;

/// What every code begins with; another layout gets another number.
const PREFIX: &str = "BO1";
const KEY_ID_BYTES: usize = 8;

/// Which key signed a code: the first bytes of the SHA-256 of the public key.
pub type KeyId = [u8; KEY_ID_BYTES];

/// Signs and verifies ticket codes.
#[derive(Clone)]
pub struct TicketCodes {
    signing: SigningKey,
    /// The newest first.
    verifying: Vec<(KeyId, VerifyingKey)>,
}

/// What a genuine code says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CodeContent {
    /// The ticket.
    pub ticket_id: TicketId,
    /// The event.
    pub event_id: EventId,
    /// The place as people read it.
    pub label: String,
}

fn signing_key(secret: &Secret) -> SigningKey {
    SigningKey::from_bytes(&secret.key("ticket-code"))
}

fn key_id(key: &VerifyingKey) -> KeyId {
    let mut id = KeyId::default();
    for (to, from) in id.iter_mut().zip(Sha256::digest(key.as_bytes())) {
        *to = from;
    }
    id
}

impl TicketCodes {
    /// Signs with the key of `current`; codes signed with a previous secret still verify.
    pub fn new(current: &Secret, previous: &[Secret]) -> Self {
        let signing = signing_key(current);
        let older = previous.iter().map(|secret| signing_key(secret).verifying_key());
        let verifying = std::iter::once(signing.verifying_key()).chain(older);
        let verifying = verifying.map(|key| (key_id(&key), key)).collect();
        Self { signing, verifying }
    }

    /// The code of a ticket: the same every time.
    pub fn sign(&self, ticket: &Ticket) -> String {
        let mut payload = key_id(&self.signing.verifying_key()).to_vec();
        payload.extend_from_slice(ticket.ticket_id.uuid().as_bytes());
        payload.extend_from_slice(ticket.place.event_id.uuid().as_bytes());
        payload.extend_from_slice(ticket.label().as_bytes());
        let signed = format!("{PREFIX}.{}", URL_SAFE_NO_PAD.encode(payload));
        let signature = self.signing.sign(signed.as_bytes());
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature.to_bytes()))
    }

    /// What a code says, if it is genuine.
    pub fn verify(&self, code: &str) -> Option<CodeContent> {
        let (signed, signature) = code.rsplit_once('.')?;
        let payload = URL_SAFE_NO_PAD.decode(signed.strip_prefix(PREFIX)?.strip_prefix('.')?);
        let payload = payload.ok()?;
        let (id, rest) = payload.split_first_chunk::<KEY_ID_BYTES>()?;
        let (_, key) = self.verifying.iter().find(|(known, _)| known == id)?;
        let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
        let signature = Signature::from_slice(&signature).ok()?;
        key.verify(signed.as_bytes(), &signature).ok()?;
        let (ticket_id, rest) = rest.split_first_chunk::<16>()?;
        let (event_id, label) = rest.split_first_chunk::<16>()?;
        Some(CodeContent {
            ticket_id: uuid::Uuid::from_bytes(*ticket_id).into(),
            event_id: uuid::Uuid::from_bytes(*event_id).into(),
            label: String::from_utf8(label.to_vec()).ok()?,
        })
    }

    /// The public keys, the newest first.
    pub fn public_keys(&self) -> impl Iterator<Item = (KeyId, [u8; 32])> {
        self.verifying.iter().map(|(id, key)| (*id, key.to_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::caller::SessionId;
    use crate::kernel::id::{BookingId, GuestId, PlaceId, SeatId};
    use crate::kernel::time::Timestamp;
    use crate::ticket::domain::TicketWanted;

    fn secret(letter: char) -> Secret {
        let text = format!("{letter}0123456789abcdefghijklmnopqrstuvwxyz");
        Secret::parse(&text).unwrap()
    }

    fn ticket() -> Ticket {
        let now = Timestamp::from_micros(1_800_000_000_000_000);
        let place = TicketWanted {
            booking_id: BookingId::new(now, [1; 10]),
            event_id: EventId::new(now, [2; 10]),
            session: SessionId::Guest(GuestId::new(now, [3; 10])),
            place_id: PlaceId::new(now, [4; 10]),
            seat_id: Some(SeatId::new(now, [4; 10])),
            offer_name: "Full price".into(),
            section_name: "Parkett".into(),
            row_label: "Ä".into(),
            seat_label: "12".into(),
        };
        Ticket::issue(place, now)
    }

    #[test]
    fn a_genuine_code_tells_its_ticket_and_an_edited_one_nothing() {
        let codes = TicketCodes::new(&secret('a'), &[]);
        let code = codes.sign(&ticket());
        let content = codes.verify(&code).unwrap();
        assert_eq!(content.ticket_id, ticket().ticket_id);
        assert_eq!(content.label, "Parkett / Ä / 12");
        for position in 0..code.len() {
            let mut edited = code.clone().into_bytes();
            edited[position] = if edited[position] == b'A' { b'B' } else { b'A' };
            let edited = String::from_utf8(edited).unwrap();
            // The last letter of a group of base64 has unused bits; decoding refuses other ones.
            assert_eq!(codes.verify(&edited), None, "letter {position}");
        }
    }

    #[test]
    fn codes_outlive_a_change_of_the_secret_and_foreign_ones_never_pass() {
        let before = TicketCodes::new(&secret('a'), &[]);
        let after = TicketCodes::new(&secret('b'), &[secret('a')]);
        assert!(after.verify(&before.sign(&ticket())).is_some());
        assert!(before.verify(&after.sign(&ticket())).is_none());
        for garbage in ["", "BO1", "BO1..", "BO1.AAAA.AAAA", "…"] {
            assert_eq!(after.verify(garbage), None);
        }
    }
}
