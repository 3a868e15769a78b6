//! Work that takes a processor for a while, such as hashing and drawing: off the threads that serve
//! calls, as much at a time as there are cores, and no more waiting than is reasonable.

use std::sync::Arc;
use std::thread::available_parallelism;

use tokio::sync::Semaphore;

use crate::error::{Error, Result};

/// What does such work. Cheap to clone: clones share their cores and their queue.
#[derive(Clone)]
pub struct Cores {
    cores: Arc<Semaphore>,
    places: Arc<Semaphore>,
}

impl Cores {
    /// All cores of the machine. Work beyond `queue_max` that waits is turned away.
    pub fn of_machine(queue_max: usize) -> Self {
        let cores = available_parallelism().map_or(2, |count| count.get().max(2));
        Self::new(cores, queue_max)
    }

    /// So many cores.
    pub(crate) fn new(cores: usize, queue_max: usize) -> Self {
        let places = Arc::new(Semaphore::new(cores + queue_max));
        Self { cores: Arc::new(Semaphore::new(cores)), places }
    }

    /// Does some work; UNAVAILABLE if too much of it waits already.
    pub async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let place = Arc::clone(&self.places).try_acquire_owned();
        let place = place.map_err(|_| Error::Unavailable("too much work waits".into()))?;
        let core = Arc::clone(&self.cores).acquire_owned().await.map_err(Error::internal)?;
        let blocking = tokio::task::spawn_blocking(move || {
            // Given back when the work is done, even if nobody waits for it any more.
            let _held = (place, core);
            work()
        });
        blocking.await.map_err(Error::internal)?
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::sync::mpsc::{Receiver, channel};

    use futures::future::join_all;

    use super::*;

    /// Work that goes on until it is told to stop, and notes how much of it goes on.
    fn waiting(until: &Arc<Mutex<Receiver<()>>>) -> impl FnOnce() -> Result<()> + Send + 'static {
        let until = Arc::clone(until);
        move || {
            until.lock().expect("no test panics").recv().expect("a sign");
            Ok(())
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn beyond_the_queue_work_is_turned_away_and_later_it_is_done() {
        let (go, until) = channel();
        let until = Arc::new(Mutex::new(until));
        let cores = Cores::new(1, 2);
        let taken: Vec<_> = (0..3)
            .map(|_| {
                let (cores, work) = (cores.clone(), waiting(&until));
                tokio::spawn(async move { cores.run(work).await })
            })
            .collect();
        while cores.places.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
        assert!(matches!(cores.run(|| Ok(())).await, Err(Error::Unavailable(_))));
        for _ in 0..3 {
            go.send(()).expect("somebody waits");
        }
        for outcome in join_all(taken).await {
            outcome.expect("no panic").expect("it is done");
        }
        cores.run(|| Ok(())).await.expect("there is room again");
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn no_more_goes_on_at_a_time_than_there_are_cores() {
        let cores = Cores::new(2, 100);
        let going = Arc::new(Mutex::new((0_usize, 0_usize)));
        let work = |_| {
            let going = Arc::clone(&going);
            cores.run(move || {
                {
                    let mut counts = going.lock().expect("no test panics");
                    counts.0 += 1;
                    counts.1 = counts.1.max(counts.0);
                }
                // Long enough to meet others: it chooses the moment at which they would come.
                std::thread::sleep(std::time::Duration::from_millis(1));
                going.lock().expect("no test panics").0 -= 1;
                Ok(())
            })
        };
        for outcome in join_all((0..100).map(work)).await {
            outcome.expect("it is done");
        }
        assert_eq!(going.lock().expect("no test panics").1, 2);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_caller_who_leaves_gives_its_place_back_when_the_work_is_done() {
        let (go, until) = channel();
        let until = Arc::new(Mutex::new(until));
        let cores = Cores::new(1, 0);
        let mut left = Box::pin(cores.run(waiting(&until)));
        assert!(futures::poll!(&mut left).is_pending());
        drop(left);
        assert!(matches!(cores.run(|| Ok(())).await, Err(Error::Unavailable(_))));
        go.send(()).expect("it still goes on");
        while cores.places.available_permits() == 0 {
            tokio::task::yield_now().await;
        }
        cores.run(|| Ok(())).await.expect("there is room again");
    }
}
