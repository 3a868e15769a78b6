//! The client: one connection, one sign-in, and the way every call goes.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use boxoffice_proto::identity::v1::TokenPair;
use boxoffice_proto::r#type::v1::ErrorReason;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout_at};
use tonic::metadata::MetadataValue;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request, Response, Status};

use crate::error::Error;
use crate::retry::{Backoff, CALL_TRIES_MAX};
use crate::session::{Session, wants_renewal};

/// The largest message a client takes: the map of a stadium is several mebibytes.
pub(crate) const RECEIVED_BYTES_MAX: usize = 32 * 1024 * 1024;

const DEADLINE_DEFAULT: Duration = Duration::from_secs(15);
const DEADLINE_MAX: Duration = Duration::from_secs(24 * 60 * 60);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const KEEP_ALIVE_INTERVAL: Duration = Duration::from_secs(20);
const KEEP_ALIVE_TIMEOUT: Duration = Duration::from_secs(10);
const USER_AGENT: &str = concat!("boxoffice-sdk-rust/", env!("CARGO_PKG_VERSION"));

/// A client of one Boxoffice server. Cheap to clone: clones share its connection and its sign-in.
///
/// Every RPC is a method of the same name that takes the request and gives the response. It fails
/// with an [`Error`] whose reasons the RPC's documentation names, with [`Code::Unavailable`] when
/// the server could not be reached in five tries (see [`Client::with_patience`]), or with
/// [`Code::DeadlineExceeded`].
#[derive(Clone)]
pub struct Client {
    channel: Channel,
    session: Arc<Session>,
    deadline: Duration,
    patience: Option<Duration>,
}

impl Client {
    /// Makes a client of the server at this address, e.g. `http://127.0.0.1:50051`. The connection
    /// is made by the first call and again whenever it is lost; a silent one is given up after 30
    /// seconds.
    ///
    /// # Errors
    ///
    /// [`Code::InvalidArgument`] when the address is not an `http://` URL.
    pub async fn connect(address: impl Into<String>) -> Result<Client, Error> {
        let address = address.into();
        let unusable = |why: String| {
            let message = format!("\"{address}\" is not a server address: {why}");
            Error::local(Code::InvalidArgument, ErrorReason::Unspecified, message)
        };
        let endpoint = Endpoint::from_shared(address.clone())
            .and_then(|endpoint| endpoint.user_agent(USER_AGENT))
            .map_err(|error| unusable(error.to_string()))?;
        match endpoint.uri().scheme_str() {
            Some("http") => {}
            Some("https") => return Err(unusable("TLS is not supported yet".to_owned())),
            _ => return Err(unusable("it should begin with http://".to_owned())),
        }
        let channel = endpoint
            .connect_timeout(CONNECT_TIMEOUT)
            .http2_keep_alive_interval(KEEP_ALIVE_INTERVAL)
            .keep_alive_timeout(KEEP_ALIVE_TIMEOUT)
            .keep_alive_while_idle(true)
            .connect_lazy();
        Ok(Client::from_channel(channel))
    }

    /// Makes a client that uses a connection of the caller's making, e.g. one with TLS.
    pub fn from_channel(channel: Channel) -> Client {
        let session = Arc::new(Session::new(None));
        Client { channel, session, deadline: DEADLINE_DEFAULT, patience: None }
    }

    /// The same client, whose calls take this long at the most, retries included; 15 seconds unless
    /// set, a day at the most. The server is told and stops as well. Streams have no deadline.
    #[must_use]
    pub fn with_deadline(self, deadline: Duration) -> Client {
        Client { deadline: deadline.min(DEADLINE_MAX), ..self }
    }

    /// The same client, whose calls are repeated for as long as this while the server is
    /// unavailable, and not five times: for callers who would rather wait until a server has
    /// started again than fail. The deadline holds as ever, so that it may have to be longer too.
    #[must_use]
    pub fn with_patience(self, patience: Duration) -> Client {
        Client { patience: Some(patience.min(DEADLINE_MAX)), ..self }
    }

    /// A client for somebody else: the same connection, deadline and patience, nobody signed in.
    #[must_use]
    pub fn another_session(&self) -> Client {
        Client { session: Arc::new(Session::new(None)), ..self.clone() }
    }

    /// The tokens of whoever is signed in. They change with every renewal.
    pub fn tokens(&self) -> Option<TokenPair> {
        self.session.tokens()
    }

    /// Signs in with tokens that were kept, or forgets those there are. Forgetting is local:
    /// [`Client::logout`] revokes.
    pub fn set_tokens(&self, tokens: Option<TokenPair>) {
        self.session.set(tokens);
    }

    /// Tells of every change of the tokens, so that a program can keep them beyond its own life.
    /// A refresh token works once: whoever keeps tokens has to keep each new pair.
    pub fn token_changes(&self) -> watch::Receiver<Option<TokenPair>> {
        self.session.changes()
    }

    pub(crate) fn channel(&self) -> Channel {
        self.channel.clone()
    }

    pub(crate) fn session(&self) -> &Session {
        &self.session
    }

    pub(crate) fn deadline(&self) -> Duration {
        self.deadline
    }

    /// Makes a call in the name of whoever is signed in, renewing the token and repeating the call
    /// where that can help. Only for reads and for requests that carry a request id.
    pub(crate) async fn call<Req, Res, Rpc, Answer>(
        &self,
        request: Req,
        rpc: Rpc,
    ) -> Result<Res, Error>
    where
        Req: Clone,
        Rpc: Fn(Channel, Request<Req>) -> Answer,
        Answer: Future<Output = Result<Response<Res>, Status>>,
    {
        let deadline = Instant::now() + self.deadline;
        let last_try = self.patience.map_or(deadline, |span| deadline.min(Instant::now() + span));
        let tries_max = if self.patience.is_some() { u32::MAX } else { CALL_TRIES_MAX };
        let mut backoff = Backoff::new(tries_max);
        let mut may_renew = true;
        loop {
            let mut bearer = None;
            let attempt = self.attempt(request.clone(), deadline, &mut bearer, &rpc);
            let error = match timeout_at(deadline, attempt).await {
                Ok(Ok(response)) => return Ok(response),
                Ok(Err(error)) => error,
                Err(_) => return Err(Error::deadline_exceeded()),
            };
            let error = match bearer {
                Some(bearer) if error.is_token_expired() && may_renew => {
                    match timeout_at(deadline, self.renew(bearer)).await {
                        Ok(Ok(_)) => {
                            may_renew = false;
                            continue;
                        }
                        Ok(Err(failed)) => failed,
                        Err(_) => return Err(Error::deadline_exceeded()),
                    }
                }
                _ => error,
            };
            if !error.is_unavailable() {
                return Err(error);
            }
            match backoff.after_failure(error.retry_after()) {
                Some(delay) if Instant::now() + delay < last_try => sleep(delay).await,
                _ => return Err(error),
            }
        }
    }

    async fn attempt<Req, Res, Rpc, Answer>(
        &self,
        request: Req,
        deadline: Instant,
        bearer: &mut Option<String>,
        rpc: &Rpc,
    ) -> Result<Res, Error>
    where
        Rpc: Fn(Channel, Request<Req>) -> Answer,
        Answer: Future<Output = Result<Response<Res>, Status>>,
    {
        *bearer = self.bearer().await?;
        let mut request = authorize(request, bearer.as_deref())?;
        request.set_timeout(deadline.saturating_duration_since(Instant::now()));
        Ok(rpc(self.channel(), request).await?.into_inner())
    }

    /// Makes a call in nobody's name, once: for RPCs that make or end a sign-in, of which a repeat
    /// is not known to be harmless.
    pub(crate) async fn call_once<Req, Res, Rpc, Answer>(
        &self,
        request: Req,
        rpc: Rpc,
    ) -> Result<Res, Error>
    where
        Rpc: FnOnce(Channel, Request<Req>) -> Answer,
        Answer: Future<Output = Result<Response<Res>, Status>>,
    {
        self.call_once_as(None, request, rpc).await
    }

    /// Makes a call with this access token, or none, once. The token is not renewed.
    pub(crate) async fn call_once_as<Req, Res, Rpc, Answer>(
        &self,
        bearer: Option<&str>,
        request: Req,
        rpc: Rpc,
    ) -> Result<Res, Error>
    where
        Rpc: FnOnce(Channel, Request<Req>) -> Answer,
        Answer: Future<Output = Result<Response<Res>, Status>>,
    {
        let mut request = authorize(request, bearer)?;
        request.set_timeout(self.deadline);
        let answer = rpc(self.channel(), request);
        match timeout_at(Instant::now() + self.deadline, answer).await {
            Ok(answer) => Ok(answer?.into_inner()),
            Err(_) => Err(Error::deadline_exceeded()),
        }
    }

    /// Makes a call in the name of whoever is signed in, once: for RPCs that carry no request id. A
    /// call that was refused because its token was over had no effect, and is made with the next.
    pub(crate) async fn call_signed_once<Req, Res, Rpc, Answer>(
        &self,
        request: Req,
        rpc: Rpc,
    ) -> Result<Res, Error>
    where
        Req: Clone,
        Rpc: Fn(Channel, Request<Req>) -> Answer,
        Answer: Future<Output = Result<Response<Res>, Status>>,
    {
        let deadline = Instant::now() + self.deadline;
        let attempts = async {
            let mut bearer = None;
            let outcome = self.attempt(request.clone(), deadline, &mut bearer, &rpc).await;
            match outcome {
                Err(error) if error.is_token_expired() => {
                    if let Some(bearer) = bearer {
                        self.renew(bearer).await?;
                    }
                    self.attempt(request, deadline, &mut None, &rpc).await
                }
                outcome => outcome,
            }
        };
        timeout_at(deadline, attempts).await.unwrap_or_else(|_| Err(Error::deadline_exceeded()))
    }

    /// The access token to send, renewed if its time is nearly over.
    pub(crate) async fn bearer(&self) -> Result<Option<String>, Error> {
        let Some(tokens) = self.session.tokens() else {
            return Ok(None);
        };
        if !wants_renewal(&tokens, SystemTime::now()) {
            return Ok(Some(tokens.access_token));
        }
        match self.renew(tokens.access_token.clone()).await {
            // It may be good for some seconds more, and if not the server says so.
            Err(error) if error.is_unavailable() => Ok(Some(tokens.access_token)),
            renewed => renewed,
        }
    }
}

impl fmt::Debug for Client {
    /// Leaves the tokens out: they are secrets.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Client")
            .field("signed_in", &self.session.tokens().is_some())
            .field("deadline", &self.deadline)
            .finish_non_exhaustive()
    }
}

/// Makes a request that carries this access token, or none.
pub(crate) fn authorize<Req>(message: Req, bearer: Option<&str>) -> Result<Request<Req>, Error> {
    let mut request = Request::new(message);
    if let Some(token) = bearer {
        let mut value = MetadataValue::try_from(format!("Bearer {token}")).map_err(|_| {
            let message = "the access token holds characters that cannot be sent";
            Error::local(Code::Unauthenticated, ErrorReason::TokenInvalid, message)
        })?;
        value.set_sensitive(true);
        request.metadata_mut().insert("authorization", value);
    }
    Ok(request)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_address_that_cannot_work_is_refused_at_once() {
        for address in ["127.0.0.1:50051", "https://example.com", "ftp://example.com", "", "a b"] {
            let error = Client::connect(address).await.expect_err(address);
            assert_eq!(error.code(), Code::InvalidArgument, "{address}");
        }
    }

    #[tokio::test]
    async fn clones_share_a_sign_in_and_another_session_does_not() {
        let client = Client::connect("http://127.0.0.1:1").await.expect("a good address");
        let (clone, other) = (client.clone(), client.another_session());
        client.set_tokens(Some(TokenPair::default()));
        assert!(clone.tokens().is_some());
        assert!(other.tokens().is_none());
    }

    #[tokio::test]
    async fn a_debug_print_holds_no_token() {
        let client = Client::connect("http://127.0.0.1:1").await.expect("a good address");
        let access_token = "very-secret".to_owned();
        client.set_tokens(Some(TokenPair { access_token, ..Default::default() }));
        assert!(!format!("{client:?}").contains("secret"));
    }

    #[test]
    fn a_token_that_is_no_header_is_refused_without_being_repeated() {
        let error = authorize((), Some("secret\n")).expect_err("a line break is no header");
        assert_eq!(error.reason(), ErrorReason::TokenInvalid);
        assert!(!error.to_string().contains("secret"));
    }
}
