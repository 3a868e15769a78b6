//! Accounts of other backends, and their tokens.

use std::net::IpAddr;

use super::audit::audit;
use super::sign_in::IdentityService;
use super::throttle::Attempt;
use crate::error::{Error, Reason, Result};
use crate::identity::domain::service_account::{NewServiceAccount, ServiceAccount};
use crate::identity::tokens::{AccessToken, ServiceSecret};
use crate::kernel::caller::Caller;
use crate::kernel::id::ServiceAccountId;
use crate::kernel::page::{Page, PageRequest};
use crate::store::{Recollection, Remembered, RequestKey};

fn no_account() -> Error {
    Error::not_found("service_account")
}

impl IdentityService {
    /// Makes a service account, once for a request id. The secret is in the first answer only.
    pub async fn create_service_account(
        &self,
        caller: &Caller,
        key: &RequestKey,
        new: &NewServiceAccount,
    ) -> Result<(ServiceAccount, Option<ServiceSecret>)> {
        let outcome = self.try_create_service_account(caller, key, new).await;
        let reason = outcome.as_ref().err().and_then(Error::reason);
        if reason == Some(Reason::ChangedMeanwhile) {
            // An equal request was faster; its account is the answer.
            return self.try_create_service_account(caller, key, new).await;
        }
        outcome
    }

    async fn try_create_service_account(
        &self,
        caller: &Caller,
        key: &RequestKey,
        new: &NewServiceAccount,
    ) -> Result<(ServiceAccount, Option<ServiceSecret>)> {
        let mut tx = self.store.begin().await?;
        let mut recollection = Recollection::load(&mut tx, [key]).await?;
        if let Remembered::Resource(earlier) = recollection.check(key)? {
            let account = tx.service_account(earlier.into()).await?;
            let (account, _) = account.ok_or_else(no_account)?;
            return Ok((account, None));
        }
        let now = self.clock.now();
        let id = ServiceAccountId::new(now, rand::random());
        let account = ServiceAccount::made(new, id, now);
        let secret = ServiceSecret::random(rand::random());
        tx.insert_service_account(&account, &secret.hash()).await?;
        let subject = format!("{id} {}", account.scopes);
        audit(&mut tx, caller.session, "CreateServiceAccount", &subject, now).await?;
        recollection.remember(key, id.uuid());
        recollection.save(&mut tx, now).await?;
        tx.commit().await?;
        Ok((account, Some(secret)))
    }

    /// Disables a service account for good; one that is disabled already is no error.
    pub async fn disable_service_account(
        &self,
        caller: &Caller,
        key: &RequestKey,
        id: ServiceAccountId,
    ) -> Result<ServiceAccount> {
        let mut tx = self.store.begin().await?;
        // The lock comes first, so that a repeat that runs at the same time waits here.
        let account = tx.lock_service_account(id).await?;
        let mut recollection = Recollection::load(&mut tx, [key]).await?;
        let remembered = recollection.check(key)?;
        let account = account.ok_or_else(no_account)?;
        let now = self.clock.now();
        let disabled = account.disabled(now);
        if matches!(remembered, Remembered::Resource(_)) {
            return Ok(account);
        }
        if disabled.is_some() {
            tx.disable_service_account(id, now).await?;
            audit(&mut tx, caller.session, "DisableServiceAccount", &id.to_string(), now).await?;
        }
        recollection.remember(key, id.uuid());
        recollection.save(&mut tx, now).await?;
        tx.commit().await?;
        Ok(disabled.unwrap_or(account))
    }

    /// Lists all service accounts, the newest first.
    pub async fn service_accounts(&self, page: &PageRequest) -> Result<Page<ServiceAccount>> {
        self.store.read().await?.service_accounts(page).await
    }

    /// Exchanges the secret of a service account for an access token. SERVICE_SECRET_WRONG if there
    /// is no such account, it is disabled, or its secret is another one.
    pub async fn issue_service_token(
        &self,
        id: ServiceAccountId,
        secret: &str,
        address: Option<IpAddr>,
    ) -> Result<AccessToken> {
        let attempt = Attempt::to_serve(id, address);
        self.admit(&mut self.store.read().await?, &attempt, self.clock.now()).await?;
        let mut tx = self.store.begin().await?;
        self.count(&mut tx, &attempt).await?;
        let now = self.clock.now();
        // Hashes are compared, so that how long it takes tells nothing of the secret.
        let hash = ServiceSecret::hash_of(secret);
        let known = tx.service_account(id).await?;
        let account =
            known.filter(|(account, known)| account.disable_time.is_none() && *known == hash);
        let Some((account, _)) = account else {
            tx.commit().await?;
            return Err(Reason::ServiceSecretWrong.into());
        };
        self.note_success(&mut tx, &attempt, now).await?;
        tx.commit().await?;
        self.access_tokens.issue_to_service(id, account.scopes, now, rand::random())
    }
}
