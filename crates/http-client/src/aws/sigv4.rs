//! AWS Signature Version 4 of a POST
//! (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv.html>).

use hmac::{Hmac, Mac as _};
use jiff::Timestamp;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC};
use sha2::{Digest as _, Sha256};
use url::Url;

use super::Credentials;

const ALGORITHM: &str = "AWS4-HMAC-SHA256";
/// What stays as it is in a canonical query: RFC 3986's unreserved characters.
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// A path is encoded once more than in its URL, but for the slashes.
const IN_A_PATH: &AsciiSet = &UNRESERVED.remove(b'/');

/// Signs for one service in one region.
#[derive(Debug)]
pub struct Signer<'a> {
    /// Such as `eu-west-1`.
    pub region: &'a str,
    /// Such as `ec2`.
    pub service: &'a str,
    /// Whose request it is.
    pub credentials: &'a Credentials,
}

impl Signer<'_> {
    /// The headers of a signed POST of `body`.
    pub fn sign(&self, url: &Url, content_type: &str, body: &[u8], now: Timestamp) -> Vec<(&'static str, String)> {
        let time = now.strftime("%Y%m%dT%H%M%SZ").to_string();
        let mut headers = vec![
            ("content-type", content_type.to_owned()),
            ("host", host(url)),
            ("x-amz-date", time.clone()),
        ];
        if !self.credentials.session_token.is_empty() {
            headers.push(("x-amz-security-token", self.credentials.session_token.clone()));
        }
        let request = canonical_request("POST", url, &headers, body);
        let authorization = self.authorization(&request, &headers, &time);
        headers.push(("authorization", authorization));
        headers
    }

    fn authorization(&self, request: &str, headers: &[(&'static str, String)], time: &str) -> String {
        let date = &time[..8];
        let scope = format!("{date}/{}/{}/aws4_request", self.region, self.service);
        let hashed = hex::encode(Sha256::digest(request));
        let to_sign = format!("{ALGORITHM}\n{time}\n{scope}\n{hashed}");
        let secret = format!("AWS4{}", self.credentials.secret_key);
        let key = [date, self.region, self.service, "aws4_request"]
            .iter()
            .fold(secret.into_bytes(), |key, part| mac(&key, part));
        let signature = hex::encode(mac(&key, &to_sign));
        let names = signed_names(headers);
        let id = &self.credentials.access_key;
        format!("{ALGORITHM} Credential={id}/{scope}, SignedHeaders={names}, Signature={signature}")
    }
}

fn host(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    match url.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    }
}

/// Headers are given in the order of their names.
fn canonical_request(method: &str, url: &Url, headers: &[(&'static str, String)], body: &[u8]) -> String {
    let mut query: Vec<(String, String)> = url.query_pairs().into_owned().collect();
    query.sort_unstable();
    let encode = |text: &str| percent_encoding::utf8_percent_encode(text, UNRESERVED).to_string();
    let query: Vec<String> = query
        .iter()
        .map(|(name, value)| format!("{}={}", encode(name), encode(value)))
        .collect();
    let lines: Vec<String> = headers
        .iter()
        .map(|(name, value)| format!("{name}:{}", value.trim()))
        .collect();
    let lines = lines.join("\n");
    format!(
        "{method}\n{}\n{}\n{lines}\n\n{}\n{}",
        percent_encoding::utf8_percent_encode(url.path(), IN_A_PATH),
        query.join("&"),
        signed_names(headers),
        hex::encode(Sha256::digest(body))
    )
}

fn signed_names(headers: &[(&'static str, String)]) -> String {
    let names: Vec<&str> = headers.iter().map(|(name, _)| *name).collect();
    names.join(";")
}

fn mac(key: &[u8], text: &str) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes a key of any length");
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of Amazon's documentation: `ListUsers` of IAM on 30 August 2015.
    #[test]
    fn the_published_example() {
        let credentials = Credentials {
            access_key: "AKIDEXAMPLE".to_owned(),
            secret_key: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY".to_owned(),
            session_token: String::new(),
        };
        let signer = Signer {
            region: "us-east-1",
            service: "iam",
            credentials: &credentials,
        };
        let url = Url::parse("https://iam.amazonaws.com/?Action=ListUsers&Version=2010-05-08").expect("a URL");
        let headers = vec![
            (
                "content-type",
                "application/x-www-form-urlencoded; charset=utf-8".to_owned(),
            ),
            ("host", host(&url)),
            ("x-amz-date", "20150830T123600Z".to_owned()),
        ];
        let request = canonical_request("GET", &url, &headers, b"");
        assert_eq!(
            hex::encode(Sha256::digest(&request)),
            "f536975d06c0309214f805bb90ccff089219ecd68b2577efef23edd43b7e1a59"
        );
        assert_eq!(
            signer.authorization(&request, &headers, "20150830T123600Z"),
            "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/iam/aws4_request, \
             SignedHeaders=content-type;host;x-amz-date, \
             Signature=5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7"
        );
    }

    /// The signatures are those that `SigV4Auth` of Amazon's botocore 1.44 makes of the same requests.
    #[test]
    fn a_path_and_a_session_as_amazons_own_client_signs_them() {
        let credentials = Credentials {
            access_key: "AK".to_owned(),
            secret_key: "SK".to_owned(),
            session_token: "TOKEN".to_owned(),
        };
        let signer = Signer {
            region: "eu-west-1",
            service: "aps",
            credentials: &credentials,
        };
        let cases = [
            (
                "https://aps-workspaces.eu-west-1.amazonaws.com/workspaces/ws-1/api/v1/remote_write",
                "f74b0b41c77fea565d393ca6ea350a3136d54320ace1f93b26304f239d6fb626",
            ),
            (
                "https://example.com:8443/a%20b/c/write?x=1&a=b%20c",
                "d8c8b098a2c9a5294d429f67bdc80429d75a697b3e7fd4bff9124a596cb6bcb3",
            ),
        ];
        let now: Timestamp = "2026-11-27T12:00:00Z".parse().expect("a time");
        for (url, signature) in cases {
            let url = Url::parse(url).expect(url);
            let headers = signer.sign(&url, "application/x-protobuf", b"body", now);
            let (name, authorization) = headers.last().expect("some headers");
            assert_eq!(*name, "authorization");
            assert_eq!(
                *authorization,
                format!(
                    "AWS4-HMAC-SHA256 Credential=AK/20261127/eu-west-1/aps/aws4_request, \
                     SignedHeaders=content-type;host;x-amz-date;x-amz-security-token, Signature={signature}"
                ),
                "{url}"
            );
        }
    }
}
