//! Bearer tokens: JSON Web Tokens signed with HMAC-SHA256 (RFC 7519, RFC 7515), with expiry, tenant and role.
//!
//! Only this one algorithm is accepted, whatever a token's header says, so a forged header gains nothing.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

/// The header of every token that is made here.
const HEADER: &str = r#"{"alg":"HS256","typ":"JWT"}"#;
/// Longest token that is looked at.
const MAX_TOKEN_BYTES: usize = 4096;

/// What a token says of its bearer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Claims {
    /// The user.
    pub(crate) sub: String,
    pub(crate) tenant: String,
    pub(crate) role: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) region: Option<String>,
    /// Seconds since the epoch from which on the token is void.
    pub(crate) exp: i64,
}

/// Why a token is not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TokenError {
    #[error("the token is not a JSON Web Token")]
    Malformed,
    #[error("the token is not signed with HS256")]
    Algorithm,
    #[error("the token's signature is wrong")]
    Signature,
    #[error("the token has expired")]
    Expired,
}

/// Signs and verifies.
#[derive(Clone)]
pub(crate) struct Keys(Hmac<Sha256>);

impl Keys {
    pub(crate) fn new(secret: &str) -> Self {
        Self(Hmac::new_from_slice(secret.as_bytes()).expect("HMAC takes keys of any length"))
    }

    /// A token with these claims.
    pub(crate) fn sign(&self, claims: &Claims) -> String {
        let payload = serde_json::to_vec(claims).expect("claims have text keys only");
        let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(HEADER), URL_SAFE_NO_PAD.encode(payload));
        let signature = self.mac(&signed).finalize().into_bytes();
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    /// The claims of a token that is genuine and not expired at `now_seconds`.
    pub(crate) fn verify(&self, token: &str, now_seconds: i64) -> Result<Claims, TokenError> {
        #[derive(Deserialize)]
        struct Header {
            alg: String,
        }
        if token.len() > MAX_TOKEN_BYTES {
            return Err(TokenError::Malformed);
        }
        let (signed, signature) = token.rsplit_once('.').ok_or(TokenError::Malformed)?;
        let (header, payload) = signed.split_once('.').ok_or(TokenError::Malformed)?;
        let header: Header = decode(header)?;
        if header.alg != "HS256" {
            return Err(TokenError::Algorithm);
        }
        let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|_| TokenError::Malformed)?;
        // Compares in constant time.
        self.mac(signed)
            .verify_slice(&signature)
            .map_err(|_| TokenError::Signature)?;
        let claims: Claims = decode(payload)?;
        if claims.exp <= now_seconds {
            return Err(TokenError::Expired);
        }
        Ok(claims)
    }

    fn mac(&self, text: &str) -> Hmac<Sha256> {
        self.0.clone().chain_update(text)
    }
}

fn decode<T: serde::de::DeserializeOwned>(part: &str) -> Result<T, TokenError> {
    let bytes = URL_SAFE_NO_PAD.decode(part).map_err(|_| TokenError::Malformed)?;
    serde_json::from_slice(&bytes).map_err(|_| TokenError::Malformed)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_700_000_000;

    fn claims() -> Claims {
        Claims {
            sub: "ada".to_owned(),
            tenant: "acme".to_owned(),
            role: "agent".to_owned(),
            region: None,
            exp: NOW + 60,
        }
    }

    #[test]
    fn a_signed_token_is_accepted_until_it_expires() {
        let keys = Keys::new("secret");
        let token = keys.sign(&claims());
        assert_eq!(keys.verify(&token, NOW), Ok(claims()));
        assert_eq!(keys.verify(&token, NOW + 60), Err(TokenError::Expired));
        assert_eq!(Keys::new("other").verify(&token, NOW), Err(TokenError::Signature));
    }

    #[test]
    fn a_changed_or_unsigned_token_is_refused() {
        let keys = Keys::new("secret");
        let token = keys.sign(&claims());
        let (signed, signature) = token.rsplit_once('.').expect("three parts");
        let header = signed.split_once('.').expect("three parts").0;
        let admin = URL_SAFE_NO_PAD.encode(r#"{"sub":"ada","tenant":"acme","role":"root","exp":99999999999}"#);
        assert_eq!(
            keys.verify(&format!("{header}.{admin}.{signature}"), NOW),
            Err(TokenError::Signature)
        );
        let none = URL_SAFE_NO_PAD.encode(r#"{"alg":"none"}"#);
        assert_eq!(
            keys.verify(&format!("{none}.{admin}."), NOW),
            Err(TokenError::Algorithm)
        );
        for nonsense in ["", "a.b", "a.b.c", "....", &"x".repeat(10_000)] {
            assert_eq!(keys.verify(nonsense, NOW), Err(TokenError::Malformed));
        }
    }

    #[test]
    fn the_signature_is_that_of_the_standard() {
        // RFC 7515, appendix A.1: header and payload with line feeds, key as raw bytes.
        let key = URL_SAFE_NO_PAD
            .decode("AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow")
            .expect("base64");
        let mac = Hmac::<Sha256>::new_from_slice(&key).expect("any length");
        let signed = "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
        let signature = Keys(mac).mac(signed).finalize().into_bytes();
        assert_eq!(
            URL_SAFE_NO_PAD.encode(signature),
            "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
        );
    }
}
