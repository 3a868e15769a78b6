//! The promises themselves, by what they are about.

mod catalog;
mod events;
mod money;
mod seats;
mod tickets;

use super::invariants::{Invariant, When};

const fn always(
    name: &'static str,
    description: &'static str,
    broken_by: &'static str,
) -> Invariant {
    Invariant { name, description, when: When::Always, broken_by }
}

const fn settled(
    name: &'static str,
    description: &'static str,
    broken_by: &'static str,
) -> Invariant {
    Invariant { name, description, when: When::Settled, broken_by }
}

/// Every promise, in the order it is reported.
pub(super) fn all() -> impl Iterator<Item = &'static Invariant> {
    let first = seats::PROMISES.iter().chain(&tickets::PROMISES);
    first.chain(&money::PROMISES).chain(&catalog::PROMISES).chain(&events::PROMISES)
}
