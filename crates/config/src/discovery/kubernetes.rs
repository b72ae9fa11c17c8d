//! What Kubernetes discovery requires: its keys depend on each other most.

use crate::error::Result;
use crate::http_client::HttpClientConfig;
use crate::section::{Section, read_section};

/// Roles, and whose selectors each may have.
const ROLES: [(&str, &[&str]); 6] = [
    ("pod", &["pod", "node"]),
    ("service", &["service"]),
    ("endpoints", &["pod", "service", "endpoints"]),
    ("endpointslice", &["pod", "service", "endpointslice"]),
    ("node", &["node"]),
    ("ingress", &["ingress"]),
];

pub(super) fn check(section: &Section<'_>, http_client: &HttpClientConfig) -> Result<()> {
    let own_namespace = section
        .section("namespaces", "kubernetes.plain", |namespaces| {
            namespaces.texts("names")?;
            namespaces.flag_or("own_namespace", false)
        })?
        .unwrap_or(false);
    section.section("attach_metadata", "kubernetes.AttachMetadataConfig", |metadata| {
        metadata.flag("node")?;
        metadata.flag("namespace").map(|_| ())
    })?;
    let selectors = selectors(section)?;
    check_server(section, http_client, own_namespace)?;
    check_selectors(section, &selectors)
}

fn check_server(section: &Section<'_>, http_client: &HttpClientConfig, own_namespace: bool) -> Result<()> {
    let has_server = !section.text_or_empty("api_server")?.is_empty();
    let has_kubeconfig = !section.text_or_empty("kubeconfig_file")?.is_empty();
    let has_http = !http_client.is_default();
    let message = match (has_server, has_kubeconfig) {
        (true, true) => "cannot use 'kubeconfig_file' and 'api_server' simultaneously",
        (_, true) if has_http => "cannot use a custom HTTP client configuration together with 'kubeconfig_file'",
        (false, _) if has_http => {
            "to use custom HTTP client configuration please provide the 'api_server' URL explicitly"
        }
        (true, _) if own_namespace => "cannot use 'api_server' and 'namespaces.own_namespace' simultaneously",
        (_, true) if own_namespace => "cannot use 'kubeconfig_file' and 'namespaces.own_namespace' simultaneously",
        _ => return Ok(()),
    };
    Err(section.problem(message))
}

fn selectors(section: &Section<'_>) -> Result<Vec<String>> {
    section.list("selectors", |node| {
        read_section(node, "kubernetes.SelectorConfig", |selector| {
            selector.text("label")?;
            selector.text("field")?;
            selector.text_or_empty("role")
        })
    })
}

fn check_selectors(section: &Section<'_>, selectors: &[String]) -> Result<()> {
    let role = section.text_or_empty("role")?;
    if role.is_empty() {
        return Err(section.problem("role missing (one of: pod, service, endpoints, endpointslice, node, ingress)"));
    }
    let Some((_, allowed)) = ROLES.iter().find(|(name, _)| *name == role) else {
        return Err(section.problem_at("role", format!("unknown Kubernetes SD role {role:?}")));
    };
    for (index, selector) in selectors.iter().enumerate() {
        if selectors[..index].contains(selector) {
            return Err(section.problem_at("selectors", format!("duplicated selector role: {selector}")));
        }
        if !allowed.contains(&selector.as_str()) {
            let message = format!("{role} role supports only {} selectors", allowed.join(", "));
            return Err(section.problem_at("selectors", message));
        }
    }
    Ok(())
}
