//! Signed webhooks: `t=SECONDS,v1=HEX`, an HMAC-SHA256 over `SECONDS.BODY`, so that neither body nor time can be changed.

use hmac::{Hmac, Mac};
use sha2::Sha256;

/// The header that carries it.
pub(crate) const HEADER: &str = "x-payment-signature";
/// How far the clocks of both sides may be apart, in seconds; what is older may be a replay.
const TOLERANCE_SECONDS: i64 = 300;

/// Why a message is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SignatureError {
    #[error("the signature is missing or not of the form t=SECONDS,v1=HEX")]
    Malformed,
    #[error("the signature is older or newer than {TOLERANCE_SECONDS} s")]
    OutOfTime,
    #[error("the signature does not fit the message")]
    Wrong,
}

fn mac(secret: &str, seconds: i64, body: &[u8]) -> Hmac<Sha256> {
    let mut mac = <Hmac<Sha256> as Mac>::new_from_slice(secret.as_bytes()).expect("HMAC takes keys of any length");
    mac.update(seconds.to_string().as_bytes());
    mac.update(b".");
    mac.update(body);
    mac
}

/// The header's value for a body that is sent at `seconds` since 1970.
pub(crate) fn sign(secret: &str, seconds: i64, body: &[u8]) -> String {
    let code = mac(secret, seconds, body).finalize().into_bytes();
    format!("t={seconds},v1={}", hex::encode(code))
}

/// Whether the body came from one who has the secret, at about `now`. Takes the same time for every wrong signature.
pub(crate) fn verify(secret: &str, header: &str, body: &[u8], now: i64) -> Result<(), SignatureError> {
    let (seconds, code) = header
        .strip_prefix("t=")
        .and_then(|rest| rest.split_once(",v1="))
        .ok_or(SignatureError::Malformed)?;
    let seconds: i64 = seconds.parse().map_err(|_| SignatureError::Malformed)?;
    let code = hex::decode(code).map_err(|_| SignatureError::Malformed)?;
    if now.abs_diff(seconds) > TOLERANCE_SECONDS.unsigned_abs() {
        return Err(SignatureError::OutOfTime);
    }
    mac(secret, seconds, body)
        .verify_slice(&code)
        .map_err(|_| SignatureError::Wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_same_message_of_the_same_time_and_key_is_believed() {
        let header = sign("key", 1_000, b"{}");
        assert_eq!(verify("key", &header, b"{}", 1_010), Ok(()));
        assert_eq!(verify("other", &header, b"{}", 1_010), Err(SignatureError::Wrong));
        assert_eq!(verify("key", &header, b"{ }", 1_010), Err(SignatureError::Wrong));
        assert_eq!(verify("key", &header, b"{}", 2_000), Err(SignatureError::OutOfTime));
        let moved = header.replace("t=1000", "t=1001");
        assert_eq!(verify("key", &moved, b"{}", 1_010), Err(SignatureError::Wrong));
        for malformed in ["", "t=1000", "t=x,v1=00", "t=1000,v1=zz"] {
            assert_eq!(verify("key", malformed, b"{}", 1_000), Err(SignatureError::Malformed));
        }
    }

    #[test]
    fn the_code_is_that_of_rfc_4231() {
        // Test case 2: key "Jefe", data "what do ya want for nothing?"; here the data begins with "0.".
        let known = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        let mut plain = <Hmac<Sha256> as Mac>::new_from_slice(b"Jefe").expect("any length");
        plain.update(b"what do ya want for nothing?");
        assert_eq!(hex::encode(plain.finalize().into_bytes()), known);
    }
}
