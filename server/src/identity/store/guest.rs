//! Guests.

use sqlx::AssertSqlSafe;
use uuid::Uuid;

use crate::error::Result;
use crate::identity::domain::account::Guest;
use crate::kernel::id::{GuestId, UserId};
use crate::kernel::time::Timestamp;
use crate::store::{Tx, row, sql};

row! {
    struct GuestRow {
        contact_email: String,
        create_time: i64,
        service_account_id: Option<Uuid>,
        external_reference: Option<String>,
        user_id: Option<Uuid>,
    }
}

impl Tx {
    /// Inserts a guest.
    pub(crate) async fn insert_guest(&mut self, guest: &Guest) -> Result<()> {
        const SQL: &str = "insert into identity_guest (guest_id, contact_email, create_time,
                service_account_id, external_reference) values ($1, $2, $3, $4, $5)";
        sql!(self, execute sqlx::query(SQL)
            .bind(guest.guest_id.uuid())
            .bind(guest.contact_email.as_deref().unwrap_or_default())
            .bind(guest.create_time.micros())
            .bind(guest.service_account_id.map(|id| id.uuid()))
            .bind(guest.external_reference.as_deref()))?;
        Ok(())
    }

    /// Reads a guest.
    pub(crate) async fn guest(&mut self, guest_id: GuestId) -> Result<Option<Guest>> {
        self.select_guest(guest_id, "").await
    }

    /// Reads a guest who is about to be changed: it stays as it was read.
    pub(crate) async fn lock_guest(&mut self, guest_id: GuestId) -> Result<Option<Guest>> {
        self.select_guest(guest_id, self.for_update()).await
    }

    async fn select_guest(&mut self, guest_id: GuestId, lock: &str) -> Result<Option<Guest>> {
        const SQL: &str = "select contact_email, create_time, service_account_id,
                external_reference, user_id
            from identity_guest where guest_id = $1";
        let text = AssertSqlSafe(format!("{SQL}{lock}"));
        let row: Option<GuestRow> =
            sql!(self, fetch_optional sqlx::query_as(text).bind(guest_id.uuid()))?;
        Ok(row.map(|row| Guest {
            guest_id,
            contact_email: Some(row.contact_email).filter(|email| !email.is_empty()),
            create_time: Timestamp::from_micros(row.create_time),
            service_account_id: row.service_account_id.map(Into::into),
            external_reference: row.external_reference,
            user_id: row.user_id.map(Into::into),
        }))
    }

    /// Writes the contact address of a guest who has none.
    pub(crate) async fn fill_contact_email(
        &mut self,
        guest_id: GuestId,
        email: &str,
    ) -> Result<()> {
        const SQL: &str = "update identity_guest set contact_email = $1
            where guest_id = $2 and contact_email = ''";
        sql!(self, execute sqlx::query(SQL).bind(email).bind(guest_id.uuid()))?;
        Ok(())
    }

    /// Gives a guest to a user, and says when that is to be told again; `false` if somebody has it.
    pub(crate) async fn give_guest(
        &mut self,
        guest_id: GuestId,
        user_id: UserId,
        tell_again_time: Timestamp,
    ) -> Result<bool> {
        const SQL: &str = "update identity_guest set user_id = $1, tell_again_time = $2
            where guest_id = $3 and user_id is null";
        let given = sql!(self, execute sqlx::query(SQL)
            .bind(user_id.uuid())
            .bind(tell_again_time.micros())
            .bind(guest_id.uuid()))?;
        Ok(given == 1)
    }

    /// Guests whose taking over is to be told again by now, and whose they are.
    pub(crate) async fn guests_to_tell(
        &mut self,
        now: Timestamp,
        limit: i64,
    ) -> Result<Vec<(GuestId, UserId)>> {
        const SQL: &str = "select guest_id, user_id from identity_guest
            where tell_again_time <= $1 order by tell_again_time limit $2";
        let rows: Vec<(Uuid, Uuid)> =
            sql!(self, fetch_all sqlx::query_as(SQL).bind(now.micros()).bind(limit))?;
        Ok(rows.into_iter().map(|(guest, user)| (guest.into(), user.into())).collect())
    }

    /// Notes that it was told; `false` if somebody else noted it before.
    pub(crate) async fn note_told(&mut self, guest_id: GuestId) -> Result<bool> {
        const SQL: &str = "update identity_guest set tell_again_time = null
            where guest_id = $1 and tell_again_time is not null";
        let noted = sql!(self, execute sqlx::query(SQL).bind(guest_id.uuid()))?;
        Ok(noted == 1)
    }
}
