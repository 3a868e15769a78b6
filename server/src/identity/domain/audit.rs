//! What privileged callers did.

use crate::kernel::caller::SessionId;
use crate::kernel::id::AuditEntryId;
use crate::kernel::time::Timestamp;

/// One privileged call that had its effect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditEntry {
    /// Its id.
    pub audit_entry_id: AuditEntryId,
    /// Who called.
    pub session: SessionId,
    /// What was called, as the RPC is named.
    pub action: String,
    /// The id of what it was done to, and what was done where the action does not say it all.
    pub subject: String,
    /// When.
    pub create_time: Timestamp,
}
