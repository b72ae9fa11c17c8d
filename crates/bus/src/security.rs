//! TLS and password towards the brokers, read from the environment under the names of other Kafka clients.
//!
//! ```text
//! KAFKA_SECURITY_PROTOCOL   PLAINTEXT (where not set)   SSL     SASL_PLAINTEXT    SASL_SSL
//! KAFKA_SASL_…              refused                     refused MECHANISM, USERNAME, PASSWORD are needed
//! KAFKA_SSL_…               refused                     may say refused           may say
//!                                                       whom to trust, who we are
//! ```
//!
//! A setting that would have no effect is refused: who sets a password means to log in. No error shows a password.

use std::ffi::OsString;
use std::fmt;
use std::fs::File;

use rdkafka::ClientConfig;

use crate::BusError;

const PROTOCOL: &str = "KAFKA_SECURITY_PROTOCOL";
const MECHANISM: &str = "KAFKA_SASL_MECHANISM";
const USERNAME: &str = "KAFKA_SASL_USERNAME";
const PASSWORD: &str = "KAFKA_SASL_PASSWORD";
const CA: &str = "KAFKA_SSL_CA_LOCATION";
const CERTIFICATE: &str = "KAFKA_SSL_CERTIFICATE_LOCATION";
const KEY: &str = "KAFKA_SSL_KEY_LOCATION";
const KEY_PASSWORD: &str = "KAFKA_SSL_KEY_PASSWORD";
const IDENTIFICATION: &str = "KAFKA_SSL_ENDPOINT_IDENTIFICATION_ALGORITHM";

const PROTOCOLS: &str = "PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL";
const MECHANISMS: [&str; 3] = ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"];
/// Lets librdkafka look for the system's certificates: OpenSSL is built in and does not know where they are.
const SYSTEM_CA: &str = "probe";

/// How the brokers are spoken to; by default in plain text and without a password.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Security {
    tls: Option<Tls>,
    sasl: Option<Sasl>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Tls {
    /// File or folder of trusted certificates; the system's where there is none.
    ca: Option<String>,
    identity: Option<Identity>,
    is_host_checked: bool,
}

/// What we show a broker that asks for a certificate.
#[derive(Clone, PartialEq, Eq)]
struct Identity {
    certificate: String,
    key: String,
    key_password: Option<String>,
}

#[derive(Clone, PartialEq, Eq)]
struct Sasl {
    mechanism: &'static str,
    username: String,
    password: String,
}

impl Security {
    /// What the process' environment says.
    pub fn from_env() -> Result<Self, BusError> {
        Self::from_lookup(|name| std::env::var_os(name))
    }

    /// What `lookup` says of each variable; an empty one counts as not set. Files that are named must open.
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<OsString>) -> Result<Self, BusError> {
        let variables = Variables(lookup);
        let protocol = variables.get(PROTOCOL)?;
        let (has_tls, has_sasl) = match protocol.as_deref().unwrap_or_default().to_ascii_uppercase().as_str() {
            "" | "PLAINTEXT" => (false, false),
            "SSL" => (true, false),
            "SASL_PLAINTEXT" => (false, true),
            "SASL_SSL" => (true, true),
            other => {
                let problem = format!("there is no protocol {other}");
                return Err(refuse(PROTOCOL, problem, format!("set it to {PROTOCOLS}")));
            }
        };
        if !has_tls {
            let unused = [CA, CERTIFICATE, KEY, KEY_PASSWORD, IDENTIFICATION];
            variables.refuse_any(&unused, "TLS", "SSL or SASL_SSL")?;
        }
        if !has_sasl {
            let unused = [MECHANISM, USERNAME, PASSWORD];
            variables.refuse_any(&unused, "a password", "SASL_SSL or SASL_PLAINTEXT")?;
        }
        Ok(Self {
            tls: has_tls.then(|| Tls::read(&variables)).transpose()?,
            sasl: has_sasl.then(|| Sasl::read(&variables)).transpose()?,
        })
    }

    /// Whether brokers are spoken to in plain text and without a password.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        self.tls.is_none() && self.sasl.is_none()
    }

    /// Writes the settings as librdkafka names them.
    pub(crate) fn apply(&self, config: &mut ClientConfig) {
        let protocol = match (&self.tls, &self.sasl) {
            (None, None) => "plaintext",
            (Some(_), None) => "ssl",
            (None, Some(_)) => "sasl_plaintext",
            (Some(_), Some(_)) => "sasl_ssl",
        };
        config.set("security.protocol", protocol);
        if let Some(tls) = &self.tls {
            tls.apply(config);
        }
        if let Some(sasl) = &self.sasl {
            config
                .set("sasl.mechanism", sasl.mechanism)
                .set("sasl.username", &sasl.username)
                .set("sasl.password", &sasl.password);
        }
    }
}

impl Tls {
    fn read<F: Fn(&str) -> Option<OsString>>(variables: &Variables<F>) -> Result<Self, BusError> {
        let is_host_checked = match variables.get(IDENTIFICATION)?.as_deref() {
            None => true,
            Some(name) if name.eq_ignore_ascii_case("https") => true,
            Some(name) if name.eq_ignore_ascii_case("none") => false,
            Some(other) => {
                let remedy = "set it to https, which compares the name of the host with the certificate, or to none";
                return Err(refuse(IDENTIFICATION, format!("there is no algorithm {other}"), remedy));
            }
        };
        let ca = variables.file(CA, "certificates of the authorities to trust, or their folder")?;
        let certificate = variables.file(CERTIFICATE, "the client's certificate")?;
        let key = variables.file(KEY, "the client's private key")?;
        let key_password = variables.get(KEY_PASSWORD)?;
        let identity = match (certificate, key) {
            (Some(certificate), Some(key)) => Some(Identity {
                certificate,
                key,
                key_password,
            }),
            (Some(_), None) => return Err(lacks(KEY, CERTIFICATE, "the private key of that certificate")),
            (None, Some(_)) => return Err(lacks(CERTIFICATE, KEY, "the certificate of that key")),
            (None, None) if key_password.is_some() => {
                return Err(lacks(KEY, KEY_PASSWORD, "the private key that it opens"));
            }
            (None, None) => None,
        };
        Ok(Self {
            ca,
            identity,
            is_host_checked,
        })
    }

    fn apply(&self, config: &mut ClientConfig) {
        let identification = if self.is_host_checked { "https" } else { "none" };
        config
            .set("ssl.ca.location", self.ca.as_deref().unwrap_or(SYSTEM_CA))
            .set("ssl.endpoint.identification.algorithm", identification);
        if let Some(identity) = &self.identity {
            config
                .set("ssl.certificate.location", &identity.certificate)
                .set("ssl.key.location", &identity.key);
            if let Some(password) = &identity.key_password {
                config.set("ssl.key.password", password);
            }
        }
    }
}

impl Sasl {
    fn read<F: Fn(&str) -> Option<OsString>>(variables: &Variables<F>) -> Result<Self, BusError> {
        let known = format!("{}, {} or {}", MECHANISMS[0], MECHANISMS[1], MECHANISMS[2]);
        let Some(asked) = variables.get(MECHANISM)? else {
            let remedy = format!("set it to {known}, whichever the brokers take");
            return Err(refuse(
                MECHANISM,
                format!("it is not set, and {PROTOCOL} asks for it"),
                remedy,
            ));
        };
        let Some(mechanism) = MECHANISMS.into_iter().find(|known| asked.eq_ignore_ascii_case(known)) else {
            let problem = format!("{asked} is not spoken here");
            return Err(refuse(MECHANISM, problem, format!("set it to {known}")));
        };
        let needed = |variable| match variables.get(variable)? {
            Some(text) => Ok(text),
            None => Err(lacks(variable, PROTOCOL, "what the broker knows us by")),
        };
        Ok(Self {
            mechanism,
            username: needed(USERNAME)?,
            password: needed(PASSWORD)?,
        })
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity")
            .field("certificate", &self.certificate)
            .field("key", &self.key)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Sasl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sasl")
            .field("mechanism", &self.mechanism)
            .field("username", &self.username)
            .finish_non_exhaustive()
    }
}

/// An environment that is asked by name.
struct Variables<F>(F);

impl<F: Fn(&str) -> Option<OsString>> Variables<F> {
    fn get(&self, variable: &'static str) -> Result<Option<String>, BusError> {
        let Some(text) = (self.0)(variable).filter(|text| !text.is_empty()) else {
            return Ok(None);
        };
        let text = text.into_string();
        text.map(Some)
            .map_err(|_| refuse(variable, "it is not UTF-8", "write it in UTF-8"))
    }

    /// The path of a file that opens.
    fn file(&self, variable: &'static str, content: &str) -> Result<Option<String>, BusError> {
        let Some(path) = self.get(variable)? else {
            return Ok(None);
        };
        if let Err(error) = File::open(&path) {
            let remedy = format!("name a PEM file that this process may read, with {content}");
            return Err(refuse(variable, format!("open {path}: {error}"), remedy));
        }
        Ok(Some(path))
    }

    fn refuse_any(&self, variables: &[&'static str], what: &str, protocols: &str) -> Result<(), BusError> {
        for variable in variables {
            if self.get(variable)?.is_some() {
                let protocol = self.get(PROTOCOL)?.unwrap_or_else(|| "not set".to_owned());
                let problem = format!("it has no effect without {what}, and {PROTOCOL} is {protocol}");
                let remedy = format!("set {PROTOCOL} to {protocols}, or unset {variable}");
                return Err(refuse(variable, problem, remedy));
            }
        }
        Ok(())
    }
}

fn refuse(variable: &'static str, problem: impl Into<String>, remedy: impl Into<String>) -> BusError {
    BusError::Security {
        variable,
        problem: problem.into(),
        remedy: remedy.into(),
    }
}

fn lacks(variable: &'static str, because: &str, what: &str) -> BusError {
    refuse(
        variable,
        format!("it is not set, and {because} asks for it"),
        format!("set it to {what}"),
    )
}

#[cfg(test)]
mod tests;
