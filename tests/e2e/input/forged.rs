//! Tokens that are not what they seem: made by somebody with a good one, with the public key, with
//! a key of their own, or, to see that more than the signature counts, with the server's own.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use boxoffice_proto::r#type::v1::ErrorReason;
use boxoffice_server::secret::Key;
use ed25519_dalek::{Signer, SigningKey};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::{Sha256, Sha384, Sha512};

/// A token, what is wrong with it, and what the server has to say.
pub struct Forged {
    /// What is wrong.
    pub what: String,
    /// The token.
    pub token: String,
    /// The reason of the refusal.
    pub reason: ErrorReason,
}

/// What tokens are forged from.
pub struct Forge {
    /// A good token.
    pub token: String,
    /// The key that signs tokens; nobody but the server has it.
    pub key: Key,
    /// What else looks like a token: what it is, and itself.
    pub others: Vec<(&'static str, String)>,
    header: Value,
    payload: Value,
}

fn part(text: &str) -> String {
    URL_SAFE_NO_PAD.encode(text)
}

fn read(text: &str) -> Value {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text).expect("base64url")).expect("JSON")
}

/// Signs these two texts as they are.
fn signed(key: &Key, header: &str, payload: &str) -> String {
    let content = format!("{}.{}", part(header), part(payload));
    let signature = SigningKey::from_bytes(key).sign(content.as_bytes());
    format!("{content}.{}", URL_SAFE_NO_PAD.encode(signature.to_bytes()))
}

fn with(object: &Value, name: &str, value: Value) -> Value {
    let mut object = object.clone();
    object[name] = value;
    object
}

fn without(object: &Value, name: &str) -> Value {
    let mut object = object.clone();
    object.as_object_mut().expect("an object").remove(name);
    object
}

/// The object with a name in it twice; the second time with that value.
fn doubled(object: &Value, name: &str, value: &Value) -> String {
    let text = object.to_string();
    format!("{},\"{name}\":{value}}}", &text[..text.len() - 1])
}

impl Forge {
    /// With this good token, and the key it was signed with.
    pub fn new(token: String, key: Key, others: Vec<(&'static str, String)>) -> Self {
        let (header, payload) = {
            let mut pieces = token.split('.');
            (read(pieces.next().expect("a header")), read(pieces.next().expect("a payload")))
        };
        Self { token, key, others, header, payload }
    }

    /// Signs what the good token says, anew: it has to work.
    pub fn genuine(&self) -> String {
        signed(&self.key, &self.header.to_string(), &self.payload.to_string())
    }

    fn admin(&self) -> Value {
        with(&self.payload, "roles", json!(["ADMIN"]))
    }

    fn by_server(&self, header: &Value, payload: &Value) -> String {
        signed(&self.key, &header.to_string(), &payload.to_string())
    }

    /// No signature, in every way it can be written.
    fn unsigned(&self, all: &mut Vec<(String, String)>) {
        let (signature, admin) = (self.token.rsplit('.').next().expect("three"), self.admin());
        let spellings = [
            "none",
            "None",
            "NONE",
            "nOnE",
            "noNe",
            "nonE",
            "NoNe",
            "none ",
            " none",
            "none\0",
            "null",
            "",
            "unsecured",
        ];
        for name in spellings {
            let header = with(&self.header, "alg", json!(name)).to_string();
            let content = format!("{}.{}", part(&header), part(&admin.to_string()));
            all.push((format!("alg {name:?}, no signature"), format!("{content}.")));
            all.push((format!("alg {name:?}, two parts"), content.clone()));
            all.push((format!("alg {name:?}, an old signature"), format!("{content}.{signature}")));
        }
        for alg in [Value::Null, json!(0), json!(["EdDSA"]), json!({"a": 1}), json!(true)] {
            let header = with(&self.header, "alg", alg.clone());
            all.push((format!("alg {alg}"), self.by_server(&header, &self.payload)));
        }
    }

    /// The public key as the key of an HMAC, in every form that it is published or kept in.
    fn symmetric(&self, all: &mut Vec<(String, String)>) {
        let public = SigningKey::from_bytes(&self.key).verifying_key().to_bytes();
        let spki = [
            &[0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00][..],
            &public,
        ]
        .concat();
        let pem = format!(
            "-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n",
            STANDARD.encode(&spki)
        );
        let keys: [(&str, Vec<u8>); 5] = [
            ("bytes", public.to_vec()),
            ("base64url", URL_SAFE_NO_PAD.encode(public).into_bytes()),
            ("DER", spki),
            ("PEM", pem.into_bytes()),
            ("nothing", Vec::new()),
        ];
        for (form, key) in keys {
            for alg in ["HS256", "hs256", "HS384", "HS512"] {
                let header = with(&self.header, "alg", json!(alg)).to_string();
                let content = format!("{}.{}", part(&header), part(&self.admin().to_string()));
                let mac = URL_SAFE_NO_PAD.encode(mac(alg, &key, content.as_bytes()));
                all.push((
                    format!("{alg} with the public key as {form}"),
                    format!("{content}.{mac}"),
                ));
            }
        }
        for alg in ["RS256", "ES256", "PS256", "ES384", "Ed25519", "EDDSA", "eddsa", "Ed448"] {
            let header = with(&self.header, "alg", json!(alg));
            all.push((format!("alg {alg}"), self.by_server(&header, &self.payload)));
        }
    }

    /// Keys that are not ours, and headers that say where a key is.
    fn keys(&self, all: &mut Vec<(String, String)>) {
        for seed in [[0; 32], [7; 32], [255; 32]] {
            let text = signed(&seed, &self.header.to_string(), &self.admin().to_string());
            all.push((format!("the key {}…", seed[0]), text));
            let public = SigningKey::from_bytes(&seed).verifying_key().to_bytes();
            let x = URL_SAFE_NO_PAD.encode(public);
            let jwk = json!({"kty": "OKP", "crv": "Ed25519", "x": x});
            for (name, value) in [
                ("jwk", jwk.clone()),
                ("jku", json!("http://127.0.0.1:1/keys.json")),
                ("x5u", json!("file:///etc/passwd")),
                ("x5c", json!(["MIIB"])),
            ] {
                let header = with(&self.header, name, value).to_string();
                let text = signed(&seed, &header, &self.admin().to_string());
                all.push((format!("a key of its own by {name}"), text));
            }
        }
        let kids = [
            json!(""),
            json!("0000000000000000"),
            json!("../../../../dev/null"),
            json!("/proc/self/environ"),
            json!("' or '1'='1"),
            json!("'; drop table identity_user"),
            json!("*"),
            json!("%"),
            json!("\0"),
            json!("k".repeat(2_000)),
            json!(1),
            Value::Null,
            json!(["a"]),
            json!({"$ne": ""}),
            json!("http://127.0.0.1:1/"),
            json!("| id"),
        ];
        for kid in kids {
            let header = with(&self.header, "kid", kid.clone());
            let what: String = kid.to_string().chars().take(40).collect();
            all.push((format!("kid {what}"), self.by_server(&header, &self.payload)));
        }
        let upper = self.header["kid"].as_str().expect("a kid").to_uppercase() + "A";
        let header = with(&self.header, "kid", json!(upper));
        all.push(("kid in capitals".into(), self.by_server(&header, &self.payload)));
        all.push(("no kid".into(), self.by_server(&without(&self.header, "kid"), &self.payload)));
    }

    /// What the server's own key would have signed, if the server made such tokens.
    fn claims(&self, all: &mut Vec<(String, String)>) {
        let header = &self.header;
        for name in ["iss", "aud", "sub", "iat", "nbf", "exp", "jti", "roles"] {
            all.push((format!("no {name}"), self.by_server(header, &without(&self.payload, name))));
            let good = &self.payload[name];
            // Any text is an id of a token.
            let text = if name == "jti" { json!(7) } else { json!(good.to_string()) };
            for bad in [Value::Null, text, json!({}), json!([[]]), json!(1.5)] {
                let payload = with(&self.payload, name, bad.clone());
                all.push((format!("{name} = {bad}"), self.by_server(header, &payload)));
            }
            let twice = doubled(&self.payload, name, good);
            all.push((format!("{name} twice"), signed(&self.key, &header.to_string(), &twice)));
        }
        for name in ["alg", "typ", "kid"] {
            let twice = doubled(header, name, &header[name]);
            let payload = self.payload.to_string();
            all.push((format!("{name} twice"), signed(&self.key, &twice, &payload)));
        }
        for (name, values) in [
            ("iss", vec![json!("elsewhere"), json!("Boxoffice"), json!(""), json!("boxoffice ")]),
            ("aud", vec![json!("elsewhere"), json!(""), json!("BOXOFFICE"), json!(["elsewhere"])]),
            (
                "sub",
                vec![
                    json!(""),
                    json!("admin"),
                    json!("usr_"),
                    json!("evt_00000000000000000000000000000000"),
                    json!("usr_' or 1=1 --"),
                ],
            ),
            ("jti", vec![json!("")]),
            ("exp", vec![json!(i64::MAX), json!(-1e300), json!("9999999999"), json!(u64::MAX)]),
            ("iat", vec![json!(i64::MAX), json!(9_999_999_999_i64)]),
            ("nbf", vec![json!(i64::MAX), json!(9_999_999_999_i64)]),
            ("roles", vec![json!("ADMIN"), json!({"0": "ADMIN"}), json!([1])]),
        ] {
            for value in values {
                let payload = with(&self.payload, name, value.clone());
                all.push((format!("{name} = {value}"), self.by_server(header, &payload)));
            }
        }
        for typ in [json!("JWT"), json!(""), json!("id+jwt"), json!("refresh+jwt"), Value::Null] {
            let header = with(header, "typ", typ.clone());
            all.push((format!("typ {typ}"), self.by_server(&header, &self.payload)));
        }
        all.push(("no typ".into(), self.by_server(&without(header, "typ"), &self.payload)));
        let critical = with(header, "crit", json!(["exp"]));
        all.push(("what is critical".into(), self.by_server(&critical, &self.payload)));
        for payload in ["", "null", "[]", "1", "{}", "{", "\"sub\"", "\u{feff}{}"] {
            let text = signed(&self.key, &header.to_string(), payload);
            all.push((format!("the payload {payload:?}"), text));
        }
    }

    /// The good token, damaged.
    fn damaged(&self, all: &mut Vec<(String, String)>) {
        let token = &self.token;
        let pieces: Vec<&str> = token.split('.').collect();
        let [header, payload, signature] = pieces[..] else { panic!("three parts") };
        let admin = part(&self.admin().to_string());
        let later = with(&self.payload, "exp", json!(9_999_999_999_i64)).to_string();
        let zeros = URL_SAFE_NO_PAD.encode([0; 64]);
        let mut flipped = URL_SAFE_NO_PAD.decode(signature).expect("base64url");
        flipped[63] ^= 0x80;
        let flipped = URL_SAFE_NO_PAD.encode(flipped);
        for (what, text) in [
            ("an edited role", format!("{header}.{admin}.{signature}")),
            ("an edited time", format!("{header}.{}.{signature}", part(&later))),
            ("no signature", format!("{header}.{payload}.")),
            ("zeros for a signature", format!("{header}.{payload}.{zeros}")),
            ("a flipped signature", format!("{header}.{payload}.{flipped}")),
            ("a short signature", format!("{header}.{payload}.{}", &signature[..40])),
            ("a long signature", format!("{header}.{payload}.{signature}AAAA")),
            ("a padded signature", format!("{header}.{payload}.{signature}==")),
            ("no header", format!(".{payload}.{signature}")),
            ("no payload", format!("{header}..{signature}")),
            ("parts in another order", format!("{payload}.{header}.{signature}")),
            ("four parts", format!("{token}.{signature}")),
            ("five parts", format!("{header}.{payload}.{signature}.{payload}.{signature}")),
            ("a dot before", format!(".{token}")),
            ("a dot behind", format!("{token}.")),
            ("two tokens", format!("{token} {token}")),
            ("two with a comma", format!("{token},{token}")),
            ("dots", "..".into()),
            ("many dots", ".".repeat(3_000)),
            ("nothing", String::new()),
            ("garbage", "garbage".into()),
            ("no base64", format!("{header}.!{payload}.{signature}")),
            ("ordinary base64", format!("{header}.{payload}+/.{signature}")),
            ("a huge one", format!("{header}.{}.{signature}", "A".repeat(7_000))),
            ("a huge signature", format!("{header}.{payload}.{}", "A".repeat(7_000))),
        ] {
            all.push((what.to_owned(), text));
        }
        for cut in [1, 10, header.len(), header.len() + 1, token.len() / 2, token.len() - 1] {
            all.push((format!("cut at {cut}"), token[..cut].to_owned()));
        }
    }

    /// All of them.
    pub fn corpus(&self) -> Vec<Forged> {
        let mut all = Vec::new();
        self.unsigned(&mut all);
        self.symmetric(&mut all);
        self.keys(&mut all);
        self.claims(&mut all);
        self.damaged(&mut all);
        all.extend(self.others.iter().map(|(what, text)| ((*what).to_owned(), text.clone())));
        let invalid = |(what, token)| Forged { what, token, reason: ErrorReason::TokenInvalid };
        let mut corpus: Vec<Forged> = all.into_iter().map(invalid).collect();
        let issued = self.payload["iat"].as_i64().expect("a time");
        for age in [901, 3_600, 86_400, 1_000_000_000] {
            let mut payload = self.payload.clone();
            payload["iat"] = json!(issued - age);
            payload["nbf"] = json!(issued - age);
            payload["exp"] = json!(issued - age + 900 - 1);
            let token = self.by_server(&self.header, &payload);
            let what = format!("{age} seconds old");
            corpus.push(Forged { what, token, reason: ErrorReason::TokenExpired });
        }
        corpus
    }
}

/// The authentication code of a content, by the hash of that algorithm.
fn mac(alg: &str, key: &[u8], content: &[u8]) -> Vec<u8> {
    macro_rules! by {
        ($hash:ty) => {{
            let mut mac = Hmac::<$hash>::new_from_slice(key).expect("any key will do");
            mac.update(content);
            mac.finalize().into_bytes().to_vec()
        }};
    }
    match alg {
        "HS384" => by!(Sha384),
        "HS512" => by!(Sha512),
        _ => by!(Sha256),
    }
}
