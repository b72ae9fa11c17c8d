//! The file that tells a client where a cluster is and who asks
//! (<https://kubernetes.io/docs/concepts/configuration/organize-cluster-access-kubeconfig/>).

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use skopos_config::{Authorization, BasicAuth, HttpClientConfig, ProxyConfig, Secret, TlsConfig};

use crate::error::DiscoveryError;

/// What a kubeconfig's current context says.
#[derive(Debug)]
pub(super) struct Access {
    /// The address of the API server.
    pub(super) server: String,
    /// How it is asked.
    pub(super) client: HttpClientConfig,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
struct Kubeconfig {
    current_context: String,
    contexts: Vec<NamedContext>,
    clusters: Vec<NamedCluster>,
    users: Vec<NamedUser>,
}

#[derive(Debug, Deserialize)]
struct NamedContext {
    name: String,
    context: Context,
}

#[derive(Debug, Deserialize)]
struct NamedCluster {
    name: String,
    cluster: Cluster,
}

#[derive(Debug, Deserialize)]
struct NamedUser {
    name: String,
    user: User,
}

#[derive(Debug, Deserialize)]
struct Context {
    cluster: String,
    #[serde(default)]
    user: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
struct Cluster {
    server: String,
    certificate_authority: String,
    certificate_authority_data: String,
    insecure_skip_tls_verify: bool,
    tls_server_name: String,
    proxy_url: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
struct User {
    token: String,
    #[serde(rename = "tokenFile")]
    token_file: String,
    client_certificate: String,
    client_certificate_data: String,
    client_key: String,
    client_key_data: String,
    username: String,
    password: String,
    exec: Option<serde_json::Value>,
    auth_provider: Option<serde_json::Value>,
}

/// Reads the current context of a file.
pub(super) fn read(path: &Path) -> Result<Access, DiscoveryError> {
    let wrong = |reason: String| DiscoveryError::unusable(format!("{}: {reason}", path.display()));
    let text = std::fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
    let config: Kubeconfig = serde_saphyr::from_str(&text).map_err(|error| wrong(error.to_string()))?;
    let named = config.contexts.iter().find(|one| one.name == config.current_context);
    let context = &named
        .ok_or_else(|| {
            wrong(format!(
                "there is no context {:?}: set current-context",
                config.current_context
            ))
        })?
        .context;
    let named = config.clusters.iter().find(|one| one.name == context.cluster);
    let cluster = &named
        .ok_or_else(|| wrong(format!("there is no cluster {:?}", context.cluster)))?
        .cluster;
    let named = config.users.iter().find(|one| one.name == context.user);
    let user = match named {
        Some(one) => &one.user,
        None if context.user.is_empty() => &User::default(),
        None => return Err(wrong(format!("there is no user {:?}", context.user))),
    };
    if user.exec.is_some() || user.auth_provider.is_some() {
        return Err(wrong(format!(
            "user {:?} gets its credentials from a program, which is not run here: give it a token or a client certificate",
            context.user
        )));
    }
    // Relative paths start at the folder of the file.
    let folder = path.parent().unwrap_or(Path::new("."));
    Ok(Access {
        server: cluster.server.trim_end_matches('/').to_owned(),
        client: client(cluster, user, folder).map_err(wrong)?,
    })
}

fn client(cluster: &Cluster, user: &User, folder: &Path) -> Result<HttpClientConfig, String> {
    let file = |name: &str| {
        if name.is_empty() {
            String::new()
        } else {
            folder.join(name).display().to_string()
        }
    };
    let tls_config = TlsConfig {
        ca: decoded("certificate-authority-data", &cluster.certificate_authority_data)?,
        ca_file: file(&cluster.certificate_authority),
        cert: decoded("client-certificate-data", &user.client_certificate_data)?,
        cert_file: file(&user.client_certificate),
        key: Secret::new(decoded("client-key-data", &user.client_key_data)?),
        key_file: file(&user.client_key),
        server_name: cluster.tls_server_name.clone(),
        insecure_skip_verify: cluster.insecure_skip_tls_verify,
        ..TlsConfig::default()
    };
    let has_token = !user.token.is_empty() || !user.token_file.is_empty();
    Ok(HttpClientConfig {
        authorization: has_token.then(|| Authorization {
            scheme: "Bearer".to_owned(),
            credentials: Secret::new(&user.token),
            // A file holds the newer token: it is renewed there.
            credentials_file: file(&user.token_file),
        }),
        basic_auth: (!user.username.is_empty()).then(|| BasicAuth {
            username: user.username.clone(),
            password: Secret::new(&user.password),
            ..BasicAuth::default()
        }),
        tls_config,
        proxy: ProxyConfig {
            proxy_url: cluster.proxy_url.clone(),
            ..ProxyConfig::default()
        },
        ..HttpClientConfig::default()
    })
}

fn decoded(key: &str, data: &str) -> Result<String, String> {
    let bytes = STANDARD
        .decode(data.trim())
        .map_err(|error| format!("{key} is no base64: {error}"))?;
    String::from_utf8(bytes).map_err(|_| format!("{key} holds no PEM text"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Result<Access, String> {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("config");
        std::fs::write(&path, text).expect("writable");
        read(&path).map_err(|error| error.to_string())
    }

    #[test]
    fn the_current_context_is_read() {
        let access = of("apiVersion: v1\nkind: Config\ncurrent-context: b\ncontexts:\n- {name: a, context: {cluster: x, user: y}}\n- {name: b, context: {cluster: c, user: u, namespace: n}}\nclusters:\n- {name: c, cluster: {server: 'https://k:6443/', certificate-authority-data: aGk=, tls-server-name: k}}\nusers:\n- {name: u, user: {token: hidden, client-certificate: cert.pem, client-key: key.pem}}\n").expect("good");
        assert_eq!(access.server, "https://k:6443");
        assert_eq!(access.client.tls_config.ca, "hi");
        assert!(access.client.tls_config.cert_file.ends_with("/cert.pem"));
        let authorization = access.client.authorization.expect("a token");
        assert_eq!(authorization.credentials.expose(), "hidden");
    }

    #[test]
    fn what_cannot_be_used_is_said() {
        for (text, said) in [
            ("{}", "current-context"),
            (
                "current-context: a\ncontexts: [{name: a, context: {cluster: c}}]",
                "no cluster \"c\"",
            ),
            (
                "current-context: a\ncontexts: [{name: a, context: {cluster: c, user: u}}]\nclusters: [{name: c, cluster: {server: s}}]\nusers: [{name: u, user: {exec: {command: aws}}}]",
                "not run here",
            ),
        ] {
            let error = of(text).expect_err(text);
            assert!(error.contains(said), "{error}");
        }
    }
}
