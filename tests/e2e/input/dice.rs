//! Chance that can be had again: everything that is drawn follows from the seed.

use boxoffice_tests::{Chance, length};

/// Draws what is sent.
#[derive(Clone)]
pub struct Dice(Chance);

/// `BOXOFFICE_TEST_SEED`, or 11.
pub fn seed() -> u64 {
    length("BOXOFFICE_TEST_SEED", 11) as u64
}

impl Dice {
    /// By the seed. The name keeps what is drawn in one place from depending on what was drawn
    /// elsewhere.
    pub fn of(name: &str) -> Self {
        let named = name
            .bytes()
            .fold(seed(), |mixed, byte| mixed.wrapping_mul(0x0100_0000_01b3) ^ u64::from(byte));
        Self(Chance::of(named))
    }

    /// Any number.
    pub fn any(&mut self) -> u64 {
        self.0.number()
    }

    /// A number below `end`.
    pub fn below(&mut self, end: usize) -> usize {
        self.0.index(end.max(1))
    }

    /// One of several.
    pub fn one_of<'a, T>(&mut self, several: &'a [T]) -> &'a T {
        &several[self.below(several.len())]
    }

    /// That many bytes.
    pub fn bytes(&mut self, count: usize) -> Vec<u8> {
        (0..count).map(|_| self.any().to_le_bytes()[0]).collect()
    }

    /// Puts things into another order.
    pub fn shuffle<T>(&mut self, things: &mut [T]) {
        for at in (1..things.len()).rev() {
            things.swap(at, self.below(at + 1));
        }
    }
}
