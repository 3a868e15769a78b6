//! Access tokens: JWTs signed with EdDSA, checked as RFC 8725 and RFC 9068 ask.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::SigningKey;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::error::{Error, Reason, Result};
use crate::kernel::caller::{Caller, Role, Roles, Scope, Scopes, SessionId};
use crate::kernel::id::ServiceAccountId;
use crate::kernel::time::Timestamp;
use crate::secret::{Key, Secrets};

/// How long an access token works.
pub const ACCESS_TOKEN_SPAN: Duration = Duration::from_secs(15 * 60);
/// How far the clock of the replica that made a token may be ahead of ours.
const CLOCK_LEEWAY: Duration = Duration::from_secs(5);
/// Bytes of an access token at the most; ours have about 500.
const ACCESS_TOKEN_BYTES_MAX: usize = 4 * 1024;
/// The type in the header; it keeps other JWTs from being taken for access tokens.
const TOKEN_TYPE: &str = "at+jwt";
/// What the key pairs are derived for.
const KEY_PURPOSE: &str = "access-token";
/// What stands before the seed in a PKCS#8 (version 1) private key of Ed25519 (RFC 8410).
const PKCS8_PREFIX: [u8; 16] = [
    0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20,
];

/// What a token says. Every claim but `scopes` is required, and of exactly this type: a time that
/// comes as text is refused, not ignored.
#[derive(Serialize, Deserialize)]
struct Claims {
    iss: String,
    aud: String,
    sub: String,
    iat: i64,
    nbf: i64,
    exp: i64,
    jti: String,
    roles: Vec<String>,
    /// Of services only.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    scopes: Vec<String>,
}

struct PublicKey {
    kid: String,
    bytes: [u8; 32],
    verifying: DecodingKey,
}

/// A new access token.
#[derive(Clone)]
pub struct AccessToken {
    /// The token.
    pub text: String,
    /// When it stops working.
    pub expire_time: Timestamp,
}

/// What a token of ours says.
pub enum TokenRead {
    /// This caller may act.
    Works(Caller),
    /// This one could, until its time was over.
    Expired(Caller),
}

/// Makes and verifies access tokens.
pub struct AccessTokens {
    issuer: String,
    audience: String,
    header: Header,
    signing: EncodingKey,
    /// Those of every accepted secret, that of the current one first.
    keys: Vec<PublicKey>,
    validation: Validation,
}

fn public_key(seed: &Key) -> PublicKey {
    let bytes = SigningKey::from_bytes(seed).verifying_key().to_bytes();
    let kid = Sha256::digest(bytes).iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    PublicKey { kid, bytes, verifying: DecodingKey::from_ed_der(&bytes) }
}

fn validation(issuer: &str, audience: &str) -> Validation {
    let mut validation = Validation::new(Algorithm::EdDSA);
    validation.set_required_spec_claims(&["iss", "aud", "sub", "nbf", "exp"]);
    validation.set_issuer(&[issuer]);
    validation.set_audience(&[audience]);
    // The library would ask the machine's clock; `AccessTokens::verify` has the platform's.
    validation.validate_exp = false;
    validation.validate_nbf = false;
    validation
}

impl AccessTokens {
    /// Tokens that say they come from `issuer` and are meant for `audience`.
    pub fn new(secrets: &Secrets, issuer: &str, audience: &str) -> Self {
        let seed = secrets.current.key(KEY_PURPOSE);
        let mut keys: Vec<PublicKey> = Vec::new();
        for key in secrets.keys(KEY_PURPOSE).iter().map(public_key) {
            if keys.iter().all(|known| known.kid != key.kid) {
                keys.push(key);
            }
        }
        let mut header = Header::new(Algorithm::EdDSA);
        header.typ = Some(TOKEN_TYPE.to_owned());
        header.kid = keys.first().map(|key| key.kid.clone());
        Self {
            issuer: issuer.to_owned(),
            audience: audience.to_owned(),
            header,
            signing: EncodingKey::from_ed_der(&[PKCS8_PREFIX.as_slice(), &seed].concat()),
            keys,
            validation: validation(issuer, audience),
        }
    }

    /// Makes a token that speaks for `session`. The entropy makes its id.
    pub fn issue(
        &self,
        session: SessionId,
        roles: Roles,
        now: Timestamp,
        entropy: [u8; 16],
    ) -> Result<AccessToken> {
        self.sign(session, (roles, Scopes::default()), now, entropy)
    }

    /// Makes a token that speaks for a service.
    pub fn issue_to_service(
        &self,
        service: ServiceAccountId,
        scopes: Scopes,
        now: Timestamp,
        entropy: [u8; 16],
    ) -> Result<AccessToken> {
        self.sign(SessionId::Service(service), (Roles::default(), scopes), now, entropy)
    }

    fn sign(
        &self,
        session: SessionId,
        (roles, scopes): (Roles, Scopes),
        now: Timestamp,
        entropy: [u8; 16],
    ) -> Result<AccessToken> {
        let issued = now.unix_seconds();
        let expire_time = Timestamp::from_micros(issued * 1_000_000) + ACCESS_TOKEN_SPAN;
        let claims = Claims {
            iss: self.issuer.clone(),
            aud: self.audience.clone(),
            sub: session.to_string(),
            iat: issued,
            nbf: issued,
            exp: expire_time.unix_seconds(),
            jti: URL_SAFE_NO_PAD.encode(entropy),
            roles: roles.iter().map(|role| role.name().to_owned()).collect(),
            scopes: scopes.iter().map(|scope| scope.name().to_owned()).collect(),
        };
        let text = jsonwebtoken::encode(&self.header, &claims, &self.signing)
            .map_err(|error| Error::internal(format!("a token could not be signed: {error}")))?;
        Ok(AccessToken { text, expire_time })
    }

    /// Who a token speaks for. TOKEN_EXPIRED if nothing but its time is wrong with it, else
    /// TOKEN_INVALID.
    pub fn verify(&self, token: &str, now: Timestamp) -> Result<Caller> {
        match self.read(token, now)? {
            TokenRead::Works(caller) => Ok(caller),
            TokenRead::Expired(_) => Err(Reason::TokenExpired.into()),
        }
    }

    /// What a token of ours says; TOKEN_INVALID if it is none.
    pub fn read(&self, token: &str, now: Timestamp) -> Result<TokenRead> {
        let claims = self.signed_claims(token).ok_or(Reason::TokenInvalid)?;
        let session = SessionId::parse(&claims.sub).ok_or(Reason::TokenInvalid)?;
        let latest = (now + CLOCK_LEEWAY).unix_seconds();
        let timely = claims.iat <= latest && claims.nbf <= latest && claims.iat < claims.exp;
        let expire_micros = claims.exp.checked_mul(1_000_000);
        let Some(expire_micros) = expire_micros.filter(|_| timely && !claims.jti.is_empty()) else {
            return Err(Reason::TokenInvalid.into());
        };
        let token_expire_time = Timestamp::from_micros(expire_micros);
        // A role that a newer replica knows and this one doesn't gives no rights here. Services
        // have no roles and nobody else has scopes, whatever is claimed.
        let roles: Roles = claims.roles.iter().filter_map(|name| Role::parse(name)).collect();
        let scopes: Scopes = claims.scopes.iter().filter_map(|name| Scope::parse(name)).collect();
        let (roles, scopes) = match session {
            SessionId::Service(_) => (Roles::default(), scopes),
            SessionId::User(_) | SessionId::Guest(_) => (roles, Scopes::default()),
        };
        let caller = Caller { session, roles, scopes, token_expire_time };
        let works = now < token_expire_time;
        Ok(if works { TokenRead::Works(caller) } else { TokenRead::Expired(caller) })
    }

    /// The claims of a token that one of our keys has signed for us. The header only chooses among
    /// our own keys; keys and addresses of keys in it are not looked at.
    fn signed_claims(&self, token: &str) -> Option<Claims> {
        if token.len() > ACCESS_TOKEN_BYTES_MAX {
            return None;
        }
        let header = jsonwebtoken::decode_header(token).ok()?;
        let typed = header.typ.as_deref() == Some(TOKEN_TYPE);
        // What is marked critical must be refused by whoever does not know it (RFC 7515, 4.1.11).
        if !typed || header.alg != Algorithm::EdDSA || header.crit.is_some() {
            return None;
        }
        let kid = header.kid?;
        let key = self.keys.iter().find(|key| key.kid == kid)?;
        let decoded = jsonwebtoken::decode(token, &key.verifying, &self.validation);
        decoded.ok().map(|decoded| decoded.claims)
    }

    /// The public keys as a JSON Web Key Set (RFC 7517), for whoever verifies tokens elsewhere.
    pub fn jwks(&self) -> Value {
        let keys = self.keys.iter().map(|key| {
            json!({
                "kty": "OKP",
                "crv": "Ed25519",
                "alg": "EdDSA",
                "use": "sig",
                "kid": key.kid,
                "x": URL_SAFE_NO_PAD.encode(key.bytes),
            })
        });
        json!({ "keys": keys.collect::<Vec<_>>() })
    }
}

#[cfg(test)]
mod tests;
