//! The proxy of an HTTP client.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::error::Result;
use crate::secret::Secret;
use crate::section::Section;

/// Through whom to connect, inlined in the section of whoever connects.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct ProxyConfig {
    /// The proxy's URL.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub proxy_url: String,
    /// Comma-separated hosts that are not proxied.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub no_proxy: String,
    /// Whether the proxy comes from the environment.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub proxy_from_environment: bool,
    /// Headers for the proxy's CONNECT.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub proxy_connect_header: BTreeMap<String, Vec<Secret>>,
}

impl ProxyConfig {
    pub(super) fn read(section: &Section<'_>) -> Result<Self> {
        let hidden = |values: Vec<String>| values.into_iter().map(Secret::new).collect();
        let headers = section.lists_map("proxy_connect_header")?;
        let headers = headers.into_iter().map(|(name, values)| (name, hidden(values)));
        let proxy = Self {
            proxy_url: section.text_or_empty("proxy_url")?,
            no_proxy: section.text_or_empty("no_proxy")?,
            proxy_from_environment: section.flag_or("proxy_from_environment", false)?,
            proxy_connect_header: headers.collect(),
        };
        proxy.check(section)?;
        Ok(proxy)
    }

    fn check(&self, section: &Section<'_>) -> Result<()> {
        let (url, no_proxy) = (&self.proxy_url, &self.no_proxy);
        if self.proxy_from_environment && !url.is_empty() {
            return Err(section.problem_at(
                "proxy_url",
                "if proxy_from_environment is configured, proxy_url must not be configured",
            ));
        }
        if self.proxy_from_environment && !no_proxy.is_empty() {
            return Err(section.problem_at(
                "no_proxy",
                "if proxy_from_environment is configured, no_proxy must not be configured",
            ));
        }
        if url.is_empty() && !no_proxy.is_empty() {
            return Err(section.problem_at(
                "no_proxy",
                "if no_proxy is configured, proxy_url must also be configured",
            ));
        }
        if !url.is_empty() && url::Url::parse(url).is_err() {
            return Err(section.problem_at("proxy_url", format!("{url:?} is not a URL")));
        }
        let has_proxy = self.proxy_from_environment || !url.is_empty();
        if !self.proxy_connect_header.is_empty() && !has_proxy {
            return Err(section.problem_at(
                "proxy_connect_header",
                "if proxy_connect_header is configured, proxy_url or proxy_from_environment must also be configured",
            ));
        }
        Ok(())
    }
}
