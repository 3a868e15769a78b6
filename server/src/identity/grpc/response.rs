//! What identity answers, on the wire.

use boxoffice_proto::identity::v1 as pb;

use crate::identity::domain::account::{Guest, User};
use crate::identity::domain::audit::AuditEntry;
use crate::identity::domain::service_account::ServiceAccount;
use crate::identity::service::TokenPair;
use crate::kernel::caller::Scope;
use crate::transport::wire;

pub(super) fn user(user: User) -> pb::User {
    pb::User {
        user_id: user.user_id.to_string(),
        email: user.email,
        display_name: user.display_name,
        roles: user.roles.iter().map(|role| wire::role(role).into()).collect(),
        create_time: Some(wire::time(user.create_time)),
        email_verified: user.email_verify_time.is_some(),
    }
}

pub(super) fn guest(guest: Guest) -> pb::Guest {
    pb::Guest {
        guest_id: guest.guest_id.to_string(),
        contact_email: guest.contact_email.unwrap_or_default(),
        create_time: Some(wire::time(guest.create_time)),
        service_account_id: guest.service_account_id.map(|id| id.to_string()).unwrap_or_default(),
        external_reference: guest.external_reference.unwrap_or_default(),
    }
}

pub(super) fn tokens(tokens: TokenPair) -> pb::TokenPair {
    pb::TokenPair {
        access_token: tokens.access_token,
        access_expire_time: Some(wire::time(tokens.access_expire_time)),
        refresh_token: tokens.refresh_token,
        refresh_expire_time: Some(wire::time(tokens.refresh_expire_time)),
    }
}

pub(super) fn service_account(account: ServiceAccount) -> pb::ServiceAccount {
    pb::ServiceAccount {
        service_account_id: account.service_account_id.to_string(),
        name: account.name,
        scopes: account.scopes.iter().map(Scope::name).map(str::to_owned).collect(),
        calls_per_minute: account.calls_per_minute.unwrap_or_default(),
        create_time: Some(wire::time(account.create_time)),
        disable_time: account.disable_time.map(wire::time),
    }
}

pub(super) fn audit_entry(entry: AuditEntry) -> pb::AuditEntry {
    pb::AuditEntry {
        audit_entry_id: entry.audit_entry_id.to_string(),
        session_id: entry.session.to_string(),
        action: entry.action,
        subject: entry.subject,
        create_time: Some(wire::time(entry.create_time)),
    }
}
