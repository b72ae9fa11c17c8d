//! Signed JSON Web Tokens (RFC 7515 and RFC 7519), by the crypto provider that TLS has.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rustls::SignatureScheme;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject as _;
use serde_json::{Map, Value, json};
use skopos_config::SignatureAlgorithm;

/// Why there is no token. Nothing of the key is told.
#[derive(Debug, thiserror::Error)]
pub(crate) enum JwtError {
    /// No key is set.
    #[error("there is no private key to sign with")]
    NoKey,
    /// The text is not PEM, or holds no private key.
    #[error("the private key is not one in PEM: {reason}")]
    NotPem { reason: String },
    /// The provider does not take the key.
    #[error("the private key cannot be used, RSA of 2048 to 4096 bits is wanted: {reason}")]
    Unusable { reason: String },
    /// The signature failed.
    #[error("cannot sign with the private key: {reason}")]
    Sign { reason: String },
}

/// Whose signature.
pub(crate) struct JwtSigner<'a> {
    /// An RSA key in PEM, PKCS #1 or PKCS #8.
    pub(crate) key: &'a str,
    /// The key's id; empty for none.
    pub(crate) key_id: &'a str,
    /// How it is signed.
    pub(crate) algorithm: SignatureAlgorithm,
}

impl JwtSigner<'_> {
    /// Signs claims.
    pub(crate) fn sign(&self, claims: &Map<String, Value>) -> Result<String, JwtError> {
        let (name, scheme) = match self.algorithm {
            SignatureAlgorithm::RS256 => ("RS256", SignatureScheme::RSA_PKCS1_SHA256),
            SignatureAlgorithm::RS384 => ("RS384", SignatureScheme::RSA_PKCS1_SHA384),
            SignatureAlgorithm::RS512 => ("RS512", SignatureScheme::RSA_PKCS1_SHA512),
        };
        let mut header = json!({ "alg": name, "typ": "JWT" });
        if !self.key_id.is_empty() {
            header["kid"] = self.key_id.into();
        }
        let encode = |part: &dyn ToString| URL_SAFE_NO_PAD.encode(part.to_string());
        let signed = format!("{}.{}", encode(&header), encode(&Value::Object(claims.clone())));
        let signature = self.signature(scheme, signed.as_bytes())?;
        Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }

    fn signature(&self, scheme: SignatureScheme, message: &[u8]) -> Result<Vec<u8>, JwtError> {
        if self.key.is_empty() {
            return Err(JwtError::NoKey);
        }
        let key = PrivateKeyDer::from_pem_slice(self.key.as_bytes());
        let key = key.map_err(|error| JwtError::NotPem {
            reason: error.to_string(),
        })?;
        let unusable = |reason: String| JwtError::Unusable { reason };
        let provider = CryptoProvider::get_default()
            .ok_or_else(|| unusable("no TLS crypto provider is installed in this process".to_owned()))?;
        let key = provider.key_provider.load_private_key(key);
        let key = key.map_err(|error| unusable(error.to_string()))?;
        let signer = key.choose_scheme(&[scheme]);
        let signer = signer.ok_or_else(|| unusable(format!("it is of the kind {:?}", key.algorithm())))?;
        signer.sign(message).map_err(|error| JwtError::Sign {
            reason: error.to_string(),
        })
    }
}
