//! Tickets on both databases, as the contexts that call this one see them.

use super::issue::*;
use crate::kernel::caller::SessionId;
use crate::kernel::id::{BookingId, EventId, GuestId, PlaceId};
use crate::kernel::page::PageRequest;
use crate::kernel::time::Timestamp;
use crate::store::Store;
use crate::store::testing::TestDatabase;
use crate::ticket::domain::{Ticket, TicketState, TicketWanted};

fn now() -> Timestamp {
    Timestamp::from_micros(1_800_000_000_000_000)
}

fn guest(number: u8) -> SessionId {
    SessionId::Guest(GuestId::new(now(), [number; 10]))
}

/// A standing place of a booking of the first guest.
fn place(number: u8) -> TicketWanted {
    TicketWanted {
        booking_id: BookingId::new(now(), [1; 10]),
        event_id: EventId::new(now(), [2; 10]),
        session: guest(1),
        place_id: PlaceId::new(now(), [number; 10]),
        seat_id: None,
        offer_name: "Standing".into(),
        section_name: String::new(),
        row_label: String::new(),
        seat_label: String::new(),
    }
}

async fn tickets_of(store: &Store, session: SessionId) -> Vec<Ticket> {
    let page = PageRequest { size: 50, after: None };
    store.read().await.unwrap().tickets_of(session, None, &page).await.unwrap()
}

#[tokio::test]
async fn voiding_ends_the_named_tickets_once_and_no_other() {
    for database in TestDatabase::each().await.unwrap() {
        let store = database.store.clone();
        let mut tx = store.begin().await.unwrap();
        issue(&mut tx, &[place(1), place(2)], now()).await.unwrap();
        tx.commit().await.unwrap();
        let voided = Ticket::issue(place(1), now()).ticket_id;
        for _ in 0..2 {
            let mut tx = store.begin().await.unwrap();
            void(&mut tx, &[voided], now()).await.unwrap();
            tx.commit().await.unwrap();
        }
        let tickets = tickets_of(&store, guest(1)).await;
        assert_eq!(tickets.len(), 2);
        for ticket in tickets {
            assert_eq!(ticket.place.offer_name, "Standing");
            let (state, version) = match ticket.ticket_id == voided {
                true => (TicketState::Void, 2),
                false => (TicketState::Valid, 1),
            };
            assert_eq!((ticket.state, ticket.version), (state, version));
        }
        // The place of a void ticket may have another one.
        let mut tx = store.begin().await.unwrap();
        let again = TicketWanted { booking_id: BookingId::new(now(), [9; 10]), ..place(1) };
        issue(&mut tx, std::slice::from_ref(&again), now()).await.unwrap();
        // A second live one is refused, whoever asks for it.
        let third = TicketWanted { booking_id: BookingId::new(now(), [8; 10]), ..again };
        assert!(issue(&mut tx, &[third], now()).await.is_err());
        drop(tx);
        database.discard().await.unwrap();
    }
}

#[tokio::test]
async fn tickets_move_with_their_session() {
    for database in TestDatabase::each().await.unwrap() {
        let store = database.store.clone();
        let mut tx = store.begin().await.unwrap();
        let others = TicketWanted { session: guest(3), ..place(3) };
        issue(&mut tx, &[place(1), place(2), others], now()).await.unwrap();
        move_session(&mut tx, place(1).event_id, guest(1), guest(2)).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(tickets_of(&store, guest(1)).await.len(), 0);
        assert_eq!(tickets_of(&store, guest(2)).await.len(), 2);
        assert_eq!(tickets_of(&store, guest(3)).await.len(), 1);
        database.discard().await.unwrap();
    }
}
