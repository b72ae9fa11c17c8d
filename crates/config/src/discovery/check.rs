//! What each service discovery requires of its values, in upstream's words.

use crate::error::Result;
use crate::http_client::HttpClientConfig;
use crate::section::{Section, read_section};

#[expect(clippy::unnecessary_wraps, reason = "it stands in a table of checks")]
pub(super) fn nothing(_: &Section<'_>, _: &HttpClientConfig) -> Result<()> {
    Ok(())
}

/// Refuses an absent or empty text.
fn require(section: &Section<'_>, key: &'static str, message: &str) -> Result<()> {
    if section.text_or_empty(key)?.is_empty() {
        return Err(section.problem_at(key, message).help(format!("set {key}")));
    }
    Ok(())
}

fn require_all(section: &Section<'_>, keys: &[&'static str], message: impl Fn(&str) -> String) -> Result<()> {
    keys.iter().try_for_each(|key| require(section, key, &message(key)))
}

fn require_one_of(section: &Section<'_>, key: &'static str, roles: &[&str], missing: &str) -> Result<()> {
    let role = section.text_or_empty(key)?;
    if role.is_empty() {
        return Err(section
            .problem(missing)
            .help(format!("use one of: {}", roles.join(", "))));
    }
    if roles.contains(&role.as_str()) {
        return Ok(());
    }
    Err(section
        .problem_at(key, format!("unknown {key} {role:?}"))
        .help(format!("use one of: {}", roles.join(", "))))
}

fn require_http_url(section: &Section<'_>, key: &'static str) -> Result<()> {
    require(section, key, "URL is missing")?;
    let text = section.text_or_empty(key)?;
    let scheme_length = text.find("://").unwrap_or(0);
    let (scheme, rest) = text.split_at(scheme_length);
    if !matches!(scheme, "http" | "https") {
        return Err(section.problem_at(key, "URL scheme must be 'http' or 'https'"));
    }
    let authority = rest.trim_start_matches("://").split('/').next().unwrap_or_default();
    if authority.is_empty() {
        return Err(section.problem_at(key, "host is missing in URL"));
    }
    match url::Url::parse(&text) {
        Ok(_) => Ok(()),
        Err(error) => Err(section.problem_at(key, format!("{text:?} is not a URL: {error}"))),
    }
}

/// `filters`: names, and values of which none is empty.
fn filters(section: &Section<'_>, empty: &str) -> Result<()> {
    for node in section.items("filters")? {
        let values = read_section(node, "struct", |filter| {
            filter.text("name")?;
            filter.texts("values")
        })?;
        if values.is_empty() {
            return Err(section.problem_at("filters", empty));
        }
    }
    Ok(())
}

pub(super) fn azure(section: &Section<'_>, http_client: &HttpClientConfig) -> Result<()> {
    let message = |key: &str| format!("azure SD configuration requires a {key}");
    require_all(section, &["subscription_id"], message)?;
    let method = section
        .text("authentication_method")?
        .unwrap_or_else(|| "OAuth".to_owned());
    match method.as_str() {
        "OAuth" => require_all(section, &["tenant_id", "client_id", "client_secret"], message)?,
        "ManagedIdentity" | "SDK" | "WorkloadIdentity" => {}
        other => {
            return Err(section.problem_at(
                "authentication_method",
                format!("unknown authentication_type {other:?}. Supported types are \"OAuth\", \"ManagedIdentity\", \"SDK\" or \"WorkloadIdentity\""),
            ));
        }
    }
    let has_own =
        http_client.basic_auth.is_some() || http_client.authorization.is_some() || http_client.oauth2.is_some();
    if has_own {
        return Err(section.problem("azure_sd: credentials of the HTTP client cannot be set"));
    }
    Ok(())
}

pub(super) fn consul(section: &Section<'_>, http_client: &HttpClientConfig) -> Result<()> {
    if section.has("server") {
        require(section, "server", "consul SD configuration requires a server address")?;
    }
    if !section.text_or_empty("username")?.is_empty() && http_client.basic_auth.is_some() {
        return Err(section
            .problem("at most one of consul SD configuration username and password and basic auth can be configured"));
    }
    if !section.text_or_empty("token")?.is_empty()
        && (http_client.authorization.is_some() || http_client.oauth2.is_some())
    {
        return Err(section.problem("at most one of consul SD token, authorization, or oauth2 can be configured"));
    }
    Ok(())
}

pub(super) fn docker(section: &Section<'_>, _: &HttpClientConfig) -> Result<()> {
    filters(section, "docker filter values cannot be empty")?;
    require(section, "host", "host missing")
}

pub(super) fn dockerswarm(section: &Section<'_>, _: &HttpClientConfig) -> Result<()> {
    filters(section, "docker filter values cannot be empty")?;
    require(section, "host", "host missing")?;
    let missing = "role missing (one of: tasks, services, nodes)";
    require_one_of(section, "role", &["services", "nodes", "tasks"], missing)
}

pub(super) fn dns(section: &Section<'_>, _: &HttpClientConfig) -> Result<()> {
    if section.texts("names")?.is_empty() {
        return Err(section.problem("DNS-SD config must contain at least one SRV record name"));
    }
    let record = section.text("type")?.unwrap_or_else(|| "SRV".to_owned()).to_uppercase();
    match record.as_str() {
        "SRV" => Ok(()),
        "A" | "AAAA" | "MX" | "NS" if section.count_or("port", 0)? == 0 => {
            Err(section.problem("a port is required in DNS-SD configs for all record types except SRV"))
        }
        "A" | "AAAA" | "MX" | "NS" => Ok(()),
        other => Err(section.problem_at("type", format!("invalid DNS-SD records type {other}"))),
    }
}

pub(super) fn ec2(section: &Section<'_>, _: &HttpClientConfig) -> Result<()> {
    filters(section, "EC2 SD configuration filter values cannot be empty")
}

pub(super) fn eureka(section: &Section<'_>, _: &HttpClientConfig) -> Result<()> {
    require(section, "server", "eureka_sd: empty or null eureka server")
}

pub(super) fn gce(section: &Section<'_>, _: &HttpClientConfig) -> Result<()> {
    require_all(section, &["project", "zone"], |key| {
        format!("GCE SD configuration requires a {key}")
    })
}

pub(super) fn hetzner(section: &Section<'_>, _: &HttpClientConfig) -> Result<()> {
    require_one_of(
        section,
        "role",
        &["robot", "hcloud"],
        "role missing (one of: robot, hcloud)",
    )
}

pub(super) fn http(section: &Section<'_>, _: &HttpClientConfig) -> Result<()> {
    require_http_url(section, "url")
}

pub(super) fn ionos(section: &Section<'_>, _: &HttpClientConfig) -> Result<()> {
    require(section, "datacenter_id", "datacenter id can't be empty")
}

pub(super) fn kuma(section: &Section<'_>, _: &HttpClientConfig) -> Result<()> {
    require(section, "server", "kuma SD server must not be empty")
}

pub(super) fn marathon(section: &Section<'_>, http_client: &HttpClientConfig) -> Result<()> {
    if section.texts("servers")?.is_empty() {
        return Err(section.problem("marathon_sd: must contain at least one Marathon server"));
    }
    let token = !section.text_or_empty("auth_token")?.is_empty();
    let token_file = !section.text_or_empty("auth_token_file")?.is_empty();
    if token && token_file {
        return Err(section.problem("marathon_sd: at most one of auth_token & auth_token_file must be configured"));
    }
    if !token && !token_file {
        return Ok(());
    }
    if http_client.basic_auth.is_some() {
        return Err(
            section.problem("marathon_sd: at most one of basic_auth, auth_token & auth_token_file must be configured")
        );
    }
    if http_client.authorization.is_some() {
        return Err(section.problem(
            "marathon_sd: at most one of bearer_token, bearer_token_file, auth_token & auth_token_file must be configured",
        ));
    }
    Ok(())
}

pub(super) fn nomad(section: &Section<'_>, _: &HttpClientConfig) -> Result<()> {
    if section.has("server") {
        require(section, "server", "nomad SD configuration requires a server address")?;
    }
    Ok(())
}

pub(super) fn openstack(section: &Section<'_>, _: &HttpClientConfig) -> Result<()> {
    let roles = ["instance", "hypervisor", "loadbalancer"];
    require_one_of(
        section,
        "role",
        &roles,
        "role missing (one of: instance, hypervisor, loadbalancer)",
    )?;
    require(section, "region", "openstack SD configuration requires a region")
}

pub(super) fn outscale(section: &Section<'_>, _: &HttpClientConfig) -> Result<()> {
    require_all(section, &["region", "access_key"], |key| {
        let article = if key.starts_with('a') { "an" } else { "a" };
        format!("outscale SD configuration requires {article} {key}")
    })?;
    secret_key(section)
}

/// Exactly one of the key and its file.
fn secret_key(section: &Section<'_>) -> Result<()> {
    let key = section.text_or_empty("secret_key")?;
    let file = section.text_or_empty("secret_key_file")?;
    if key.is_empty() == file.is_empty() {
        return Err(section.problem("one of secret_key & secret_key_file must be configured"));
    }
    Ok(())
}

pub(super) fn ovhcloud(section: &Section<'_>, _: &HttpClientConfig) -> Result<()> {
    require(section, "endpoint", "endpoint can not be empty")?;
    require(section, "application_key", "application key can not be empty")?;
    require(section, "application_secret", "application secret can not be empty")?;
    require(section, "consumer_key", "consumer key can not be empty")?;
    require_one_of(
        section,
        "service",
        &["vps", "dedicated_server"],
        "service can not be empty",
    )
}

pub(super) fn puppetdb(section: &Section<'_>, _: &HttpClientConfig) -> Result<()> {
    require_http_url(section, "url")?;
    require(section, "query", "query missing")
}

pub(super) fn scaleway(section: &Section<'_>, _: &HttpClientConfig) -> Result<()> {
    let missing = "role missing (one of: instance, baremetal)";
    require_one_of(section, "role", &["instance", "baremetal"], missing)?;
    require(section, "project_id", "project_id is mandatory")?;
    secret_key(section)?;
    require(section, "access_key", "access_key is mandatory")
}

pub(super) fn stackit(section: &Section<'_>, _: &HttpClientConfig) -> Result<()> {
    let endpoint = section.text_or_empty("endpoint")?;
    if !endpoint.is_empty() && url::Url::parse(&endpoint).is_err() {
        return Err(section
            .problem_at("endpoint", format!("invalid endpoint {endpoint:?}"))
            .help("write a URL, such as https://host"));
    }
    Ok(())
}

pub(super) fn triton(section: &Section<'_>, _: &HttpClientConfig) -> Result<()> {
    if !matches!(section.text_or_empty("role")?.as_str(), "" | "container" | "cn") {
        return Err(section.problem_at(
            "role",
            "triton SD configuration requires role to be 'container' or 'cn'",
        ));
    }
    require_all(section, &["account", "dns_suffix", "endpoint"], |key| {
        let article = if key.starts_with('d') { "a" } else { "an" };
        format!("triton SD configuration requires {article} {key}")
    })
}

pub(super) fn uyuni(section: &Section<'_>, _: &HttpClientConfig) -> Result<()> {
    require(section, "server", "Uyuni SD configuration requires server host")?;
    require(section, "username", "Uyuni SD configuration requires a username")?;
    require(section, "password", "Uyuni SD configuration requires a password")
}

pub(super) fn zookeeper(section: &Section<'_>, _: &HttpClientConfig) -> Result<()> {
    if section.texts("servers")?.is_empty() {
        return Err(section.problem("serverset SD config must contain at least one Zookeeper server"));
    }
    let paths = section.texts("paths")?;
    if paths.is_empty() {
        return Err(section.problem("serverset SD config must contain at least one path"));
    }
    match paths.iter().find(|path| !path.starts_with('/')) {
        Some(path) => Err(section.problem_at(
            "paths",
            format!("serverset SD config paths must begin with '/': {path}"),
        )),
        None => Ok(()),
    }
}
