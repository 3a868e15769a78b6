//! Tokens that must not pass, each signed, where it is signed, with our real key: what refuses them
//! is the rule under test and not the signature.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::{Signer, SigningKey};
use serde_json::{Value, json};

use super::*;
use crate::identity::tests::fixture::{secret, secrets, tokens};
use crate::kernel::id::{GuestId, UserId};

const NOW: Timestamp = Timestamp::from_micros(1_800_000_000_500_000);

fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

fn session() -> SessionId {
    SessionId::User(UserId::new(NOW, [7; 10]))
}

fn roles() -> Roles {
    [Role::Customer, Role::Organizer].into_iter().collect()
}

fn good() -> String {
    tokens().issue(session(), roles(), NOW, [9; 16]).expect("a token").text
}

fn part(token: &str, index: usize) -> Value {
    let text = token.split('.').nth(index).expect("three parts");
    let bytes = URL_SAFE_NO_PAD.decode(text).expect("base64url");
    serde_json::from_slice(&bytes).expect("JSON")
}

fn encoded(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

fn signing_key() -> SigningKey {
    SigningKey::from_bytes(&secrets().current.key(KEY_PURPOSE))
}

/// Signs any text as if it were header and payload.
fn sign_text(message: &str) -> String {
    let signature = signing_key().sign(message.as_bytes()).to_bytes();
    format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
}

fn sign(header: &Value, claims: &Value) -> String {
    sign_text(&format!("{}.{}", encoded(header), encoded(claims)))
}

/// Our own token, with one member of its header or claims replaced, or removed by null.
fn altered(index: usize, name: &str, value: &Value) -> String {
    let mut parts = [part(&good(), 0), part(&good(), 1)];
    let object = parts[index].as_object_mut().expect("an object");
    if value.is_null() {
        assert!(object.remove(name).is_some(), "{name}");
    } else {
        object.insert(name.to_owned(), value.clone());
    }
    sign(&parts[0], &parts[1])
}

fn with_header(name: &str, value: Value) -> String {
    altered(0, name, &value)
}

fn with_claim(name: &str, value: Value) -> String {
    altered(1, name, &value)
}

fn reason(token: &str, now: Timestamp) -> Option<Reason> {
    tokens().verify(token, now).err().map(|error| error.reason().expect("a refusal"))
}

#[track_caller]
fn assert_invalid(token: &str, what: &str) {
    assert_eq!(reason(token, NOW), Some(Reason::TokenInvalid), "{what}");
}

#[test]
fn a_token_of_ours_tells_who_calls() {
    for session in [session(), SessionId::Guest(GuestId::new(NOW, [8; 10]))] {
        let token = tokens().issue(session, roles(), NOW, [9; 16]).expect("a token");
        let caller = tokens().verify(&token.text, NOW).expect("a caller");
        assert_eq!((caller.session, caller.roles), (session, roles()));
        assert_eq!(caller.token_expire_time, token.expire_time);
        assert!(token.text.len() < ACCESS_TOKEN_BYTES_MAX / 4, "{}", token.text.len());
    }
}

#[test]
fn a_service_has_scopes_and_no_roles_and_nobody_else_has_scopes() {
    let account = ServiceAccountId::new(NOW, [8; 10]);
    let scopes: Scopes = [Scope::UsersRead, Scope::TicketsCheckIn].into_iter().collect();
    let token = tokens().issue_to_service(account, scopes, NOW, [9; 16]).expect("a token").text;
    assert_eq!(part(&token, 1)["scopes"], json!(["users:read", "tickets:check-in"]));
    let caller = tokens().verify(&token, NOW).expect("a caller");
    assert_eq!((caller.session, caller.scopes), (SessionId::Service(account), scopes));
    assert_eq!((caller.roles, caller.service_account_id()), (Roles::default(), Some(account)));
    // Signed by us, and yet not believed.
    let mut claims = part(&token, 1);
    claims["roles"] = json!(["ADMIN"]);
    claims["scopes"] = json!(["users:read", "everything"]);
    let caller = tokens().verify(&sign(&part(&token, 0), &claims), NOW).expect("a caller");
    assert!(!caller.is_admin() && caller.scopes.iter().eq([Scope::UsersRead]));
    let user = with_claim("scopes", json!(["users:read"]));
    assert!(tokens().verify(&user, NOW).is_ok_and(|caller| caller.scopes.is_empty()));
    for value in [json!("users:read"), json!([1]), json!({})] {
        assert_invalid(&with_claim("scopes", value.clone()), &value.to_string());
    }
}

#[test]
fn header_and_claims_are_as_documented() {
    let (header, claims) = (part(&good(), 0), part(&good(), 1));
    let kid = tokens().jwks()["keys"][0]["kid"].clone();
    assert_eq!(header, json!({"typ": "at+jwt", "alg": "EdDSA", "kid": kid}));
    assert_eq!(kid.as_str().map(str::len), Some(16));
    assert_eq!(claims["roles"], json!(["CUSTOMER", "ORGANIZER"]));
    assert_eq!(claims["sub"], session().to_string());
    assert_eq!(claims["exp"].as_i64(), claims["iat"].as_i64().map(|iat| iat + 900));
    assert_eq!(claims["nbf"], claims["iat"]);
}

#[test]
fn the_test_signs_as_the_server_does() {
    let token = sign(&part(&good(), 0), &part(&good(), 1));
    assert_eq!(reason(&token, NOW), None);
}

#[test]
fn an_expired_token_is_told_apart_from_an_invalid_one() {
    let expire_time = Timestamp::from_micros(1_800_000_000_000_000) + ACCESS_TOKEN_SPAN;
    assert_eq!(reason(&good(), expire_time - Duration::from_micros(1)), None);
    assert_eq!(reason(&good(), expire_time), Some(Reason::TokenExpired));
    assert_eq!(reason(&good(), expire_time + seconds(99_999)), Some(Reason::TokenExpired));
    // Expired and wrong besides is only wrong.
    let wrong = with_claim("iss", json!("https://elsewhere.test"));
    assert_eq!(reason(&wrong, expire_time), Some(Reason::TokenInvalid));
}

#[test]
fn a_token_from_a_clock_a_little_ahead_works_and_from_the_future_does_not() {
    assert_eq!(reason(&good(), NOW - seconds(5)), None);
    assert_eq!(reason(&good(), NOW - seconds(6)), Some(Reason::TokenInvalid));
    for claim in ["nbf", "iat"] {
        let iat = part(&good(), 1)["iat"].as_i64().expect("a number");
        assert_eq!(reason(&with_claim(claim, json!(iat + 5)), NOW), None);
        assert_invalid(&with_claim(claim, json!(iat + 6)), claim);
    }
}

#[test]
fn a_token_without_any_one_claim_is_refused() {
    for claim in ["iss", "aud", "sub", "iat", "nbf", "exp", "jti", "roles"] {
        assert_invalid(&with_claim(claim, Value::Null), claim);
    }
}

#[test]
fn a_claim_of_another_type_is_refused_and_not_ignored() {
    let exp = part(&good(), 1)["exp"].clone();
    for claim in ["exp", "nbf", "iat"] {
        for value in [json!(exp.to_string()), json!([exp]), json!({}), json!(true), json!(1.8e9)] {
            assert_invalid(&with_claim(claim, value.clone()), &format!("{claim} {value}"));
        }
    }
    for claim in ["iss", "aud", "sub", "jti"] {
        let own = part(&good(), 1)[claim].clone();
        for value in [json!([own]), json!([own, "other"]), json!(1), json!("")] {
            assert_invalid(&with_claim(claim, value.clone()), &format!("{claim} {value}"));
        }
    }
    for value in [json!("ADMIN"), json!({"ADMIN": true}), json!([1])] {
        assert_invalid(&with_claim("roles", value.clone()), &value.to_string());
    }
    for value in [i64::MAX, i64::MIN, 0, -1] {
        assert_invalid(&with_claim("exp", json!(value)), &value.to_string());
    }
    assert_invalid(&with_claim("exp", json!(u64::MAX)), "a number that does not fit");
}

#[test]
fn a_token_of_another_issuer_audience_or_kind_is_refused() {
    for value in ["https://elsewhere.test", "https://boxoffice.test/", "HTTPS://BOXOFFICE.TEST"] {
        assert_invalid(&with_claim("iss", json!(value)), value);
    }
    for value in ["other", "boxoffice ", "Boxoffice"] {
        assert_invalid(&with_claim("aud", json!(value)), value);
    }
    for value in ["JWT", "jwt", "id_token", "", "AT+JWT "] {
        assert_invalid(&with_header("typ", json!(value)), value);
    }
    assert_invalid(&with_header("typ", Value::Null), "no typ");
    let id = session().to_string();
    for value in ["usr_", "1", "ADMIN", &id.to_uppercase(), &id.replace("usr_", "bkg_")] {
        assert_invalid(&with_claim("sub", json!(value)), value);
    }
}

#[test]
fn only_our_algorithm_and_our_keys_count() {
    for alg in ["none", "None", "NONE", "nOnE", "HS256", "ES256", "RS256", "PS512", "eddsa", ""] {
        assert_invalid(&with_header("alg", json!(alg)), alg);
    }
    assert_invalid(&with_header("alg", Value::Null), "no alg");
    for kid in ["", "0000000000000000", "../../etc/passwd", "' or '1'='1", "https://evil.test/k"] {
        assert_invalid(&with_header("kid", json!(kid)), kid);
    }
    assert_invalid(&with_header("kid", Value::Null), "no kid");
    assert_invalid(&with_header("kid", json!([])), "a kid that is no text");
    assert_invalid(&with_header("crit", json!(["exp"])), "a critical extension");
}

#[test]
fn an_unsigned_token_is_refused() {
    let header = json!({"typ": "at+jwt", "alg": "none", "kid": part(&good(), 0)["kid"]});
    let claims = encoded(&part(&good(), 1));
    for header in [encoded(&header), encoded(&part(&good(), 0))] {
        assert_invalid(&format!("{header}.{claims}."), "no signature");
        assert_invalid(&format!("{header}.{claims}"), "two parts");
        assert_invalid(&format!("{header}.{claims}.AAAA"), "a short signature");
    }
}

#[test]
fn the_public_key_is_not_taken_for_a_shared_secret() {
    let public = signing_key().verifying_key().to_bytes();
    for alg in ["HS256", "EdDSA"] {
        let header = json!({"typ": "at+jwt", "alg": alg, "kid": part(&good(), 0)["kid"]});
        let message = format!("{}.{}", encoded(&header), encoded(&part(&good(), 1)));
        let signature = crate::secret::keyed_hash(&public, &[message.as_bytes()]);
        assert_invalid(&format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature)), alg);
    }
}

#[test]
fn a_key_that_the_token_brings_along_is_not_used() {
    let theirs = SigningKey::from_bytes(&[5; 32]);
    let x = URL_SAFE_NO_PAD.encode(theirs.verifying_key().to_bytes());
    let jwk = json!({"kty": "OKP", "crv": "Ed25519", "x": x});
    for (name, value) in [("jwk", jwk), ("jku", json!("https://evil.test/jwks.json"))] {
        let mut header = part(&good(), 0);
        header[name] = value;
        let message = format!("{}.{}", encoded(&header), encoded(&part(&good(), 1)));
        let signature = theirs.sign(message.as_bytes()).to_bytes();
        assert_invalid(&format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature)), name);
    }
}

#[test]
fn an_edited_token_is_refused() {
    let (good, mut claims) = (good(), part(&good(), 1));
    claims["roles"] = json!(["ADMIN"]);
    let parts: Vec<&str> = good.split('.').collect();
    assert_invalid(&format!("{}.{}.{}", parts[0], encoded(&claims), parts[2]), "other roles");
    for index in 0..good.len() {
        let mut bytes = good.clone().into_bytes();
        bytes[index] = if bytes[index] == b'A' { b'B' } else { b'A' };
        let edited = String::from_utf8(bytes).expect("ASCII");
        assert_invalid(&edited, &format!("byte {index}"));
    }
}

#[test]
fn a_claim_that_comes_twice_is_refused() {
    let claims = part(&good(), 1).to_string();
    let twice = claims.replacen('{', r#"{"sub":"usr_00000000000000000000000000000000","#, 1);
    let header = encoded(&part(&good(), 0));
    assert_invalid(&sign_text(&format!("{header}.{}", URL_SAFE_NO_PAD.encode(twice))), "twice");
}

#[test]
fn garbage_is_refused_without_a_panic() {
    let good = good();
    let deep = "[".repeat(2_000);
    let garbage = [
        String::new(),
        ".".into(),
        "..".into(),
        "...".into(),
        "a.b.c".into(),
        "🎫.🎫.🎫".into(),
        "\0".into(),
        "null".into(),
        format!("{good}."),
        format!(".{good}"),
        format!(" {good}"),
        format!("{good} "),
        format!("{good}\n"),
        format!("{good}="),
        format!("{good}.{good}"),
        good.to_uppercase(),
        good.chars().rev().collect(),
        good[..good.len() / 2].to_owned(),
        "A".repeat(10_000_000),
        sign_text("e30.e30"),
        sign_text("."),
        sign_text(&format!("{}.{}", URL_SAFE_NO_PAD.encode(&deep), URL_SAFE_NO_PAD.encode(&deep))),
        "bor_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA".into(),
    ];
    for text in garbage {
        assert_invalid(&text, &text.chars().take(40).collect::<String>());
    }
    for length in 0..good.len() {
        assert_invalid(&good[..length], "cut off");
    }
}

#[test]
fn a_huge_token_is_refused_even_if_it_is_ours() {
    let token = with_claim("padding", json!("x".repeat(ACCESS_TOKEN_BYTES_MAX)));
    assert_invalid(&token, "huge");
    assert_eq!(reason(&with_claim("padding", json!("x")), NOW), None);
}

#[test]
fn tokens_of_the_secret_before_still_work_and_those_of_a_dropped_one_do_not() {
    let new = Secrets { current: secret("fedcba9876543210"), previous: vec![secrets().current] };
    let both = AccessTokens::new(&new, "https://boxoffice.test", "boxoffice");
    assert!(both.verify(&good(), NOW).is_ok());
    assert_eq!(both.jwks()["keys"].as_array().map(Vec::len), Some(2));
    let fresh = both.issue(session(), roles(), NOW, [9; 16]).expect("a token").text;
    assert!(both.verify(&fresh, NOW).is_ok());
    assert_invalid(&fresh, "a key that this server does not know");
    let only = Secrets { previous: Vec::new(), ..new };
    let only = AccessTokens::new(&only, "https://boxoffice.test", "boxoffice");
    assert!(only.verify(&good(), NOW).is_err());
    assert!(only.verify(&fresh, NOW).is_ok());
}

#[test]
fn the_key_set_is_what_others_verify_with_and_holds_nothing_private() {
    let jwks = tokens().jwks();
    let key = &jwks["keys"][0];
    let x = URL_SAFE_NO_PAD.decode(key["x"].as_str().expect("text")).expect("base64url");
    assert_eq!(x, signing_key().verifying_key().to_bytes());
    assert_eq!((&key["kty"], &key["crv"]), (&json!("OKP"), &json!("Ed25519")));
    assert!(key.get("d").is_none());
    // The key set reads back as one, and what it holds verifies our tokens.
    let parsed: jsonwebtoken::jwk::JwkSet = serde_json::from_value(jwks.clone()).expect("a set");
    let verifying = DecodingKey::from_jwk(&parsed.keys[0]).expect("a key");
    let validation = validation("https://boxoffice.test", "boxoffice");
    assert!(jsonwebtoken::decode::<Value>(good(), &verifying, &validation).is_ok());
}
