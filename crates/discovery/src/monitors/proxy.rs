//! The proxy of scrapes and of token requests: `ProxyConfig` of the operator's API.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::json;

use super::endpoint::set;
use super::references::KeyOf;
use super::{Job, Maker};

/// Through which proxy requests go.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Proxy {
    #[serde(rename = "proxyUrl")]
    pub(super) url: Option<String>,
    #[serde(rename = "noProxy")]
    except: Option<String>,
    #[serde(rename = "proxyFromEnvironment")]
    from_environment: Option<bool>,
    #[serde(rename = "proxyConnectHeader")]
    connect_header: Option<BTreeMap<String, Vec<KeyOf>>>,
}

impl Proxy {
    /// Sets what is written; an error names a Secret that is not among the objects.
    pub(super) fn set(&self, section: &mut Job, namespace: &str, maker: &Maker<'_>) -> Result<(), String> {
        set(section, "proxy_url", self.url.as_ref());
        set(section, "no_proxy", self.except.as_ref());
        set(section, "proxy_from_environment", self.from_environment.as_ref());
        let mut headers = Job::new();
        for (name, keys) in self.connect_header.iter().flatten() {
            let values = keys.iter().map(|key| maker.references.secret(namespace, key));
            headers.insert(name.clone(), json!(values.collect::<Result<Vec<_>, _>>()?));
        }
        if !headers.is_empty() {
            section.insert("proxy_connect_header".to_owned(), json!(headers));
        }
        Ok(())
    }
}
