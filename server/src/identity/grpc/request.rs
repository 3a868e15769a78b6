//! What requests ask for, in identity's own words. What is wrong with a field is noted.

use std::ops::RangeInclusive;

use boxoffice_proto::identity::v1 as pb;
use boxoffice_proto::r#type::v1 as wire_type;

use crate::error::{Reason, Result};
use crate::identity::domain::account::GuestOpening;
use crate::identity::domain::password::NewPassword;
use crate::identity::domain::service_account::NewServiceAccount;
use crate::identity::service::UserKey;
use crate::kernel::caller::{Caller, Role, Roles, Scope, Scopes};
use crate::kernel::id::UserId;
use crate::transport::parse::Fields;
use crate::transport::wire;

/// Characters of a name.
pub(super) const NAME_LENGTH: RangeInclusive<usize> = 1..=100;
/// Characters of what a service calls its buyer.
const REFERENCE_LENGTH: RangeInclusive<usize> = 1..=200;
/// Roles, or scopes, that a request may name; there are not as many.
const NAMED_MAX: usize = 16;
/// How many calls a minute a service account can be said to make.
const CALLS_PER_MINUTE: RangeInclusive<i32> = 1..=1_000_000;

/// A password that somebody is to have.
pub(super) fn new_password(fields: &mut Fields, field: &str, text: &str) -> Option<NewPassword> {
    match NewPassword::parse(text) {
        Ok(password) => Some(password),
        Err(fault) => fields.fault(field, fault.description()),
    }
}

/// Text that only has to be there: what is wrong with it, a look-up will tell.
pub(super) fn given(fields: &mut Fields, field: &str, text: String) -> Option<String> {
    if text.is_empty() { fields.fault(field, "must be given") } else { Some(text) }
}

/// Text that need not be there.
pub(super) fn optional(text: String) -> Option<String> {
    Some(text).filter(|text| !text.is_empty())
}

/// The roles of a SetUserRoles.
pub(super) fn roles(fields: &mut Fields, numbers: &[i32]) -> Option<Roles> {
    fields.number("roles", numbers.len(), 0..=NAMED_MAX)?;
    let parsed: Option<Vec<Role>> = numbers
        .iter()
        .map(|number| wire_type::Role::try_from(*number).ok().and_then(wire::role_from))
        .map(|role| role.filter(|role| *role != Role::Guest))
        .collect();
    match parsed {
        Some(roles) => Some(roles.into_iter().collect()),
        None => fields.fault("roles", "must be ROLE_CUSTOMER, ROLE_ORGANIZER or ROLE_ADMIN each"),
    }
}

/// The guest session that a CreateGuestSession opens. Only a service may say what it calls its
/// buyer; `None` as the caller is somebody without a token that works.
pub(super) fn opening(
    caller: Option<&Caller>,
    request: pb::CreateGuestSessionRequest,
) -> Result<GuestOpening> {
    let mut fields = Fields::default();
    let contact_email =
        optional(request.contact_email).and_then(|email| fields.email("contact_email", &email));
    let external_reference = optional(request.external_reference)
        .and_then(|text| fields.text("external_reference", &text, REFERENCE_LENGTH));
    if !fields.are_good() {
        return Err(fields.error());
    }
    let service_account_id = caller.and_then(Caller::service_account_id);
    if external_reference.is_some() && service_account_id.is_none() {
        return Err(Reason::TokenMissing.into());
    }
    Ok(GuestOpening { contact_email, service_account_id, external_reference })
}

/// By what a GetUser looks for a user.
pub(super) fn user_key(
    fields: &mut Fields,
    key: Option<pb::get_user_request::Key>,
) -> Option<UserKey> {
    use pb::get_user_request::Key;
    match key {
        Some(Key::UserId(id)) => fields.id("user_id", &id, UserId::parse).map(UserKey::Id),
        Some(Key::Email(email)) => fields.email("email", &email).map(UserKey::Email),
        None => fields.fault("key", "must be user_id or email"),
    }
}

/// The account of a CreateServiceAccount.
pub(super) fn service_account(
    fields: &mut Fields,
    request: &pb::CreateServiceAccountRequest,
) -> Option<NewServiceAccount> {
    let name = fields.text("name", &request.name, NAME_LENGTH);
    let scopes = scopes(fields, &request.scopes);
    let calls_per_minute = request.calls_per_minute;
    let calls_are_good = calls_per_minute
        .is_none_or(|calls| fields.number("calls_per_minute", calls, CALLS_PER_MINUTE).is_some());
    let (name, scopes) = name.zip(scopes).filter(|_| calls_are_good)?;
    Some(NewServiceAccount { name, scopes, calls_per_minute })
}

fn scopes(fields: &mut Fields, names: &[String]) -> Option<Scopes> {
    fields.number("scopes", names.len(), 1..=NAMED_MAX)?;
    let parsed: Option<Scopes> = names.iter().map(|name| Scope::parse(name)).collect();
    parsed.or_else(|| {
        let all = Scope::ALL.map(Scope::name).join(", ");
        fields.fault("scopes", format!("must each be one of {all}"))
    })
}
