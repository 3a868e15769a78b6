//! Privileged calls.

use uuid::Uuid;

use crate::error::Result;
use crate::identity::domain::audit::AuditEntry;
use crate::kernel::caller::SessionId;
use crate::kernel::page::{Cursor, Page, PageRequest};
use crate::kernel::time::Timestamp;
use crate::store::{Tx, column, sql};

impl Tx {
    /// Inserts an entry.
    pub(crate) async fn insert_audit_entry(&mut self, entry: &AuditEntry) -> Result<()> {
        const SQL: &str = "insert into identity_audit (audit_entry_id, session_id, action, subject,
                create_time) values ($1, $2, $3, $4, $5)";
        sql!(self, execute sqlx::query(SQL)
            .bind(entry.audit_entry_id.uuid())
            .bind(entry.session.to_string())
            .bind(entry.action.as_str())
            .bind(entry.subject.as_str())
            .bind(entry.create_time.micros()))?;
        Ok(())
    }

    /// Lists all entries, the newest first.
    pub(crate) async fn audit_entries(&mut self, page: &PageRequest) -> Result<Page<AuditEntry>> {
        const SQL: &str = "select audit_entry_id, session_id, action, subject, create_time
            from identity_audit where (create_time, audit_entry_id) < ($1, $2)
            order by create_time desc, audit_entry_id desc limit $3";
        let after = page.after.unwrap_or(Cursor::LAST);
        type Row = (Uuid, String, String, String, i64);
        let rows: Vec<Row> = sql!(self, fetch_all sqlx::query_as(SQL)
                .bind(after.position).bind(after.id).bind(page.limit()))?;
        let entries = rows.into_iter().map(|(id, session, action, subject, create_time)| {
            Ok(AuditEntry {
                audit_entry_id: id.into(),
                session: column(SessionId::parse(&session), "session_id")?,
                action,
                subject,
                create_time: Timestamp::from_micros(create_time),
            })
        });
        Ok(Page::new(entries.collect::<Result<Vec<_>>>()?, page, |entry| Cursor {
            position: entry.create_time.micros(),
            id: entry.audit_entry_id.uuid(),
        }))
    }
}
