//! The users with their salted password hashes (PBKDF2, RFC 8018).

use std::collections::BTreeMap;
use std::num::NonZeroU32;

use ring::pbkdf2;
use ring::rand::{SecureRandom, SystemRandom};
use skopos_fleet_frame::FleetError;

const FILE: &str = "users.txt";
const TEXT: &str = include_str!("../../assets/users.txt");
/// Few, because the passwords are known anyway.
const ITERATIONS: NonZeroU32 = NonZeroU32::new(5_000).expect("not zero");
const SALT_BYTES: usize = 16;
const HASH_BYTES: usize = 32;

/// One user.
#[derive(Debug)]
pub(crate) struct User {
    pub(crate) tenant: String,
    pub(crate) role: String,
    salt: [u8; SALT_BYTES],
    hash: [u8; HASH_BYTES],
}

/// All users by name.
#[derive(Debug)]
pub(crate) struct Users(BTreeMap<String, User>);

/// The password of a user that ships with the fleet.
pub(crate) fn demo_password(user: &str) -> String {
    format!("demo-{user}")
}

impl Users {
    /// The users that ship with the fleet.
    pub(crate) fn shipped() -> Result<Self, FleetError> {
        Self::parse(TEXT, &SystemRandom::new()).map_err(|reason| FleetError::Asset { file: FILE, reason })
    }

    fn parse(text: &str, random: &dyn SecureRandom) -> Result<Self, String> {
        let mut users = BTreeMap::new();
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let words: Vec<&str> = line.split_whitespace().collect();
            let [name, tenant, role] = words[..] else {
                return Err(format!("expected: name tenant role; got: {line}"));
            };
            let mut salt = [0; SALT_BYTES];
            random.fill(&mut salt).map_err(|error| error.to_string())?;
            let mut hash = [0; HASH_BYTES];
            let password = demo_password(name);
            pbkdf2::derive(
                pbkdf2::PBKDF2_HMAC_SHA256,
                ITERATIONS,
                &salt,
                password.as_bytes(),
                &mut hash,
            );
            let user = User {
                tenant: tenant.to_owned(),
                role: role.to_owned(),
                salt,
                hash,
            };
            users.insert(name.to_owned(), user);
        }
        Ok(Self(users))
    }

    pub(crate) fn get(&self, name: &str) -> Option<&User> {
        self.0.get(name)
    }

    /// Whether there is such a user with this password. Slow on purpose: some milliseconds of CPU.
    pub(crate) fn is_password(&self, name: &str, password: &str) -> bool {
        self.0.get(name).is_some_and(|user| {
            pbkdf2::verify(
                pbkdf2::PBKDF2_HMAC_SHA256,
                ITERATIONS,
                &user.salt,
                password.as_bytes(),
                &user.hash,
            )
            .is_ok()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_right_password_opens() {
        let users = Users::shipped().expect("the shipped file reads");
        assert!(users.is_password("ada", &demo_password("ada")));
        assert!(!users.is_password("ada", &demo_password("ben")));
        assert!(!users.is_password("nobody", &demo_password("nobody")));
        assert_eq!(users.get("tara").map(|user| user.tenant.as_str()), Some("tinyshop"));
    }

    #[test]
    fn a_broken_line_is_named() {
        let error = Users::parse("ada acme", &SystemRandom::new()).expect_err("two words");
        assert!(error.contains("ada acme"), "{error}");
    }
}
