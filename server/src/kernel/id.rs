//! Identifiers: a UUID each, typed so that they cannot be mixed up, prefixed on the wire.

use sha2::{Digest, Sha256};
use std::fmt;
use uuid::Uuid;

use super::time::Timestamp;

/// The random part of a new identifier, drawn by the caller.
pub type Entropy = [u8; 10];

macro_rules! identifiers {
    ($($(#[$doc:meta])* $name:ident = $prefix:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(Uuid);

        impl $name {
            /// What the identifier begins with on the wire.
            pub const PREFIX: &'static str = $prefix;

            /// A new identifier (UUIDv7): ordered by the time it was made at.
            pub fn new(now: Timestamp, entropy: Entropy) -> Self {
                Self(uuid_at(now, entropy))
            }

            /// The identifier that these parts always give.
            pub fn derived(parts: &[&[u8]]) -> Self {
                Self(uuid_from(parts))
            }

            /// The identifier in its database form.
            pub fn uuid(self) -> Uuid {
                self.0
            }

            /// Reads the wire form; nothing else is accepted.
            pub fn parse(text: &str) -> Option<Self> {
                parse_prefixed(text, Self::PREFIX).map(Self)
            }
        }

        impl From<Uuid> for $name {
            fn from(uuid: Uuid) -> Self {
                Self(uuid)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}{}", Self::PREFIX, self.0.simple())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }
    )*};
}

identifiers! {
    /// A venue.
    VenueId = "ven_";
    /// A section of a venue.
    SectionId = "sec_";
    /// A chair of a venue.
    SeatId = "sea_";
    /// One dated performance.
    EventId = "evt_";
    /// A price for a set of seats of an event.
    OfferId = "off_";
    /// A registered person.
    UserId = "usr_";
    /// A buyer who has not signed in.
    GuestId = "gst_";
    /// Another backend.
    ServiceAccountId = "svc_";
    /// One request for a new password.
    ResetId = "prt_";
    /// One privileged call.
    AuditEntryId = "aud_";
    /// A short, exclusive right to buy.
    HoldId = "hld_";
    /// A buyer's order.
    BookingId = "bkg_";
    /// One place of a booking: a seat, whose identifier it then has, or one of general admission.
    PlaceId = "pla_";
    /// One attempt to take money.
    PaymentId = "pay_";
    /// Money given back.
    RefundId = "ref_";
    /// The right of entry for one place.
    TicketId = "tkt_";
    /// An entry that a gate gave.
    CheckInId = "chk_";
    /// One message on the bus.
    MessageId = "msg_";
    /// A mail to be sent, or one that was.
    NotificationId = "ntf_";
    /// A message that one consumer could not take.
    DeadLetterId = "dlt_";
}

fn uuid_at(now: Timestamp, entropy: Entropy) -> Uuid {
    uuid::Builder::from_unix_timestamp_millis(now.unix_millis(), &entropy).into_uuid()
}

fn uuid_from(parts: &[&[u8]]) -> Uuid {
    let mut hash = Sha256::new();
    for part in parts {
        // The length keeps ("ab", "c") and ("a", "bc") apart.
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    let mut bytes = [0; 16];
    for (to, from) in bytes.iter_mut().zip(hash.finalize()) {
        *to = from;
    }
    uuid::Builder::from_custom_bytes(bytes).into_uuid()
}

fn parse_prefixed(text: &str, prefix: &str) -> Option<Uuid> {
    let digits = text.strip_prefix(prefix)?;
    let canonical = digits.len() == 32 && !digits.bytes().any(|byte| byte.is_ascii_uppercase());
    if canonical { Uuid::try_parse(digits).ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wire_form_reads_back_and_nothing_else_does() {
        let id = EventId::new(Timestamp::from_micros(1_800_000_000_000_000), [7; 10]);
        assert_eq!(EventId::parse(&id.to_string()), Some(id));
        assert_eq!(SeatId::parse(&id.to_string()), None);
        assert_eq!(EventId::parse(&id.to_string().to_uppercase()), None);
        assert_eq!(EventId::parse(&format!("{id}0")), None);
        assert_eq!(EventId::parse(""), None);
    }

    #[test]
    fn derived_identifiers_depend_on_where_one_part_ends() {
        assert_eq!(HoldId::derived(&[b"ab", b"c"]), HoldId::derived(&[b"ab", b"c"]));
        assert_ne!(HoldId::derived(&[b"ab", b"c"]), HoldId::derived(&[b"a", b"bc"]));
    }
}
