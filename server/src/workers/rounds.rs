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

/// The same, but a round begins as soon as a signal is heard, too.
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
        match work().await {
            Ok(false) => {}
            Ok(true) if !stop.is_cancelled() => continue,
            Ok(true) => return,
            Err(error) => tracing::warn!(name, %error, "a round of work failed"),
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = woken(&mut wake) => {}
            () = tokio::time::sleep(pause) => {}
        }
    }
}

/// Waits for the signal, if there is one to wait for.
async fn woken(wake: &mut Option<Wake>) {
    match wake {
        Some((signal, signals)) => heard(signals, *signal).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::mpsc;

    use super::*;
    use crate::store::Signals;

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
        rounds.recv().await.expect("the first");
        signals.send(Signal::Outbox);
        tokio::task::yield_now().await;
        assert!(rounds.try_recv().is_err(), "that is none of its business");
        signals.send(Signal::Mails);
        rounds.recv().await.expect("the second");
        stop.cancel();
        worker.await.expect("it ends");
    }
}
