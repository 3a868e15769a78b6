//! Faults of our own: bugs that the tests' checker has to find, and crashes that a sale has to
//! survive. They are there with the feature `faults` only, one at a time, chosen at run time; what
//! is released is built without it and has nothing of them.

/// Whether this bug was chosen: `planted!(ReleaseWithoutOwner)` is `false` in what is released.
macro_rules! planted {
    ($bug:ident) => {{
        #[cfg(feature = "faults")]
        let is_planted = $crate::faults::is_planted($crate::faults::Bug::$bug);
        #[cfg(not(feature = "faults"))]
        let is_planted = false;
        is_planted
    }};
}

/// A place at which a server may be told to die, as if killed: `crash_point!(BeforeCommit)` does
/// nothing in what is released.
macro_rules! crash_point {
    ($point:ident) => {
        #[cfg(feature = "faults")]
        $crate::faults::pass($crate::faults::Point::$point)
    };
}

#[cfg(feature = "faults")]
pub use chosen::*;

#[cfg(feature = "faults")]
mod chosen {
    use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

    /// The variable that chooses a fault of `boxoffice-server-faulty`: `bug=NAME`, or
    /// `crash=NAME:N` to die when the place is passed for the Nth time.
    pub const VARIABLE: &str = "BOXOFFICE_FAULT";
    const NONE: usize = usize::MAX;

    static PLANTED: AtomicUsize = AtomicUsize::new(NONE);
    static BITES: AtomicU64 = AtomicU64::new(0);
    static POINT: AtomicUsize = AtomicUsize::new(NONE);
    static PASSES_LEFT: AtomicU64 = AtomicU64::new(0);

    macro_rules! named {
        ($(#[$meta:meta])* $enum:ident { $($(#[$doc:meta])* $name:ident,)* }) => {
            $(#[$meta])*
            #[derive(Clone, Copy, Debug, PartialEq, Eq)]
            pub enum $enum { $($(#[$doc])* $name,)* }

            impl $enum {
                /// All there are.
                pub const ALL: &[Self] = &[$(Self::$name),*];

                /// What it is called.
                pub fn name(self) -> &'static str {
                    match self { $(Self::$name => stringify!($name),)* }
                }

                fn parse(name: &str) -> Result<Self, String> {
                    let found = Self::ALL.iter().find(|one| one.name() == name);
                    found.copied().ok_or_else(|| format!("there is no {name}"))
                }
            }
        };
    }

    named! {
        /// A bug that somebody could have written.
        Bug {
            /// A hold is released whoever asks for it.
            ReleaseWithoutOwner,
            /// A place is held whoever has it.
            HoldWithoutCondition,
            /// A seat that its organizer has blocked can be held.
            BlockedSeatSellable,
            /// A buyer may have any number of places.
            BuyersLimitUnenforced,
            /// A hold whose time is over keeps its places, and can be booked.
            ExpiredHoldLives,
            /// The sweep ends holds that have an hour left.
            SweepOfALiveHold,
            /// A hold can be extended beyond the most it may last.
            ExtensionWithoutCap,
            /// A claim asks neither whether the hold is alive nor whose its seats are.
            ClaimWithoutCondition,
            /// A claim leaves the last seat out.
            PartialClaim,
            /// Places of general admission stay held when their hold ends.
            GaNotGivenBack,
            /// Places of general admission are given back twice when their hold ends.
            GaGivenBackTwice,
            /// One of several seats that changed is not written.
            BulkWriteSkipsOne,
            /// Replicas do not wait for each other, and whoever lost a race does not notice.
            LostRaceUnnoticed,
            /// Commands that shared a commit get each other's answers.
            NeighboursAnswer,
            /// Whoever asked is answered before the commit.
            AcknowledgedBeforeCommit,
            /// A request's id is not recorded with its effect.
            RequestNotRecorded,
            /// A repeat is known by its id alone, whatever else it asks for.
            BodyNotCompared,
            /// Equal request ids of two callers are one request.
            CallerNotInTheKey,
            /// A booking's total leaves its first place out.
            WrongTotal,
            /// A booking that nobody pays is not ended when its time is over.
            UnpaidBookingStays,
            /// A booking that is cancelled before it was paid keeps its places.
            CancelledKeepsPlaces,
            /// A paid booking is cancelled and its money is kept.
            CancelledKeepsMoney,
            /// A decline frees the places of a booking that can still be paid.
            DeclineFreesPlaces,
            /// A decline that is told after the success undoes the payment.
            DeclineUndoesSuccess,
            /// A gateway that does not answer is taken for one that declines.
            SilenceTakenForDecline,
            /// The gateway is asked again under another key, so that it charges again.
            NewKeyPerCharge,
            /// A refund is asked for again under another key, so that it is made again.
            NewKeyPerRefund,
            /// Places that are returned are paid back twice.
            RefundTwice,
            /// Money that a booking has no use for, as after a second payment, is kept.
            SecondCaptureKept,
            /// Money that comes late buys places that somebody else has by then.
            LateMoneyTakesPlaces,
            /// A webhook counts whatever amount it is about.
            AmountNotCompared,
            /// Of several events of a transaction the first does not get into the outbox.
            LostOutboxRow,
            /// A booking's version is raised by two.
            VersionGap,
            /// Events count as sent before they are.
            MarkedBeforeSent,
            /// What comes after an event that failed does not wait for it.
            OrderBroken,
            /// That a consumer has seen an event is not noted.
            InboxRowNotWritten,
            /// That a consumer has seen an event is committed before the effect.
            InboxBeforeEffect,
            /// One place of a paid booking gets no ticket.
            NoTicketForOnePlace,
            /// Tickets of places that were returned stay good.
            VoidForgotten,
            /// A ticket lets in whoever shows it, also after somebody has entered with it.
            CheckInTwice,
            /// A watcher who comes back misses the change right after its cursor.
            CursorOffByOne,
            /// A watcher is told each change twice.
            ChangeToldTwice,
            /// Changes that a watcher has missed are told from the newest on.
            ChangesOutOfOrder,
            /// Of many changes told at once the oldest state of each seat counts.
            FoldKeepsOldest,
            /// One of several seats that changed together is not told.
            SeatOfAGroupUntold,
            /// How many places of general admission are left is not told.
            GaRemainderUntold,
            /// A new beginning of a stream does not say that it is one.
            NewBeginningUnmarked,
            /// A refresh token that was used works for ever.
            UsedTokenStillWorks,
            /// Bookings are read by whoever knows their ids.
            OwnershipNotChecked,
        }
    }

    named! {
        /// A place at which a server may die.
        Point {
            /// A transaction of whatever kind is about to commit.
            BeforeCommit,
            /// It is committed, and nobody has heard of it yet.
            AfterCommit,
            /// A group of a lane is about to commit.
            BeforeSaleCommit,
            /// It is committed, and none of those who asked has an answer.
            BeforeAnswer,
            /// The hold that a booking is to be made of is frozen.
            AfterFreeze,
            /// The places of bookings are claimed, and not committed.
            AfterClaim,
            /// A payment is recorded, and the gateway has not heard of it.
            BeforeCharge,
            /// The gateway has answered about a payment, and nothing of it is recorded.
            AfterCharge,
            /// The gateway has given money back, and nothing of it is recorded.
            AfterRefund,
            /// A relay has leased events and handed none of them on.
            AfterLease,
            /// A consumer has noted an event in its inbox, and had no effect.
            AfterInbox,
            /// A relay has handed events on, and not noted it.
            AfterPublish,
            /// A mail is handed on, and not noted as sent.
            AfterMail,
            /// A migration is done, and the next has not begun.
            AfterMigration,
        }
    }

    /// Plants a bug in every server of this process, or none.
    pub fn plant(bug: Option<Bug>) {
        BITES.store(0, Ordering::SeqCst);
        PLANTED.store(bug.map_or(NONE, |bug| bug as usize), Ordering::SeqCst);
    }

    /// How often the planted bug was met.
    pub fn bites() -> u64 {
        BITES.load(Ordering::SeqCst)
    }

    pub(crate) fn is_planted(bug: Bug) -> bool {
        let is_planted = PLANTED.load(Ordering::Relaxed) == bug as usize;
        if is_planted {
            BITES.fetch_add(1, Ordering::Relaxed);
        }
        is_planted
    }

    pub(crate) fn pass(point: Point) {
        let is_chosen = POINT.load(Ordering::Relaxed) == point as usize;
        if is_chosen && PASSES_LEFT.fetch_sub(1, Ordering::SeqCst) == 1 {
            // As a power cut would: nothing is finished, nobody is told.
            std::process::abort();
        }
    }

    /// Chooses what the environment says, if it says anything.
    ///
    /// # Errors
    ///
    /// Says what is wrong with the variable.
    pub fn choose_from_environment() -> Result<(), String> {
        let Ok(choice) = std::env::var(VARIABLE) else { return Ok(()) };
        let complain = |why: &str| format!("{VARIABLE}={choice}: {why}");
        match choice.split_once('=') {
            Some(("bug", name)) => plant(Some(Bug::parse(name).map_err(|why| complain(&why))?)),
            Some(("crash", place)) => {
                let (name, count) = place.split_once(':').unwrap_or((place, "1"));
                let point = Point::parse(name).map_err(|why| complain(&why))?;
                let count = count.parse().map_err(|_| complain("the count is no number"))?;
                if count == 0 {
                    return Err(complain("it counts from 1"));
                }
                PASSES_LEFT.store(count, Ordering::SeqCst);
                POINT.store(point as usize, Ordering::SeqCst);
            }
            _ => return Err(complain("it is neither bug=NAME nor crash=NAME:N")),
        }
        Ok(())
    }
}
