//! Work that is done again and again.

use std::future::Future;
use std::time::Duration;

use tokio::sync::broadcast::Receiver;
use tokio_util::sync::CancellationToken;

use crate::error::Result;
use crate::store::{Signal, heard};

/// A signal, and where it is heard.
type Wake = (Signal, Receiver<Signal>);

/// Does rounds of work until `stop`: at once again while a round says that there is more, else
/// after `pause`. A round that fails is logged and tried again after the pause.
pub async fn repeat<F, W>(name: &'static str, pause: Duration, stop: CancellationToken, work: F)
where
    F: FnMut() -> W + Send,
    W: Future<Output = Result<bool>> + Send,
{
    rounds(None, name, pause, stop, work).await;
}

/// The same, but a round begins as soon as a signal is heard, too; after one that failed, it is the
/// pause that is waited for.
pub async fn repeat_on<F, W>(
    wake: Wake,
    name: &'static str,
    pause: Duration,
    stop: CancellationToken,
    work: F,
) where
    F: FnMut() -> W + Send,
    W: Future<Output = Result<bool>> + Send,
{
    rounds(Some(wake), name, pause, stop, work).await;
}

async fn rounds<F, W>(
    mut wake: Option<Wake>,
    name: &'static str,
    pause: Duration,
    stop: CancellationToken,
    mut work: F,
) where
    F: FnMut() -> W + Send,
    W: Future<Output = Result<bool>> + Send,
{
    loop {
        let worked = work().await;
        match &worked {
            Ok(false) => {}
            Ok(true) if !stop.is_cancelled() => continue,
            Ok(true) => return,
            Err(error) => tracing::warn!(name, %error, "a round of work failed"),
        }
        tokio::select! {
            biased;
            () = stop.cancelled() => return,
            () = woken(&mut wake), if worked.is_ok() => {}
            () = tokio::time::sleep(pause) => {}
        }
    }
}

/// Waits for the signal, if there is one to wait for. The round that follows answers all that were
/// sent before it.
async fn woken(wake: &mut Option<Wake>) {
    let Some((signal, signals)) = wake else { return std::future::pending().await };
    heard(signals, *signal).await;
    *signals = signals.resubscribe();
}

#[cfg(test)]
mod tests {
    use tokio::sync::mpsc;
    use tokio::time::timeout;

    use super::*;
    use crate::store::Signals;

    const SOON: Duration = Duration::from_secs(10);

    #[tokio::test]
    async fn a_round_begins_when_its_signal_is_heard_and_for_no_other() {
        let (signals, stop) = (Signals::default(), CancellationToken::new());
        let (begun, mut rounds) = mpsc::unbounded_channel();
        let work = move || {
            begun.send(()).expect("somebody counts");
            async { Ok(false) }
        };
        let hour = Duration::from_secs(3_600);
        let heard = (Signal::Mails, signals.listen());
        let worker = tokio::spawn(repeat_on(heard, "mails", hour, stop.clone(), work));
        timeout(SOON, rounds.recv()).await.expect("the first");
        signals.send(Signal::Outbox);
        tokio::task::yield_now().await;
        assert!(rounds.try_recv().is_err(), "that is none of its business");
        for _ in 0..3 {
            signals.send(Signal::Mails);
        }
        timeout(SOON, rounds.recv()).await.expect("the second");
        tokio::task::yield_now().await;
        assert!(rounds.try_recv().is_err(), "one round answers them all");
        stop.cancel();
        worker.await.expect("it ends");
    }
}
