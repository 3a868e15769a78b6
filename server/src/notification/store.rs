//! Notifications' table.

use sqlx::AssertSqlSafe;
use uuid::Uuid;

use super::domain::{Email, Kind, Notification, NotificationState};
use super::service::NotificationFilter;
use crate::error::Result;
use crate::kernel::caller::SessionId;
use crate::kernel::id::{BookingId, MessageId, NotificationId, PlaceId, ResetId};
use crate::kernel::money::{Currency, Money};
use crate::kernel::page::{Cursor, PageRequest};
use crate::kernel::time::Timestamp;
use crate::store::{Signal, Tx, column, row, sql};

row! {
    struct NotificationRow {
        notification_id: Uuid,
        kind: String,
        message_id: Uuid,
        session_id: String,
        email: String,
        booking_id: Option<Uuid>,
        reset_id: Option<Uuid>,
        amount_minor: Option<i64>,
        currency_code: Option<String>,
        place_ids: String,
        failure_code: String,
        state: String,
        failure_count: i64,
        cause: String,
        next_try_time: i64,
        lease_until: i64,
        create_time: i64,
        update_time: i64,
    }
}

fn notification(row: NotificationRow) -> Result<Notification> {
    let currency = row.currency_code.map(|code| column(Currency::parse(&code), "currency_code"));
    let amount = currency.transpose()?.zip(row.amount_minor);
    let place_ids = row.place_ids.split_whitespace().map(PlaceId::parse).collect();
    Ok(Notification {
        notification_id: row.notification_id.into(),
        kind: column(Kind::parse(&row.kind), "kind")?,
        message_id: MessageId::from(row.message_id),
        session: column(SessionId::parse(&row.session_id), "session_id")?,
        email: Email(row.email),
        booking_id: row.booking_id.map(BookingId::from),
        reset_id: row.reset_id.map(ResetId::from),
        amount: amount.map(|(currency, minor)| Money { currency, minor }),
        place_ids: column(place_ids, "place_ids")?,
        failure_code: row.failure_code,
        state: column(NotificationState::parse(&row.state), "state")?,
        failure_count: column(u32::try_from(row.failure_count).ok(), "failure_count")?,
        cause: row.cause,
        next_try_time: Timestamp::from_micros(row.next_try_time),
        lease_until: Timestamp::from_micros(row.lease_until),
        create_time: Timestamp::from_micros(row.create_time),
        update_time: Timestamp::from_micros(row.update_time),
    })
}

/// Text around the columns of a notification.
macro_rules! with_columns {
    ($before:literal, $after:literal) => {
        concat!(
            $before,
            " notification_id, kind, message_id, session_id, email, booking_id, reset_id,
                amount_minor, currency_code, place_ids, failure_code, state, failure_count, cause,
                next_try_time, lease_until, create_time, update_time ",
            $after
        )
    };
}

impl Tx {
    /// Keeps a notification; one that is there already stays as it is.
    pub(super) async fn insert_notification(&mut self, new: &Notification) -> Result<()> {
        const SQL: &str =
            "insert into notification_notification (notification_id, kind, message_id,
                session_id, email, booking_id, reset_id, amount_minor, currency_code, place_ids,
                failure_code, state, failure_count, cause, next_try_time, lease_until, create_time,
                update_time)
            values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, 0, '', $13, 0, $14, $14)
            on conflict do nothing";
        let place_ids: Vec<String> = new.place_ids.iter().map(PlaceId::to_string).collect();
        let place_ids = place_ids.join(" ");
        sql!(self, execute sqlx::query(SQL)
            .bind(new.notification_id.uuid())
            .bind(new.kind.name())
            .bind(new.message_id.uuid())
            .bind(new.session.to_string())
            .bind(new.email.0.clone())
            .bind(new.booking_id.map(BookingId::uuid))
            .bind(new.reset_id.map(ResetId::uuid))
            .bind(new.amount.map(|amount| amount.minor))
            .bind(new.amount.map(|amount| amount.currency.code().to_owned()))
            .bind(place_ids)
            .bind(new.failure_code.clone())
            .bind(new.state.name())
            .bind(new.next_try_time.micros())
            .bind(new.create_time.micros()))?;
        self.signal(Signal::Mails);
        Ok(())
    }

    /// Takes notifications whose turn it is; until `lease` nobody else takes them.
    pub(super) async fn take_due_notifications(
        &mut self,
        now: Timestamp,
        lease: Timestamp,
        limit: i64,
    ) -> Result<Vec<Notification>> {
        const TAKE: &str = "update notification_notification set lease_until = $1
            where notification_id in (
                select notification_id from notification_notification
                where state = 'PENDING' and next_try_time <= $2 and lease_until <= $2
                order by next_try_time limit $3";
        const TAKEN: &str = with_columns!(") returning", "");
        let sql = format!("{TAKE}{}{TAKEN}", self.for_update_of_the_unlocked());
        let sql = sql.as_str();
        let rows: Vec<NotificationRow> = sql!(self, fetch_all sqlx::query_as(AssertSqlSafe(sql))
            .bind(lease.micros()).bind(now.micros()).bind(limit))?;
        rows.into_iter().map(notification).collect()
    }

    /// Lets those be taken that somebody was trying to send.
    pub(super) async fn void_notification_leases(&mut self, now: Timestamp) -> Result<()> {
        const SQL: &str = "update notification_notification set lease_until = 0
            where state = 'PENDING' and lease_until > $1";
        sql!(self, execute sqlx::query(SQL).bind(now.micros()))?;
        Ok(())
    }

    /// Writes what a try came to, unless somebody else has done so. Says whether it did.
    pub(super) async fn update_notification(
        &mut self,
        changed: &Notification,
        before: NotificationState,
    ) -> Result<bool> {
        const SQL: &str = "update notification_notification
            set state = $1, failure_count = $2, cause = $3, next_try_time = $4, lease_until = $5,
                update_time = $6
            where notification_id = $7 and state = $8";
        let updated = sql!(self, execute sqlx::query(SQL)
            .bind(changed.state.name())
            .bind(i64::from(changed.failure_count))
            .bind(changed.cause.clone())
            .bind(changed.next_try_time.micros())
            .bind(changed.lease_until.micros())
            .bind(changed.update_time.micros())
            .bind(changed.notification_id.uuid())
            .bind(before.name()))?;
        Ok(updated == 1)
    }

    /// Makes the notifications of one session those of another.
    pub(super) async fn move_notifications(
        &mut self,
        from: SessionId,
        to: SessionId,
    ) -> Result<()> {
        const SQL: &str =
            "update notification_notification set session_id = $1 where session_id = $2";
        sql!(self, execute sqlx::query(SQL).bind(to.to_string()).bind(from.to_string()))?;
        Ok(())
    }

    pub(super) async fn notification(
        &mut self,
        notification_id: NotificationId,
    ) -> Result<Option<Notification>> {
        const SQL: &str =
            with_columns!("select", "from notification_notification where notification_id = $1");
        let row: Option<NotificationRow> =
            sql!(self, fetch_optional sqlx::query_as(SQL).bind(notification_id.uuid()))?;
        row.map(notification).transpose()
    }

    /// One page of notifications, the newest first.
    pub(super) async fn notifications(
        &mut self,
        filter: &NotificationFilter,
        only: Option<SessionId>,
        page: &PageRequest,
    ) -> Result<Vec<Notification>> {
        const SQL: &str = with_columns!(
            "select",
            "from notification_notification
            where ($1 is null or state = $1) and ($2 is null or booking_id = $2)
            and ($3 is null or session_id = $3) and ($4 is null or session_id = $4)
            and (create_time, notification_id) < ($5, $6)
            order by create_time desc, notification_id desc limit $7"
        );
        let after = page.after.unwrap_or(Cursor::LAST);
        let rows: Vec<NotificationRow> = sql!(self, fetch_all sqlx::query_as(SQL)
            .bind(filter.state.map(NotificationState::name))
            .bind(filter.booking_id.map(BookingId::uuid))
            .bind(filter.session.map(|session| session.to_string()))
            .bind(only.map(|session| session.to_string()))
            .bind(after.position)
            .bind(after.id)
            .bind(page.limit()))?;
        rows.into_iter().map(notification).collect()
    }
}
