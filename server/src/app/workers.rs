//! What a server does by itself.

use std::sync::Arc;

use super::{COMPARE_PAUSE, SWEEP_PAUSE, Services, TIDY_PAUSE};
use crate::adapters::database_bus::DatabaseBus;
use crate::booking::feed::SeatFeeds;
use crate::identity::service::SWEEP_FULL;
use crate::kernel::limits::{COMPARED_AGE, REQUEST_ID_KEPT};
use crate::notification::service::NotificationService;
use crate::store::{Signal, sweep_requests};
use crate::tasks::Tasks;
use crate::workers::{listen, relay_events, repeat, repeat_on};

impl Services {
    /// Starts all of it.
    pub(super) fn start_workers(
        &self,
        feeds: &SeatFeeds,
        notifications: &NotificationService,
        tasks: &Tasks,
    ) {
        self.start_telling(feeds, notifications, tasks);
        self.start_sweeping(tasks);
        self.start_settling(tasks);
        self.start_tidying(tasks);
    }

    /// Events to consumers, changes of seats to watchers, and mails.
    fn start_telling(&self, feeds: &SeatFeeds, notifications: &NotificationService, tasks: &Tasks) {
        let stop = tasks.stop();
        let bus = Arc::new(DatabaseBus::new(self.deliveries.clone()));
        let clock = Arc::clone(&self.clock);
        tasks.spawn_vital(relay_events(self.store.clone(), bus, clock, stop.clone()));
        tasks.spawn_vital(listen(self.store.clone(), stop.clone()));
        let feeds = feeds.clone();
        let followed = stop.clone();
        tasks.spawn_vital(async move { feeds.follow(followed).await });
        let notifications = notifications.clone();
        let heard = (Signal::Mails, self.store.signals().listen());
        tasks.spawn_vital(repeat_on(heard, "mails", SWEEP_PAUSE, stop.clone(), move || {
            let notifications = notifications.clone();
            async move { notifications.send_due().await }
        }));
    }

    /// What becomes of holds and bookings by themselves.
    fn start_sweeping(&self, tasks: &Tasks) {
        let stop = tasks.stop();
        let booking = self.booking.clone();
        tasks.spawn_vital(repeat("sweeper of holds", SWEEP_PAUSE, stop.clone(), move || {
            let booking = booking.clone();
            async move { booking.sweep_holds().await }
        }));
        let booking = self.booking.clone();
        tasks.spawn_vital(repeat("sweeper of bookings", SWEEP_PAUSE, stop.clone(), move || {
            let booking = booking.clone();
            async move { booking.sweep_bookings().await }
        }));
        let booking = self.booking.clone();
        tasks.spawn_vital(repeat("caller-off of events", SWEEP_PAUSE, stop.clone(), move || {
            let booking = booking.clone();
            async move { booking.sweep_called_off().await }
        }));
        let booking = self.booking.clone();
        tasks.spawn_vital(repeat("mover of guests", SWEEP_PAUSE, stop.clone(), move || {
            let booking = booking.clone();
            async move { booking.sweep_takeovers().await }
        }));
    }

    /// Payments whose outcome is awaited, and the two books.
    fn start_settling(&self, tasks: &Tasks) {
        let stop = tasks.stop();
        let payment = self.payment.clone();
        tasks.spawn_vital(repeat("reconciler", SWEEP_PAUSE, stop.clone(), move || {
            let payment = payment.clone();
            async move { payment.ask_due().await }
        }));
        let payment = self.payment.clone();
        tasks.spawn_vital(repeat("comparison", COMPARE_PAUSE, stop.clone(), move || {
            let payment = payment.clone();
            async move { Ok(!payment.compare(false, COMPARED_AGE).await?.is_complete) }
        }));
    }

    /// What is over.
    fn start_tidying(&self, tasks: &Tasks) {
        let stop = tasks.stop();
        let catalog = self.catalog.clone();
        tasks.spawn_vital(repeat("sweeper of events", TIDY_PAUSE, stop.clone(), move || {
            let catalog = catalog.clone();
            async move { catalog.sweep_events().await }
        }));
        let identity = self.identity.clone();
        tasks.spawn_vital(repeat("sweeper of sign-ins", TIDY_PAUSE, stop.clone(), move || {
            let identity = identity.clone();
            async move { Ok(identity.sweep().await? >= SWEEP_FULL) }
        }));
        let payment = self.payment.clone();
        let tidied = (self.booking.clone(), self.store.clone(), Arc::clone(&self.clock));
        tasks.spawn_vital(repeat("tidying", TIDY_PAUSE, stop.clone(), move || {
            let payment = payment.clone();
            let (booking, store, clock) = tidied.clone();
            async move {
                let changes = booking.sweep_changes().await?;
                let webhooks = payment.sweep_webhooks().await?;
                let mut tx = store.begin().await?;
                let requests = sweep_requests(&mut tx, clock.now() - REQUEST_ID_KEPT).await?;
                tx.commit().await?;
                Ok(changes || webhooks || requests)
            }
        }));
    }
}
