//! What makes a request the same as an earlier one.

use prost::Message;
use uuid::Uuid;

use crate::kernel::caller::Caller;
use crate::secret::{Key, keyed_hash};
use crate::store::RequestKey;

/// Makes request keys. The hash of the body is keyed, so that what is stored tells nothing of it.
#[derive(Clone)]
pub struct RequestKeys {
    key: Key,
}

impl RequestKeys {
    /// With this secret.
    pub fn new(key: Key) -> Self {
        Self { key }
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
        let body_hash = keyed_hash(&self.key, &parts).to_vec();
        RequestKey { session: caller.session, method, request_id, body_hash }
    }
}
