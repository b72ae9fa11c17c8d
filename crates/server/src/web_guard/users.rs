//! Basic authentication against bcrypt hashes. What bcrypt said is remembered, so that not each request pays for it;
//! it is asked once at a time and off the async threads.

use std::collections::{BTreeMap, HashMap};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use parking_lot::Mutex;
use sha2::{Digest as _, Sha256};
use skopos_config::Secret;

/// Most answers of bcrypt that are remembered; then they are forgotten.
const MAX_REMEMBERED: usize = 100;

/// A user and a password as they were sent.
pub(super) struct Credentials {
    user: String,
    password: Vec<u8>,
}

impl Credentials {
    /// Reads the header `Authorization`.
    pub(super) fn read(header: &[u8]) -> Option<Self> {
        let (scheme, encoded) = header.split_at_checked(6)?;
        if !scheme.eq_ignore_ascii_case(b"basic ") {
            return None;
        }
        let plain = STANDARD.decode(encoded.trim_ascii()).ok()?;
        let colon = plain.iter().position(|byte| *byte == b':')?;
        Some(Self {
            user: String::from_utf8(plain[..colon].to_vec()).ok()?,
            password: plain[colon + 1..].to_vec(),
        })
    }

    /// What stands for user, hash and password in memory.
    fn digest(&self, hash: &str) -> [u8; 32] {
        let mut digest = Sha256::new();
        for part in [self.user.as_bytes(), hash.as_bytes(), &self.password] {
            digest.update((part.len() as u64).to_le_bytes());
            digest.update(part);
        }
        digest.finalize().into()
    }
}

/// Checks passwords.
#[derive(Debug, Default)]
pub(super) struct Verifier {
    remembered: Mutex<HashMap<[u8; 32], bool>>,
    one_at_a_time: tokio::sync::Mutex<()>,
}

impl Verifier {
    /// Whether the credentials are a user's. An unknown user takes as long as a known one.
    pub(super) async fn knows(&self, users: &BTreeMap<String, Secret>, credentials: Credentials) -> bool {
        let own = users.get(&credentials.user);
        let Some(hash) = own.or_else(|| users.values().next()).map(Secret::expose) else {
            return false;
        };
        let key = credentials.digest(hash);
        if let Some(is_right) = self.recall(&key) {
            return is_right && own.is_some();
        }
        let _turn = self.one_at_a_time.lock().await;
        // Others may have asked the same meanwhile.
        if let Some(is_right) = self.recall(&key) {
            return is_right && own.is_some();
        }
        let (hash, is_user) = (hash.to_owned(), own.is_some());
        let asked = tokio::task::spawn_blocking(move || bcrypt::verify(&credentials.password, &hash));
        let is_right = is_user && matches!(asked.await, Ok(Ok(true)));
        let mut remembered = self.remembered.lock();
        if remembered.len() >= MAX_REMEMBERED {
            remembered.clear();
        }
        remembered.insert(key, is_right);
        is_right
    }

    fn recall(&self, key: &[u8; 32]) -> Option<bool> {
        self.remembered.lock().get(key).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(user: &str, password: &str) -> Credentials {
        let header = format!("Basic {}", STANDARD.encode(format!("{user}:{password}")));
        Credentials::read(header.as_bytes()).expect("a good header")
    }

    #[tokio::test]
    async fn passwords_are_right_or_wrong_twice() {
        let hash = bcrypt::hash("a:b", 4).expect("hashes");
        let users = BTreeMap::from([("alice".to_owned(), Secret::new(hash))]);
        let verifier = Verifier::default();
        for _ in 0..2 {
            assert!(verifier.knows(&users, sent("alice", "a:b")).await);
            assert!(!verifier.knows(&users, sent("alice", "a")).await);
            assert!(!verifier.knows(&users, sent("bob", "a:b")).await);
        }
        assert_eq!(verifier.remembered.lock().len(), 3);
    }

    #[test]
    fn other_headers_are_none() {
        for header in ["", "Basic", "Bearer YTpi", "Basic !", "Basic YWI="] {
            assert!(Credentials::read(header.as_bytes()).is_none(), "{header}");
        }
        assert!(Credentials::read(b"basic YTpi").is_some());
    }
}
