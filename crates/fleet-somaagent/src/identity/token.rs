//! Tokens: JSON Web Tokens signed with Ed25519 (RFC 7519, RFC 8037), with expiry, tenant and role.
//!
//! Only this one algorithm is accepted, whatever a token's header says. The key lives as long as the process.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::SystemRandom;
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use serde::{Deserialize, Serialize};
use skopos_fleet_frame::FleetError;

/// The header of every token that is made here.
const HEADER: &str = r#"{"alg":"EdDSA","typ":"JWT"}"#;
/// Longest token that is looked at.
const MAX_BYTES: usize = 4096;

/// What a token says of its bearer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Claims {
    /// The user.
    pub(crate) sub: String,
    pub(crate) tenant: String,
    pub(crate) role: String,
    /// Seconds since the epoch from which on the token is void.
    pub(crate) exp: i64,
}

/// Why a token is not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TokenError {
    #[error("the token is not one of this service")]
    Foreign,
    #[error("the token's signature is wrong")]
    Signature,
    #[error("the token has expired")]
    Expired,
}

/// Signs and verifies with a key of its own.
#[derive(Debug)]
pub(crate) struct Signer(Ed25519KeyPair);

impl Signer {
    /// A new key.
    pub(crate) fn generate() -> Result<Self, FleetError> {
        let failed = |reason: String| FleetError::Needed {
            action: "make a signing key".to_owned(),
            source: reason.into(),
        };
        let document =
            Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).map_err(|error| failed(error.to_string()))?;
        let key = Ed25519KeyPair::from_pkcs8(document.as_ref()).map_err(|error| failed(error.to_string()))?;
        Ok(Self(key))
    }

    pub(crate) fn sign(&self, claims: &Claims) -> String {
        let payload = serde_json::to_vec(claims).expect("claims have text keys only");
        let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(HEADER), URL_SAFE_NO_PAD.encode(payload));
        let signature = self.0.sign(signed.as_bytes());
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature.as_ref()))
    }

    /// The claims of a token that is genuine and not expired at `now_seconds`.
    pub(crate) fn verify(&self, token: &str, now_seconds: i64) -> Result<Claims, TokenError> {
        if token.len() > MAX_BYTES {
            return Err(TokenError::Foreign);
        }
        let (signed, signature) = token.rsplit_once('.').ok_or(TokenError::Foreign)?;
        let payload = signed
            .strip_prefix(&URL_SAFE_NO_PAD.encode(HEADER))
            .and_then(|rest| rest.strip_prefix('.'))
            .ok_or(TokenError::Foreign)?;
        let bytes = |part: &str| URL_SAFE_NO_PAD.decode(part).map_err(|_| TokenError::Foreign);
        UnparsedPublicKey::new(&ED25519, self.0.public_key())
            .verify(signed.as_bytes(), &bytes(signature)?)
            .map_err(|_| TokenError::Signature)?;
        let claims: Claims = serde_json::from_slice(&bytes(payload)?).map_err(|_| TokenError::Foreign)?;
        if claims.exp <= now_seconds {
            return Err(TokenError::Expired);
        }
        Ok(claims)
    }

    /// The public key in base64url.
    pub(crate) fn public_key(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.0.public_key().as_ref())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_700_000_000;

    fn claims() -> Claims {
        Claims {
            sub: "ada".to_owned(),
            tenant: "acme".to_owned(),
            role: "builder".to_owned(),
            exp: NOW + 60,
        }
    }

    #[test]
    fn a_signed_token_is_accepted_until_it_expires() {
        let signer = Signer::generate().expect("randomness");
        let token = signer.sign(&claims());
        assert_eq!(signer.verify(&token, NOW), Ok(claims()));
        assert_eq!(signer.verify(&token, NOW + 60), Err(TokenError::Expired));
        let other = Signer::generate().expect("randomness");
        assert_eq!(other.verify(&token, NOW), Err(TokenError::Signature));
    }

    #[test]
    fn a_changed_token_is_refused() {
        let signer = Signer::generate().expect("randomness");
        let token = signer.sign(&claims());
        let (signed, signature) = token.rsplit_once('.').expect("three parts");
        let header = signed.split_once('.').expect("three parts").0;
        let root = URL_SAFE_NO_PAD.encode(r#"{"sub":"ada","tenant":"acme","role":"root","exp":99999999999}"#);
        let forged = format!("{header}.{root}.{signature}");
        assert_eq!(signer.verify(&forged, NOW), Err(TokenError::Signature));
        let none = URL_SAFE_NO_PAD.encode(r#"{"alg":"none"}"#);
        assert_eq!(signer.verify(&format!("{none}.{root}."), NOW), Err(TokenError::Foreign));
        for nonsense in ["", "a.b", "a.b.c", "....", &"x".repeat(10_000)] {
            assert_eq!(signer.verify(nonsense, NOW), Err(TokenError::Foreign));
        }
    }
}
