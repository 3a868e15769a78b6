//! What a watcher has heard.

use std::collections::BTreeMap;
use std::fmt;

use boxoffice_sdk::booking::v1::watch_seats_response::Update;
use boxoffice_sdk::booking::v1::{SeatChanges, SeatCursor, SeatState, WatchSeatsResponse};
use boxoffice_sdk::{Code, Error, ErrorReason};

use super::history::{Places, Position};

/// One stream, from its opening to its end.
#[derive(Clone, Debug)]
pub struct StreamLog {
    /// Whose it is, and which of his.
    pub name: String,
    /// The cursor that it was opened with; `None` if it was to begin with a snapshot.
    pub cursor: Option<SeatCursor>,
    /// Every message, in the order of arrival.
    pub heard: Vec<Heard>,
    /// How it ended.
    pub end: StreamEnd,
}

/// A message and when it came.
#[derive(Clone, Debug)]
pub struct Heard {
    /// The message.
    pub message: WatchSeatsResponse,
    /// When it had arrived, by the server's clock, in microseconds since 1970-01-01 UTC.
    pub arrival_micros: i64,
}

/// How a stream ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StreamEnd {
    /// Its watcher left.
    Left,
    /// The server ended it, and said where to go on.
    Told {
        /// The status.
        code: Code,
        /// Why.
        reason: ErrorReason,
        /// Where to go on; `None` if it did not say.
        cursor: Option<SeatCursor>,
    },
    /// The connection broke.
    Broken,
    /// Its watcher waited for this revision, and it did not come.
    Silent {
        /// The revision.
        awaited: i64,
    },
}

/// What a message covers, taken apart.
pub(super) enum Told<'a> {
    /// Everything at one instant.
    Snapshot { places: Places, resynchronised: bool },
    /// What changed after a revision.
    Changes { from_revision: i64, changes: &'a SeatChanges },
}

/// A message with its number and where the stream stands after it.
pub(super) struct Step<'a> {
    pub index: usize,
    pub at: Position,
    pub told: Told<'a>,
}

/// A place and what was said of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Said {
    Seat(SeatState),
    Left(i64),
}

impl StreamLog {
    /// A stream that was opened and has brought nothing yet.
    pub fn begin(name: impl Into<String>, cursor: Option<SeatCursor>) -> Self {
        Self { name: name.into(), cursor, heard: Vec::new(), end: StreamEnd::Left }
    }

    /// Where it stands: where the next one goes on.
    pub fn last_cursor(&self) -> Option<SeatCursor> {
        self.heard.last().map_or(self.cursor, |heard| heard.message.cursor)
    }

    /// Notes how the server ended it.
    pub fn end_with(&mut self, error: &Error) {
        let number = |key: &str| error.metadata().get(key).and_then(|text| text.parse().ok());
        self.end = match error.reason() {
            ErrorReason::Unspecified => StreamEnd::Broken,
            reason => StreamEnd::Told {
                code: error.code(),
                reason,
                cursor: number("epoch")
                    .zip(number("revision"))
                    .map(|(epoch, revision)| SeatCursor { epoch, revision }),
            },
        };
    }

    /// The messages that can be read; the others are found by the validator of the order.
    pub(super) fn steps(&self) -> impl Iterator<Item = Step<'_>> {
        self.heard.iter().enumerate().filter_map(|(index, heard)| {
            let cursor = heard.message.cursor?;
            let told = match heard.message.update.as_ref()? {
                Update::Snapshot(snapshot) => Told::Snapshot {
                    places: Places {
                        seats: (snapshot.seats.iter())
                            .map(|seat| (seat.seat_id.clone(), seat.state()))
                            .collect(),
                        offers: (snapshot.offers.iter())
                            .map(|offer| (offer.offer_id.clone(), offer.available_count))
                            .collect(),
                    },
                    resynchronised: snapshot.resynchronised,
                },
                Update::Changes(changes) => {
                    Told::Changes { from_revision: changes.from_revision, changes }
                }
            };
            Some(Step { index, at: (cursor.epoch, cursor.revision), told })
        })
    }

    /// How long each change was on its way to the watcher, in microseconds; of several in one
    /// message, the newest.
    pub fn delays_micros(&self) -> Vec<i64> {
        let delay = |heard: &Heard| match &heard.message.update {
            Some(Update::Changes(changes)) => {
                let time = changes.change_time?;
                let micros = time.seconds * 1_000_000 + i64::from(time.nanos) / 1_000;
                Some(heard.arrival_micros - micros)
            }
            _ => None,
        };
        self.heard.iter().filter_map(delay).collect()
    }
}

/// Every place that a message of changes names, with what it says.
pub(super) fn said(changes: &SeatChanges) -> impl Iterator<Item = (&str, Said)> {
    let seats = changes.seats.iter();
    let seats = seats.map(|seat| (seat.seat_id.as_str(), Said::Seat(seat.state())));
    let offers = changes.offers.iter();
    seats.chain(offers.map(|left| (left.offer_id.as_str(), Said::Left(left.available_count))))
}

/// How often what happened in streams, so that a test can tell that it has shown something.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Streams.
    pub streams: usize,
    /// Messages.
    pub messages: usize,
    /// Snapshots at a beginning.
    pub snapshots: usize,
    /// New beginnings.
    pub resynchronised: usize,
    /// Messages with several changes folded into one.
    pub folded: usize,
    /// Streams that went on from a cursor with the changes after it.
    pub resumed: usize,
    /// Those of them that went on where one was cut off.
    pub outlived: usize,
    /// Streams that the server ended, by the reason that it gave.
    pub ended: BTreeMap<String, usize>,
    /// Streams whose connection broke.
    pub broken: usize,
}

impl Tally {
    /// Of these streams; those of one watcher one after the other.
    pub fn of<'a>(logs: impl IntoIterator<Item = &'a StreamLog>) -> Self {
        let mut tally = Self::default();
        // Nobody's last stream is cut off: another one follows.
        let mut was_cut_off = false;
        for log in logs {
            tally.streams += 1;
            tally.messages += log.heard.len();
            for (number, step) in log.steps().enumerate() {
                match step.told {
                    Told::Snapshot { resynchronised: true, .. } => tally.resynchronised += 1,
                    Told::Snapshot { .. } => tally.snapshots += 1,
                    Told::Changes { from_revision, .. } => {
                        tally.folded += usize::from(step.at.1 > from_revision + 1);
                        tally.resumed += usize::from(number == 0);
                        tally.outlived += usize::from(number == 0 && was_cut_off);
                    }
                }
            }
            was_cut_off = matches!(log.end, StreamEnd::Broken | StreamEnd::Told { .. });
            match &log.end {
                StreamEnd::Left | StreamEnd::Silent { .. } => {}
                StreamEnd::Broken => tally.broken += 1,
                StreamEnd::Told { reason, .. } => {
                    *tally.ended.entry(reason.as_str_name().to_owned()).or_default() += 1;
                }
            }
        }
        tally
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} streams, {} messages, {} snapshots, {} new beginnings, {} folded, {} resumed, \
             {} broken, ended {:?}",
            self.streams,
            self.messages,
            self.snapshots,
            self.resynchronised,
            self.folded,
            self.resumed,
            self.broken,
            self.ended
        )
    }
}
