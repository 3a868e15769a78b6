//! Request ids: a repeated request has one effect and is answered with the resource it made.

use std::collections::BTreeMap;
use std::future::Future;

use uuid::Uuid;

use super::driver::Tx;
use super::{bulk_rows, bulk_write};
use crate::error::{Reason, Result};
use crate::kernel::body_hash::BodyHash;
use crate::kernel::caller::SessionId;
use crate::kernel::time::Timestamp;

/// What makes a request the same as an earlier one.
#[derive(Clone, Debug)]
pub struct RequestKey {
    /// Whose request it is. The same id of another caller is another request.
    pub session: SessionId,
    /// Which RPC.
    pub method: &'static str,
    /// The id the caller made.
    pub request_id: Uuid,
    /// A keyed hash of the body.
    pub body_hash: BodyHash,
}

/// Whether a request was seen before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remembered {
    /// No: do it.
    New,
    /// Yes: answer with this resource as it is now.
    Resource(Uuid),
}

type Identity = (String, &'static str, Uuid);

/// What is remembered of a group of requests, within one transaction.
#[derive(Debug, Default)]
pub struct Recollection {
    known: BTreeMap<Identity, (Vec<u8>, Uuid)>,
    added: Vec<(Identity, Vec<u8>, Uuid)>,
}

fn identity(key: &RequestKey) -> Identity {
    let session = match planted!(CallerNotInTheKey) {
        true => String::new(),
        false => key.session.to_string(),
    };
    (session, key.method, key.request_id)
}

impl Recollection {
    /// Looks the requests up.
    pub async fn load<'k>(
        tx: &mut Tx,
        keys: impl IntoIterator<Item = &'k RequestKey>,
    ) -> Result<Self> {
        const HEAD: &str = "select session_id, method, request_id, body_hash, resource_id
            from store_request where (session_id, method, request_id) in (";
        let wanted: BTreeMap<Identity, ()> =
            keys.into_iter().map(|key| (identity(key), ())).collect();
        let wanted: Vec<Identity> = wanted.into_keys().collect();
        type Found = (String, String, Uuid, Vec<u8>, Uuid);
        let rows = bulk_rows!(
            tx,
            HEAD,
            &wanted,
            |b, key| b.push_bind(key.0.clone()).push_bind(key.1).push_bind(key.2),
            ")",
            as Found
        );
        let mut known = BTreeMap::new();
        for (session, method, request_id, body_hash, resource_id) in rows {
            let method = wanted.iter().map(|key| key.1).find(|name| *name == method);
            if let Some(method) = method {
                known.insert((session, method, request_id), (body_hash, resource_id));
            }
        }
        Ok(Self { known, added: Vec::new() })
    }

    /// Whether this request was seen before; another body is refused.
    pub fn check(&self, key: &RequestKey) -> Result<Remembered> {
        match self.known.get(&identity(key)) {
            None => Ok(Remembered::New),
            Some((hash, resource)) if key.body_hash.is(hash) || planted!(BodyNotCompared) => {
                Ok(Remembered::Resource(*resource))
            }
            Some(_) => Err(Reason::RequestIdReused.into()),
        }
    }

    /// The resources that earlier requests of this group made.
    pub fn resources(&self) -> impl Iterator<Item = Uuid> {
        self.known.values().map(|(_, resource)| *resource)
    }

    /// Remembers a request unless it is remembered already.
    pub fn remember_once(&mut self, key: &RequestKey, resource: Uuid) {
        if !self.known.contains_key(&identity(key)) {
            self.remember(key, resource);
        }
    }

    /// Remembers a request that succeeded, at once for this group and for good by `save`.
    pub fn remember(&mut self, key: &RequestKey, resource: Uuid) {
        let hash = &key.body_hash.current;
        self.known.insert(identity(key), (hash.clone(), resource));
        self.added.push((identity(key), hash.clone(), resource));
    }

    /// Writes what was remembered.
    pub async fn save(self, tx: &mut Tx, now: Timestamp) -> Result<()> {
        const HEAD: &str = "insert into store_request
            (session_id, method, request_id, body_hash, resource_id, create_time) ";
        if planted!(RequestNotRecorded) {
            return Ok(());
        }
        bulk_write!(
            tx,
            HEAD,
            &self.added,
            |b, row| b
                .push_bind(row.0.0.clone())
                .push_bind(row.0.1)
                .push_bind(row.0.2)
                .push_bind(row.1.clone())
                .push_bind(row.2)
                .push_bind(now.micros()),
            ""
        );
        Ok(())
    }
}

/// Enters the request, or answers with what an equal one made before. This is the first thing a
/// unit of work writes: an equal request that runs at the same time waits here for the outcome.
pub async fn enter(
    tx: &mut Tx,
    key: &RequestKey,
    resource: Uuid,
    now: Timestamp,
) -> Result<Option<Uuid>> {
    let mut recollection = Recollection::load(tx, [key]).await?;
    match recollection.check(key)? {
        Remembered::Resource(earlier) => Ok(Some(earlier)),
        Remembered::New => {
            recollection.remember(key, resource);
            recollection.save(tx, now).await?;
            Ok(None)
        }
    }
}

/// Runs a unit of work, and once more if it lost a race: an equal request may have come first. It
/// has committed by then, so that the second attempt answers with what it made.
pub async fn attempt<T, Work>(work: impl Fn() -> Work) -> Result<T>
where
    Work: Future<Output = Result<T>>,
{
    let outcome = work().await;
    match &outcome {
        Err(error) if error.reason() == Some(Reason::ChangedMeanwhile) => work().await,
        _ => outcome,
    }
}
