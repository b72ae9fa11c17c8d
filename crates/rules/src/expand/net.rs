//! Host names and ports, as Go's `net` sees them.

use std::net::IpAddr;

/// Host and port of `host:port`, `[host]:port`; `None` where there is no port.
fn split_host_port(text: &str) -> Option<(&str, &str)> {
    let (host, port) = text.rsplit_once(':')?;
    if let Some(inner) = host.strip_prefix('[') {
        return Some((inner.strip_suffix(']')?, port));
    }
    (!host.contains([':', '[', ']']) && !port.contains([']', '['])).then_some((host, port))
}

pub(super) fn strip_port(text: &str) -> &str {
    split_host_port(text).map_or(text, |(host, _)| host)
}

pub(super) fn strip_domain(text: &str) -> String {
    let (host, port) = split_host_port(text).unwrap_or((text, ""));
    if host.parse::<IpAddr>().is_ok() {
        return text.to_owned();
    }
    let first = host.split('.').next().unwrap_or(host);
    if port.is_empty() {
        return first.to_owned();
    }
    format!("{first}:{port}")
}
