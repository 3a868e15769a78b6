//! Webhooks of the ledger: written in the transaction of what they tell of, posted until somebody
//! takes them.

use sha2::{Digest, Sha256};
use sqlx::{Sqlite, Transaction};

use super::charge::ChargeRow;
use super::ledger::Ledger;
use crate::adapters::sandbox::message::NoticeMessage;
use crate::adapters::sandbox::token::{Behaviour, Delivery, behaviour};
use crate::error::{Error, Result};
use crate::kernel::id::PaymentId;
use crate::kernel::limits::{WEBHOOK_LATE, WEBHOOK_PAUSE_MAX};
use crate::kernel::time::Timestamp;

/// Webhooks that are posted at the same time.
const POSTED_AT_ONCE: i64 = 32;
/// How long a webhook may be held back so that later ones overtake it, in microseconds.
const REORDER_SPAN_MICROS: u64 = 500_000;

/// Faults of the way that webhooks take: of a hundred, how many come late, twice, or after later
/// ones. Which ones these are follows from the seed and the webhook's id.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WebhookPlan {
    /// Held back for a while.
    pub late: u8,
    /// Posted twice at the same time.
    pub doubled: u8,
    /// Held back for less than a second, so that others overtake it.
    pub reordered: u8,
    /// Chooses which.
    pub seed: u64,
}

impl WebhookPlan {
    /// Reads `on`, or faults such as `late=20,doubled=20,reordered=20,seed=7`.
    pub fn parse(text: &str) -> Option<Self> {
        let mut plan = Self::default();
        if text == "on" {
            return Some(plan);
        }
        for part in text.split(',') {
            let (name, number) = part.split_once('=')?;
            let percent = || number.parse().ok().filter(|percent| *percent <= 100);
            match name {
                "late" => plan.late = percent()?,
                "doubled" => plan.doubled = percent()?,
                "reordered" => plan.reordered = percent()?,
                "seed" => plan.seed = number.parse().ok()?,
                _ => return None,
            }
        }
        Some(plan)
    }

    /// How long a webhook is held back, and how many are posted at once.
    fn fate(&self, notice_id: &str) -> (u64, i64) {
        let mut hash = Sha256::new();
        hash.update(self.seed.to_be_bytes());
        hash.update(notice_id.as_bytes());
        let hash: [u8; 32] = hash.finalize().into();
        let roll = |at: usize| hash.get(at).map_or(0, |byte| u64::from(*byte) * 100 / 256);
        let late = if roll(0) < u64::from(self.late) { span_micros(WEBHOOK_LATE) } else { 0 };
        let reordered = roll(1) < u64::from(self.reordered);
        let behind = if reordered { roll(2) * REORDER_SPAN_MICROS / 100 } else { 0 };
        let copies = if roll(3) < u64::from(self.doubled) { 2 } else { 1 };
        (late + behind, copies)
    }
}

fn span_micros(span: std::time::Duration) -> u64 {
    u64::try_from(span.as_micros()).unwrap_or(u64::MAX)
}

/// Whether webhooks are posted, and how; and where buyers do what is asked of them.
#[derive(Clone, Debug, Default)]
pub struct Posting {
    /// `None` while nobody is told anything.
    pub plan: Option<WebhookPlan>,
    /// What comes before the id of a charge in the address of the buyer's action.
    pub action_url: String,
}

impl Posting {
    /// Where the buyer does what is asked of him.
    pub fn redirect_url(&self, payment_id: PaymentId) -> String {
        format!("{}{payment_id}", self.action_url)
    }

    /// Whether it is told that a charge is being processed, only to come after what follows.
    pub fn tells_of_processing(&self, charge: &ChargeRow) -> bool {
        delivery(charge) == Some(Delivery::Reordered)
    }
}

fn delivery(charge: &ChargeRow) -> Option<Delivery> {
    match behaviour(&charge.payment_token) {
        Some(Behaviour::TellByWebhook(delivery)) => Some(delivery),
        _ => None,
    }
}

/// Notes that somebody has to be told of a charge.
pub(super) async fn insert_notice(
    tx: &mut Transaction<'static, Sqlite>,
    charge: &ChargeRow,
    posting: &Posting,
    now: Timestamp,
) -> Result<()> {
    const SQL: &str = "insert into webhook (notice_id, payment_id, body, copies, next_time)
        values ($1, $2, $3, $4, $5) on conflict do nothing";
    let Some(plan) = posting.plan else { return Ok(()) };
    let message = charge.message(|id| posting.redirect_url(id));
    let id = format!("whe_{}_{}", charge.payment_id.uuid().simple(), charge.position);
    let (mut behind, mut copies) = plan.fate(&id);
    let kind = message.kind().to_owned();
    match delivery(charge) {
        Some(Delivery::Late) => behind += span_micros(WEBHOOK_LATE),
        Some(Delivery::Doubled) => copies = 2,
        // What says that it is being processed comes after what says that it succeeded.
        Some(Delivery::Reordered) if kind == "charge.processing" => {
            behind += span_micros(WEBHOOK_LATE);
        }
        _ => {}
    }
    let message = NoticeMessage { id: id.clone(), kind, charge: message };
    let body = serde_json::to_string(&message).map_err(Error::internal)?;
    let next = now + std::time::Duration::from_micros(behind);
    sqlx::query(SQL)
        .bind(id)
        .bind(charge.payment_id.uuid())
        .bind(body)
        .bind(copies)
        .bind(next.micros())
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// A webhook whose turn it is.
#[derive(Clone, Debug)]
pub struct DueWebhook {
    pub notice_id: String,
    pub body: String,
    pub copies: i64,
    pub attempt_count: i64,
}

impl Ledger {
    /// Webhooks whose turn it is.
    pub(in crate::adapters::sandbox) async fn due_webhooks(
        &self,
        now: Timestamp,
    ) -> Result<Vec<DueWebhook>> {
        const SQL: &str = "select notice_id, body, copies, attempt_count from webhook
            where next_time <= $1 order by next_time, rowid limit $2";
        let rows: Vec<(String, String, i64, i64)> = sqlx::query_as(SQL)
            .bind(now.micros())
            .bind(POSTED_AT_ONCE)
            .fetch_all(&self.pool)
            .await?;
        let due = rows.into_iter().map(|(notice_id, body, copies, attempt_count)| DueWebhook {
            notice_id,
            body,
            copies,
            attempt_count,
        });
        Ok(due.collect())
    }

    /// Forgets the webhooks that were taken; the others are posted again later.
    pub(in crate::adapters::sandbox) async fn note_webhooks(
        &self,
        outcomes: &[(DueWebhook, bool)],
        now: Timestamp,
    ) -> Result<()> {
        const TAKEN: &str = "delete from webhook where notice_id = $1";
        const LATER: &str = "update webhook set attempt_count = attempt_count + 1, next_time = $1
            where notice_id = $2";
        let mut tx = self.begin().await?;
        for (webhook, taken) in outcomes {
            let id = webhook.notice_id.clone();
            if *taken {
                sqlx::query(TAKEN).bind(id).execute(&mut *tx).await?;
                continue;
            }
            let doubled = 1_u64 << webhook.attempt_count.clamp(0, 16);
            let pause = std::time::Duration::from_millis(250 * doubled).min(WEBHOOK_PAUSE_MAX);
            let next = (now + pause).micros();
            sqlx::query(LATER).bind(next).bind(id).execute(&mut *tx).await?;
        }
        Ok(tx.commit().await?)
    }

    /// Whether somebody still has to be told of a charge.
    pub(in crate::adapters::sandbox) async fn has_webhooks(
        &self,
        payment_id: PaymentId,
    ) -> Result<bool> {
        const SQL: &str = "select count(*) from webhook
            where payment_id = $1 and next_time is not null";
        let count: i64 =
            sqlx::query_scalar(SQL).bind(payment_id.uuid()).fetch_one(&self.pool).await?;
        Ok(count > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plans_are_read_and_garbage_is_none() {
        let plan = WebhookPlan { late: 20, doubled: 5, reordered: 0, seed: 7 };
        assert_eq!(WebhookPlan::parse("late=20,doubled=5,seed=7"), Some(plan));
        assert_eq!(WebhookPlan::parse("on"), Some(WebhookPlan::default()));
        for garbage in ["", "late", "late=101", "late=-1", "lost=5", "late=5;seed=1"] {
            assert_eq!(WebhookPlan::parse(garbage), None, "{garbage}");
        }
    }

    #[test]
    fn a_plan_strikes_as_often_as_it_says_and_the_same_ones_each_time() {
        let plan = WebhookPlan { late: 20, doubled: 50, reordered: 0, seed: 7 };
        let fates: Vec<_> = (0..1_000).map(|n| plan.fate(&format!("whe_{n}"))).collect();
        let late = fates.iter().filter(|(behind, _)| *behind > 0).count();
        let doubled = fates.iter().filter(|(_, copies)| *copies == 2).count();
        assert!((150..250).contains(&late) && (430..570).contains(&doubled), "{late} {doubled}");
        let again: Vec<_> = (0..1_000).map(|n| plan.fate(&format!("whe_{n}"))).collect();
        assert_eq!(fates, again);
        assert_ne!(
            fates[0..100],
            (0..100)
                .map(|n| { WebhookPlan { seed: 8, ..plan }.fate(&format!("whe_{n}")) })
                .collect::<Vec<_>>()[..]
        );
    }
}
