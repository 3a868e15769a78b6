//! Waiting for a state: asking again and again, for so long and no longer.

use std::fmt::{Debug, Display};
use std::panic::Location;
use std::time::Duration;

use tokio::time::Instant;

/// How long most of what is waited for may take, on a machine that runs other tests as well.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);
/// The pause after the first look; each is twice as long as the one before.
const PAUSE_MIN: Duration = Duration::from_millis(5);
/// The longest pause between two looks.
const PAUSE_MAX: Duration = Duration::from_millis(20);

/// Asks again and again until the answer is `Ok`. Gives up after 20 seconds, with what the last
/// answer said and where in the tests it was waited for.
#[track_caller]
pub fn eventually<T, E: Display>(
    ask: impl AsyncFnMut() -> Result<T, E>,
) -> impl Future<Output = T> {
    eventually_within(PATIENCE, ask)
}

/// The same, with a patience of its own.
#[track_caller]
pub fn eventually_within<T, E: Display>(
    patience: Duration,
    mut ask: impl AsyncFnMut() -> Result<T, E>,
) -> impl Future<Output = T> {
    let place = Location::caller();
    async move {
        let give_up = Instant::now() + patience;
        let mut pause = PAUSE_MIN;
        loop {
            match ask().await {
                Ok(answer) => return answer,
                Err(answer) => assert!(Instant::now() < give_up, "{answer} (at {place})"),
            }
            tokio::time::sleep(pause).await;
            pause = PAUSE_MAX.min(pause * 2);
        }
    }
}

/// Looks again and again until what is there is as wanted, and returns that. Gives up after 20
/// seconds, with what was last there and where in the tests it was waited for.
#[track_caller]
pub fn look_until<T: Debug>(
    mut look: impl AsyncFnMut() -> T,
    is_wanted: impl Fn(&T) -> bool,
) -> impl Future<Output = T> {
    eventually(async move || {
        let now = look().await;
        if is_wanted(&now) { Ok(now) } else { Err(format!("still {now:?}")) }
    })
}
