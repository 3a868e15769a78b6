//! Other backends.

use crate::kernel::caller::Scopes;
use crate::kernel::id::ServiceAccountId;
use crate::kernel::time::Timestamp;

/// Another backend that calls in its own name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceAccount {
    /// Its id.
    pub service_account_id: ServiceAccountId,
    /// Its name, for people.
    pub name: String,
    /// What it may do.
    pub scopes: Scopes,
    /// How many calls it may make a minute, if that was said.
    pub calls_per_minute: Option<i32>,
    /// When it was made.
    pub create_time: Timestamp,
    /// When it was disabled.
    pub disable_time: Option<Timestamp>,
}

/// What a service account is made of, besides its secret.
#[derive(Clone, Debug)]
pub struct NewServiceAccount {
    /// Its name, for people.
    pub name: String,
    /// What it may do.
    pub scopes: Scopes,
    /// How many calls it may make a minute, if that is said.
    pub calls_per_minute: Option<i32>,
}

impl ServiceAccount {
    /// An account that is made now.
    pub fn made(
        new: &NewServiceAccount,
        service_account_id: ServiceAccountId,
        now: Timestamp,
    ) -> Self {
        Self {
            service_account_id,
            name: new.name.clone(),
            scopes: new.scopes,
            calls_per_minute: new.calls_per_minute,
            create_time: now,
            disable_time: None,
        }
    }

    /// The account disabled; `None` if it was before.
    pub fn disabled(&self, now: Timestamp) -> Option<Self> {
        let disabled = || Self { disable_time: Some(now), ..self.clone() };
        self.disable_time.is_none().then(disabled)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_disabled_once_and_for_good() {
        let now = Timestamp::from_micros(1);
        let new = NewServiceAccount {
            name: "Shop".into(),
            scopes: Scopes::default(),
            calls_per_minute: None,
        };
        let account = ServiceAccount::made(&new, ServiceAccountId::new(now, [1; 10]), now);
        let disabled = account.disabled(now).expect("a change");
        assert_eq!(disabled.disable_time, Some(now));
        assert_eq!(disabled.disabled(now), None);
    }
}
