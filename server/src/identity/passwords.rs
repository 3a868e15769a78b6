//! Hashing and verifying passwords with Argon2id, off the threads that serve calls.

use std::sync::Arc;

use argon2::{
    Algorithm, Argon2, Params, PasswordHash, PasswordHasher, PasswordVerifier, Version,
    password_hash,
};

use super::domain::password::NewPassword;
use crate::cores::Cores;
use crate::error::{Error, Result};

/// Memory of one hash, in KiB (OWASP Password Storage: 19 MiB, two passes, one lane).
const MEMORY_KIB: u32 = 19 * 1024;
/// Passes over that memory.
const PASSES: u32 = 2;
/// Lanes of that memory.
const LANES: u32 = 1;
/// Passwords that may wait for a core; more are turned away with UNAVAILABLE.
const QUEUE_MAX: usize = 256;

/// What became of a password that was checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is not the account's, or there is no account.
    Wrong,
    /// It is the account's.
    Right,
    /// It is the account's, whose hash is weaker than those made today.
    RightButWeaklyHashed,
}

/// Hashes and verifies passwords, as many at a time as there are cores. Cheap to clone.
#[derive(Clone)]
pub struct Passwords {
    cores: Cores,
    /// What is verified when there is no account, so that the answer takes as long.
    nobody: Arc<str>,
}

fn argon2() -> Result<Argon2<'static>> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None).map_err(Error::internal)?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

fn hashed(password: &str) -> Result<String> {
    let hash = argon2()?.hash_password(password.as_bytes()).map_err(Error::internal)?;
    Ok(hash.to_string())
}

fn is_weak(hash: &PasswordHash) -> bool {
    let current = hash.algorithm == Algorithm::Argon2id.ident()
        && hash.version == Some(Version::V0x13.into());
    let params = Params::try_from(hash);
    !current || params.map_or(true, |p| p.m_cost() < MEMORY_KIB || p.t_cost() < PASSES)
}

fn verdict(password: &str, hash: &str) -> Result<Verdict> {
    let hash = PasswordHash::new(hash)
        .map_err(|error| Error::internal(format!("a stored password hash is broken: {error}")))?;
    match argon2()?.verify_password(password.as_bytes(), &hash) {
        Ok(()) if is_weak(&hash) => Ok(Verdict::RightButWeaklyHashed),
        Ok(()) => Ok(Verdict::Right),
        Err(password_hash::Error::PasswordInvalid) => Ok(Verdict::Wrong),
        Err(error) => Err(Error::internal(error)),
    }
}

impl Passwords {
    /// Hashes once, which takes some tens of milliseconds.
    pub fn new() -> Result<Self> {
        let nobody = hashed("the password of nobody")?.into();
        Ok(Self { cores: Cores::of_machine(QUEUE_MAX), nobody })
    }

    /// The hash of a new password, in PHC form, with a salt of its own.
    pub async fn hash(&self, password: NewPassword) -> Result<String> {
        self.cores.run(move || hashed(&password.into_text())).await
    }

    /// The hash of a password that was right but weakly hashed; it need not meet today's policy.
    pub async fn rehash(&self, password: String) -> Result<String> {
        self.cores.run(move || hashed(&password)).await
    }

    /// Checks a password against the hash of an account, or of nobody's.
    pub async fn verify(&self, password: String, hash: Option<String>) -> Result<Verdict> {
        let nobody = Arc::clone(&self.nobody);
        self.cores
            .run(move || match hash {
                Some(hash) => verdict(&password, &hash),
                None => verdict(&password, &nobody).map(|_| Verdict::Wrong),
            })
            .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn password(text: &str) -> NewPassword {
        NewPassword::parse(text).expect("an allowed password")
    }

    #[tokio::test]
    async fn a_hash_has_the_parameters_and_a_salt_of_its_own() {
        let passwords = Passwords::new().expect("passwords");
        let one = passwords.hash(password("correct horse")).await.expect("a hash");
        let two = passwords.hash(password("correct horse")).await.expect("a hash");
        assert!(one.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{one}");
        assert_ne!(one, two);
    }

    #[tokio::test]
    async fn only_the_right_password_of_an_account_is_right() {
        let passwords = Passwords::new().expect("passwords");
        let hash = passwords.hash(password("correct horse")).await.expect("a hash");
        let check = async |text: &str, hash: Option<String>| {
            passwords.verify(text.to_owned(), hash).await.expect("a verdict")
        };
        assert_eq!(check("correct horse", Some(hash.clone())).await, Verdict::Right);
        assert_eq!(check("correct horsf", Some(hash.clone())).await, Verdict::Wrong);
        assert_eq!(check("", Some(hash)).await, Verdict::Wrong);
        assert_eq!(check("the password of nobody", None).await, Verdict::Wrong);
    }

    #[tokio::test]
    async fn a_weaker_hash_is_recognised() {
        let params = Params::new(8 * 1024, 1, 1, None).expect("parameters");
        let weak = Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
            .hash_password(b"correct horse")
            .expect("a hash");
        let passwords = Passwords::new().expect("passwords");
        let verdict = passwords.verify("correct horse".into(), Some(weak.to_string())).await;
        assert_eq!(verdict.expect("a verdict"), Verdict::RightButWeaklyHashed);
    }

    #[tokio::test]
    async fn a_broken_hash_is_our_fault_and_not_the_callers() {
        let passwords = Passwords::new().expect("passwords");
        let verdict = passwords.verify("correct horse".into(), Some("plain".into())).await;
        assert!(matches!(verdict, Err(Error::Internal(_))));
    }
}
