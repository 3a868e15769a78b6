//! The record of privileged calls.

use super::sign_in::IdentityService;
use crate::error::Result;
use crate::identity::domain::audit::AuditEntry;
use crate::kernel::caller::SessionId;
use crate::kernel::id::AuditEntryId;
use crate::kernel::page::{Page, PageRequest};
use crate::kernel::time::Timestamp;
use crate::store::Tx;

/// Records a privileged call in the transaction of its effect, for every context: who, the name of
/// the RPC, and the id of what it was done to, with a word more where the action does not say it
/// all. Neither secrets nor e-mail addresses belong there.
pub async fn audit(
    tx: &mut Tx,
    session: SessionId,
    action: &'static str,
    subject: &str,
    now: Timestamp,
) -> Result<()> {
    let entry = AuditEntry {
        audit_entry_id: AuditEntryId::new(now, rand::random()),
        session,
        action: action.to_owned(),
        subject: subject.to_owned(),
        create_time: now,
    };
    tx.insert_audit_entry(&entry).await
}

impl IdentityService {
    /// Lists privileged calls, the newest first.
    pub async fn audit_entries(&self, page: &PageRequest) -> Result<Page<AuditEntry>> {
        self.store.read().await?.audit_entries(page).await
    }
}
