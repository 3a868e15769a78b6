//! The tokens that a client and its clones act with.

use std::sync::PoisonError;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use boxoffice_proto::identity::v1::{IssueServiceTokenRequest, TokenPair};
use tokio::sync::{Mutex, MutexGuard, watch};

/// A token that lives no longer than this is renewed before it is used: a call may take a while.
const RENEWAL_MARGIN: Duration = Duration::from_secs(30);

/// Who acts. Shared by a client and its clones.
pub(crate) struct Session {
    tokens: watch::Sender<Option<TokenPair>>,
    /// How a service gets its next token: it has no refresh token.
    secret: std::sync::Mutex<Option<IssueServiceTokenRequest>>,
    turn: Mutex<()>,
}

impl Session {
    pub(crate) fn new(tokens: Option<TokenPair>) -> Session {
        let secret = std::sync::Mutex::new(None);
        Session { tokens: watch::Sender::new(tokens), secret, turn: Mutex::new(()) }
    }

    pub(crate) fn tokens(&self) -> Option<TokenPair> {
        self.tokens.borrow().clone()
    }

    /// Acts with these tokens from now on, or in nobody's name. A service's secret is forgotten.
    pub(crate) fn set(&self, tokens: Option<TokenPair>) {
        self.keep_secret(None);
        self.tokens.send_replace(tokens);
    }

    /// The secret of the service that acts, if one does and it is known here.
    pub(crate) fn secret(&self) -> Option<IssueServiceTokenRequest> {
        self.secret.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Keeps the secret of the service that acts.
    pub(crate) fn keep_secret(&self, secret: Option<IssueServiceTokenRequest>) {
        *self.secret.lock().unwrap_or_else(PoisonError::into_inner) = secret;
    }

    /// Puts other tokens in the place of those with this refresh token; does nothing when somebody
    /// signed in or out meanwhile, for theirs is the later word.
    pub(crate) fn replace(&self, refresh_token: &str, next: Option<TokenPair>) {
        self.tokens.send_if_modified(|kept| {
            let same = kept.as_ref().is_some_and(|kept| kept.refresh_token == refresh_token);
            if same {
                *kept = next;
            }
            same
        });
    }

    pub(crate) fn changes(&self) -> watch::Receiver<Option<TokenPair>> {
        self.tokens.subscribe()
    }

    /// Waits until nobody else signs in, out or renews. A refresh token works once, so two callers
    /// that renew at the same time would end the sign-in.
    pub(crate) async fn turn(&self) -> MutexGuard<'_, ()> {
        self.turn.lock().await
    }
}

/// Whether the access token should be renewed before it is used. A token without a time is not:
/// the server will say.
pub(crate) fn wants_renewal(tokens: &TokenPair, now: SystemTime) -> bool {
    let Some(expiry) = tokens.access_expire_time.as_ref() else {
        return false;
    };
    let now = now.duration_since(UNIX_EPOCH).unwrap_or_default().saturating_add(RENEWAL_MARGIN);
    expiry.seconds < i64::try_from(now.as_secs()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use prost_types::Timestamp;

    fn pair(refresh_token: &str) -> TokenPair {
        TokenPair { refresh_token: refresh_token.to_owned(), ..Default::default() }
    }

    #[test]
    fn a_token_is_renewed_in_its_last_half_minute_and_after() {
        let now = UNIX_EPOCH + Duration::from_secs(1_000);
        let expiring = |seconds| TokenPair {
            access_expire_time: Some(Timestamp { seconds, nanos: 0 }),
            ..Default::default()
        };
        assert!(!wants_renewal(&expiring(1_031), now));
        assert!(wants_renewal(&expiring(1_029), now));
        assert!(wants_renewal(&expiring(900), now));
        assert!(!wants_renewal(&TokenPair::default(), now));
    }

    #[test]
    fn a_renewal_never_undoes_a_later_sign_in() {
        let session = Session::new(Some(pair("first")));
        session.replace("first", Some(pair("second")));
        assert_eq!(session.tokens(), Some(pair("second")));
        session.set(Some(pair("somebody else")));
        session.replace("second", Some(pair("third")));
        assert_eq!(session.tokens(), Some(pair("somebody else")));
    }
}
