//! What a server is made of beside its settings, for whoever embeds or tests it.

use std::sync::Arc;

use crate::adapters::mail_folder::MailFolder;
use crate::adapters::mail_message::sender;
use crate::config::Config;
use crate::delivery::DELIVERY_FAILURES_MAX;
use crate::error::{Error, Result};
use crate::ports::bus::Consumer;
use crate::ports::clock::Clock;
use crate::ports::mailer::Mailer;
use crate::transport::connections::ConnectionLimits;

/// The parts of a server.
pub struct Parts {
    /// What tells the time.
    pub clock: Arc<dyn Clock>,
    /// Consumers of events beside the platform's own.
    pub consumers: Vec<Arc<dyn Consumer>>,
    /// Failed deliveries after which an event is parked.
    pub delivery_failures_max: u32,
    /// What mails leave by.
    pub mailer: Arc<dyn Mailer>,
    /// What connections may do.
    pub connections: ConnectionLimits,
}

impl Parts {
    /// Those of the settings, on a clock of one's own.
    pub fn of(config: &Config, clock: Arc<dyn Clock>) -> Result<Self> {
        let from = sender(&config.mail_from);
        let from = from.map_err(|must| Error::Unavailable(format!("--mail-from {must}")))?;
        let mailer = Arc::new(MailFolder::open(&config.mail_folder, from)?);
        let (consumers, delivery_failures_max) = (Vec::new(), DELIVERY_FAILURES_MAX);
        let connections = ConnectionLimits::of_process();
        Ok(Self { clock, consumers, delivery_failures_max, mailer, connections })
    }
}
