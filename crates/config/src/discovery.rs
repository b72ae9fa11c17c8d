//! Service discovery sections. Static and file discovery are typed; all others are read strictly,
//! checked, and kept as they were written.

mod check;
mod kubernetes;
mod schema;
mod values;

use std::collections::BTreeMap;
use std::time::Duration;

use serde::ser::{SerializeMap, SerializeSeq};
use serde::{Serialize, Serializer};

use self::schema::{KINDS, Kind};
pub use self::values::SdValues;
use crate::error::{Problem, Result};
use crate::http_client::{HttpClientConfig, read_tls};
use crate::secret::HIDDEN;
use crate::section::{Section, read_section};
use crate::target_group::TargetGroup;
use crate::yaml::{Node, Value};

/// Where the targets of a job come from.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct SdConfigs {
    /// Targets written in the configuration.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub static_configs: Vec<TargetGroup>,
    /// Targets written in files.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub file_sd_configs: Vec<FileSdConfig>,
    /// All other discoveries by their key, such as `kubernetes_sd_configs`.
    #[serde(flatten)]
    pub others: BTreeMap<&'static str, Vec<OtherSdConfig>>,
}

/// Targets written in files.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub struct FileSdConfig {
    /// Patterns of the files; relative to the configuration's folder.
    pub files: Vec<String>,
    /// How often the files are read again at the latest.
    #[serde(serialize_with = "crate::duration::serialize")]
    pub refresh_interval: Duration,
}

/// A discovery whose keys are checked, and read one by one by whoever carries it out.
#[derive(Debug, Clone, PartialEq)]
pub struct OtherSdConfig {
    node: Node,
    http_client: HttpClientConfig,
}

/// The discoveries that are carried out, beside static and file.
const CARRIED_OUT: [&str; 7] = [
    "aws_sd_configs",
    "consul_sd_configs",
    "dns_sd_configs",
    "docker_sd_configs",
    "ec2_sd_configs",
    "http_sd_configs",
    "kubernetes_sd_configs",
];

impl SdConfigs {
    pub(crate) fn read(section: &Section<'_>) -> Result<Self> {
        let mut others = BTreeMap::new();
        for kind in KINDS {
            let configs = section.list(kind.key, |node| read_other(kind, node))?;
            if !configs.is_empty() {
                others.insert(kind.key, configs);
            }
        }
        Ok(Self {
            static_configs: section.list("static_configs", TargetGroup::read)?,
            file_sd_configs: section.list("file_sd_configs", FileSdConfig::read)?,
            others,
        })
    }

    /// The discoveries that are configured and that nothing carries out, such as
    /// `zookeeper`'s `serverset_sd_configs`.
    pub fn unsupported(&self) -> impl Iterator<Item = &'static str> {
        self.others.iter().filter_map(|(key, configs)| {
            let is_other_service = |config: &OtherSdConfig| !matches!(config.values().text("role"), "" | "ec2");
            let is_carried_out =
                CARRIED_OUT.contains(key) && !(*key == "aws_sd_configs" && configs.iter().any(is_other_service));
            (!is_carried_out).then_some(*key)
        })
    }
}

impl FileSdConfig {
    fn read(node: &Node) -> Result<Self> {
        read_section(node, "file.plain", |section| {
            let config = Self {
                files: section.texts("files")?,
                refresh_interval: section.duration_or("refresh_interval", Duration::from_mins(5))?,
            };
            if config.files.is_empty() {
                return Err(section.problem("file service discovery config must contain at least one path name"));
            }
            match config.files.iter().find(|file| !is_valid_pattern(file)) {
                None => Ok(config),
                Some(file) => Err(section
                    .problem_at("files", format!("path name {file:?} is not valid for file discovery"))
                    .help("end it with .json, .yml or .yaml, with at most one * in the file's name")),
            }
        })
    }
}

/// `*` only in the last part, and an extension that says YAML or JSON.
fn is_valid_pattern(pattern: &str) -> bool {
    let lower = pattern.to_ascii_lowercase();
    let has_extension = [".json", ".yml", ".yaml"]
        .iter()
        .any(|extension| lower.ends_with(extension));
    has_extension
        && pattern
            .find('*')
            .is_none_or(|star| !pattern[star + 1..].contains(['*', '/']))
}

fn read_other(kind: &schema::SdKind, node: &Node) -> Result<OtherSdConfig> {
    if node.is_null() {
        return Err(
            Problem::at(node.at, format!("empty or null section in {}", kind.key)).help("remove the empty item")
        );
    }
    let http_client = read_section(node, kind.type_name, |section| {
        for (key, field) in kind.fields {
            read_field(section, key, *field)?;
        }
        let http_client = if kind.has_http_client {
            HttpClientConfig::read(section)?
        } else {
            read_tls(section)?;
            HttpClientConfig::default()
        };
        (kind.check)(section, &http_client)?;
        Ok(http_client)
    })?;
    Ok(OtherSdConfig {
        node: node.clone(),
        http_client,
    })
}

fn read_field(section: &Section<'_>, key: &'static str, kind: Kind) -> Result<()> {
    match kind {
        Kind::Text => section.text(key).map(|_| ()),
        Kind::Flag => section.flag(key).map(|_| ()),
        Kind::Count => section.count(key).map(|_| ()),
        Kind::Duration => section.duration(key).map(|_| ()),
        Kind::Texts => section.texts(key).map(|_| ()),
        Kind::TextMap => section.text_map(key).map(|_| ()),
    }
}

impl OtherSdConfig {
    /// The values as written.
    pub fn values(&self) -> SdValues<'_> {
        SdValues::new(&self.node)
    }

    /// How its server is asked.
    pub const fn http_client(&self) -> &HttpClientConfig {
        &self.http_client
    }
}

/// Keys whose values are not shown.
const SECRET_KEYS: [&str; 17] = [
    "password",
    "token",
    "auth_token",
    "bearer_token",
    "credentials",
    "client_secret",
    "secret_key",
    "key",
    "key_passphrase",
    "application_secret",
    "application_credential_secret",
    "consumer_key",
    "service_account_key",
    "private_key",
    "client_certificate_key",
    "secrets",
    "proxy_connect_header",
];

impl Serialize for OtherSdConfig {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        Shown(&self.node).serialize(serializer)
    }
}

/// A node as shown to people: secrets hidden.
struct Shown<'a>(&'a Node);

impl Serialize for Shown<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        match &self.0.value {
            Value::Null => serializer.serialize_none(),
            Value::Scalar(text) => serialize_scalar(text, serializer),
            Value::List(items) => {
                let mut list = serializer.serialize_seq(Some(items.len()))?;
                for item in items {
                    list.serialize_element(&Shown(item))?;
                }
                list.end()
            }
            Value::Map(entries) => {
                let mut map = serializer.serialize_map(Some(entries.len()))?;
                for entry in entries {
                    if SECRET_KEYS.contains(&entry.key.as_str()) {
                        map.serialize_entry(&entry.key, HIDDEN)?;
                    } else {
                        map.serialize_entry(&entry.key, &Shown(&entry.node))?;
                    }
                }
                map.end()
            }
        }
    }
}

/// Numbers and booleans without quotes.
fn serialize_scalar<S: Serializer>(text: &str, serializer: S) -> std::result::Result<S::Ok, S::Error> {
    match (text.parse::<i64>(), text.parse::<bool>()) {
        (Ok(number), _) if number.to_string() == text => serializer.serialize_i64(number),
        (_, Ok(flag)) => serializer.serialize_bool(flag),
        _ => serializer.serialize_str(text),
    }
}
