//! `oauth2` of an endpoint or probe: whose token it shows.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::endpoint::{TlsConfig, set};
use super::proxy::Proxy;
use super::references::{KeyOf, KeyOfEither};
use super::{Job, Maker};

/// The client and where its tokens are had.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct OAuth2 {
    client_id: KeyOfEither,
    client_secret: KeyOf,
    token_url: String,
    scopes: Option<Vec<String>>,
    endpoint_params: Option<BTreeMap<String, String>>,
    tls_config: Option<TlsConfig>,
    #[serde(flatten)]
    proxy: Proxy,
    /// What is written and not done.
    #[serde(flatten)]
    others: Map<String, Value>,
}

impl OAuth2 {
    /// The section of the job; an error names a Secret or ConfigMap that is not among the objects.
    pub(super) fn section(&self, job: &Job, namespace: &str, maker: &mut Maker<'_>) -> Result<Value, String> {
        maker.warn_of(job, &self.others);
        let mut section = Job::new();
        let client = maker.references.either(namespace, &self.client_id)?;
        set(&mut section, "client_id", client.as_ref());
        let secret = maker.references.secret(namespace, &self.client_secret)?;
        section.insert("client_secret".to_owned(), json!(secret));
        set(&mut section, "token_url", Some(&self.token_url));
        set(&mut section, "scopes", self.scopes.as_ref());
        set(&mut section, "endpoint_params", self.endpoint_params.as_ref());
        if let Some(tls) = &self.tls_config {
            section.insert("tls_config".to_owned(), tls.section(namespace, maker)?);
        }
        self.proxy.set(&mut section, namespace, maker)?;
        Ok(Value::Object(section))
    }
}
