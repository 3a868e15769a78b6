//! The layer that knows who calls. It stands before every RPC, refuses whoever the RPC's rule does
//! not admit, and hands the verified [`Caller`] on; nothing else that a client sends says who it
//! is.

use std::future::{Ready, ready};
use std::net::IpAddr;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures::future::Either;
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderName, Request, Response};
use tonic::Status;
use tower::{Layer, Service};

use super::access::{AccessRule, AccessRules};
use crate::error::{Reason, Result};
use crate::identity::tokens::{AccessTokens, TokenRead};
use crate::kernel::caller::{Caller, Scopes};
use crate::ports::clock::Clock;

/// Beginnings of headers by which proxies tell the servers behind them who calls. Ours believes no
/// such thing and passes none on.
const FOREIGN_IDENTITY: [&str; 9] = [
    "x-user-",
    "x-forwarded-user",
    "x-forwarded-email",
    "x-forwarded-groups",
    "x-forwarded-preferred-username",
    "x-auth-request-",
    "x-authenticated-",
    "x-remote-user",
    "remote-user",
];
/// Names like those above that mean something else: gRPC-Web's name of the client's software.
const HARMLESS: &str = "x-user-agent";

/// Puts [`Auth`] around the RPCs. It belongs inside of the gRPC-Web layer, which then translates
/// refusals too.
#[derive(Clone)]
pub struct AuthLayer {
    gate: Arc<Gate>,
}

struct Gate {
    rules: AccessRules,
    tokens: Arc<AccessTokens>,
    clock: Arc<dyn Clock>,
}

impl AuthLayer {
    /// Admits callers by these rules.
    pub fn new(rules: AccessRules, tokens: Arc<AccessTokens>, clock: Arc<dyn Clock>) -> Self {
        Self { gate: Arc::new(Gate { rules, tokens, clock }) }
    }
}

impl<S> Layer<S> for AuthLayer {
    type Service = Auth<S>;

    fn layer(&self, inner: S) -> Auth<S> {
        Auth { inner, gate: Arc::clone(&self.gate) }
    }
}

/// The service that [`AuthLayer`] makes.
#[derive(Clone)]
pub struct Auth<S> {
    inner: S,
    gate: Arc<Gate>,
}

impl<S, B, R> Service<Request<B>> for Auth<S>
where
    S: Service<Request<B>, Response = Response<R>>,
    R: Default,
{
    type Response = Response<R>;
    type Error = S::Error;
    type Future = Either<Ready<Result<Response<R>, S::Error>>, S::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        request.extensions_mut().remove::<Caller>();
        remove_foreign_identity(request.headers_mut());
        // What is not one of our RPCs is health, reflection, or answered with UNIMPLEMENTED.
        if let Some(rule) = self.gate.rules.get(request.uri().path()) {
            match self.gate.admit(rule, request.headers()) {
                Ok(Some(caller)) => drop(request.extensions_mut().insert(caller)),
                Ok(None) => {}
                Err(refusal) => {
                    return Either::Left(ready(Ok(Status::from(refusal).into_http())));
                }
            }
            request.headers_mut().remove(AUTHORIZATION);
        }
        Either::Right(self.inner.call(request))
    }
}

impl Gate {
    /// Who calls; `None` if nobody needs to know.
    fn admit(&self, rule: &AccessRule, headers: &HeaderMap) -> Result<Option<Caller>> {
        let caller = if rule.credential {
            self.service_caller(rule, headers)?
        } else {
            self.token_caller(headers)?
        };
        match caller {
            Some(caller) if caller.service_account_id().is_some() => {
                admit_service(rule, caller).map(Some)
            }
            _ if rule.public => Ok(caller),
            Some(caller) if caller.roles.intersects(rule.roles) => Ok(Some(caller)),
            Some(_) => Err(Reason::RoleMissing.into()),
            None => Err(Reason::TokenMissing.into()),
        }
    }

    /// Which service calls to get a token or a password. Any other token than a service's does not
    /// count, nor does one that does not work: an old one would else keep its holder from getting
    /// the next. But where the scopes of a service count, one whose token has expired must not go
    /// on as if it were nobody.
    fn service_caller(&self, rule: &AccessRule, headers: &HeaderMap) -> Result<Option<Caller>> {
        let Some(token) = bearer_token(headers).ok().flatten() else { return Ok(None) };
        let (caller, is_expired) = match self.tokens.read(token, self.clock.now()) {
            Ok(TokenRead::Works(caller)) => (caller, false),
            Ok(TokenRead::Expired(caller)) => (caller, true),
            Err(_) => return Ok(None),
        };
        let caller = Some(caller).filter(|caller| caller.service_account_id().is_some());
        match caller {
            Some(_) if is_expired && rule.scopes != Scopes::default() => {
                Err(Reason::TokenExpired.into())
            }
            Some(_) if is_expired => Ok(None),
            caller => Ok(caller),
        }
    }

    /// Whom the token speaks for; `None` without one.
    fn token_caller(&self, headers: &HeaderMap) -> Result<Option<Caller>> {
        let token = bearer_token(headers)?;
        token.map(|token| self.tokens.verify(token, self.clock.now())).transpose()
    }
}

/// Services go by scopes alone: where an RPC has some they need one of them, also where anybody
/// else may call; where it has none they only get in if it is public.
fn admit_service(rule: &AccessRule, caller: Caller) -> Result<Caller> {
    let open = rule.public && rule.scopes.is_empty();
    if open || caller.scopes.intersects(rule.scopes) {
        return Ok(caller);
    }
    Err(Reason::ScopeMissing.with("scopes", rule.scopes))
}

/// The token of the one `authorization: Bearer …` header. Several, or one of another form, are
/// refused: whoever sends them means to be somebody.
fn bearer_token(headers: &HeaderMap) -> Result<Option<&str>> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let Some(value) = values.next() else { return Ok(None) };
    let (scheme, token) = value
        .to_str()
        .ok()
        .filter(|_| values.next().is_none())
        .and_then(|text| text.split_once(' '))
        .ok_or(Reason::TokenInvalid)?;
    // Scheme names have no letter case (RFC 9110, 11.1).
    if scheme.eq_ignore_ascii_case("bearer") {
        Ok(Some(token.trim_matches(' ')))
    } else {
        Err(Reason::TokenInvalid.into())
    }
}

fn remove_foreign_identity(headers: &mut HeaderMap) {
    let foreign = |name: &&HeaderName| {
        let name = name.as_str();
        name != HARMLESS && FOREIGN_IDENTITY.iter().any(|begin| name.starts_with(begin))
    };
    let names: Vec<HeaderName> = headers.keys().filter(foreign).cloned().collect();
    for name in names {
        headers.remove(name);
    }
}

/// Who calls; TOKEN_MISSING if that is not known, which only happens in public RPCs.
pub fn caller<T>(request: &tonic::Request<T>) -> Result<Caller> {
    maybe_caller(request).ok_or_else(|| Reason::TokenMissing.into())
}

/// Who calls a public RPC, if the caller says so.
pub fn maybe_caller<T>(request: &tonic::Request<T>) -> Option<Caller> {
    request.extensions().get::<Caller>().copied()
}

/// The network address at the other end of the connection. Headers in which proxies tell of another
/// one are not believed: anybody can write them.
pub fn peer_address<T>(request: &tonic::Request<T>) -> Option<IpAddr> {
    request.remote_addr().map(|address| address.ip())
}

#[cfg(test)]
mod tests;
