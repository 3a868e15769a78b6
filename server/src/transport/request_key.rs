//! What makes a request the same as an earlier one.

use prost::Message;
use uuid::Uuid;

use crate::kernel::body_hash::BodyHash;
use crate::kernel::caller::Caller;
use crate::secret::{Key, Secrets, keyed_hash};
use crate::store::RequestKey;

/// What the keys are derived for.
const KEY_PURPOSE: &str = "request-id";

/// Makes request keys. The hash of the body is keyed, so that what is stored tells nothing of it.
#[derive(Clone)]
pub struct RequestKeys {
    key: Key,
    /// Those of the secrets before, with which requests were hashed that may come again.
    previous: Vec<Key>,
}

impl RequestKeys {
    /// With the keys that follow from these secrets.
    pub fn new(secrets: &Secrets) -> Self {
        let previous = secrets.previous.iter().map(|secret| secret.key(KEY_PURPOSE)).collect();
        Self { key: secrets.current.key(KEY_PURPOSE), previous }
    }

    /// The key of a request of `caller`.
    pub fn key(
        &self,
        caller: &Caller,
        method: &'static str,
        request_id: Uuid,
        body: &impl Message,
    ) -> RequestKey {
        let parts = [method.as_bytes(), &body.encode_to_vec()];
        let hash = |key: &Key| keyed_hash(key, &parts).to_vec();
        let body_hash = BodyHash {
            current: hash(&self.key),
            previous: self.previous.iter().map(hash).collect(),
        };
        RequestKey { session: caller.session, method, request_id, body_hash }
    }
}
