//! Chance that can be had again: everything follows from a seed.

use std::time::Duration;

use uuid::Uuid;

/// A stream of random numbers that a seed determines (SplitMix64, so that neighbouring seeds have
/// nothing to do with each other).
#[derive(Clone, Debug)]
pub struct Chance(u64);

impl Chance {
    /// The seed of a test: what `BOXOFFICE_TEST_SEED` says, or another one every time. It is
    /// printed.
    pub fn seed() -> u64 {
        let seed = match std::env::var("BOXOFFICE_TEST_SEED") {
            Ok(seed) => seed.parse().expect("BOXOFFICE_TEST_SEED is a number"),
            Err(_) => Uuid::new_v4().as_u64_pair().0 % 1_000_000_000,
        };
        println!("the seed is {seed}; BOXOFFICE_TEST_SEED gives it again");
        seed
    }

    /// The one of a test's seed.
    pub fn of_test() -> Self {
        Self::of(Self::seed())
    }

    /// The one of a seed.
    pub fn of(seed: u64) -> Self {
        Self(seed)
    }

    /// One of many that a seed has, so that what several do at once does not depend on who comes
    /// first.
    pub fn part(seed: u64, part: usize) -> Self {
        let mut chance = Self(seed);
        chance.0 ^= Self(part as u64).number();
        chance
    }

    /// Another one.
    pub fn another(&mut self) -> Self {
        Self::of(self.number())
    }

    /// Any number.
    pub fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below a limit, which is not 0.
    pub fn below(&mut self, limit: u64) -> u64 {
        self.number() % limit
    }

    /// The index of something in a list that is not empty.
    pub fn index(&mut self, length: usize) -> usize {
        usize::try_from(self.below(length as u64)).expect("it fits")
    }

    /// True in so many of a hundred cases.
    pub fn percent(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    /// A span between the two.
    pub fn between(&mut self, least: Duration, most: Duration) -> Duration {
        let range = u64::try_from((most - least).as_micros()).expect("a span that fits");
        least + Duration::from_micros(self.below(range.max(1)))
    }

    /// One of these, of which there is at least one.
    pub fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.index(of.len())]
    }

    /// Up to so many of these, each once.
    pub fn some<T: Copy + PartialEq>(&mut self, of: &[T], count: usize) -> Vec<T> {
        let mut some = Vec::new();
        for _ in 0..count {
            let one = *self.pick(of);
            if !some.contains(&one) {
                some.push(one);
            }
        }
        some
    }

    /// An id that nobody else has, e.g. of a request.
    pub fn uuid(&mut self) -> Uuid {
        let bits = (u128::from(self.number()) << 64) | u128::from(self.number());
        uuid::Builder::from_random_bytes(bits.to_be_bytes()).into_uuid()
    }
}

/// How long a test is: what the environment says, or else its short form.
pub fn length(variable: &str, short: usize) -> usize {
    std::env::var(variable).map_or(short, |text| text.parse().expect("a number"))
}

/// So many, in portions of a certain size: what a long form has too much of for one sale.
pub fn portions(count: usize, size: usize) -> impl Iterator<Item = usize> {
    (0..count).step_by(size).map(move |begun| size.min(count - begun))
}
