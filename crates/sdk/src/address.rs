//! Where a call goes, without what may be secret: no user, no password, no query, no fragment.

use url::Url;

/// The parts of a URL that telemetry may show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Address {
    /// The URL (or what was given as one) without user, password, query and fragment.
    pub(crate) plain: String,
    pub(crate) host: Option<String>,
    pub(crate) port: Option<u16>,
}

impl Address {
    /// Reads a URL; a text that is none is cut at its query or fragment.
    pub(crate) fn read(text: &str) -> Self {
        match Url::parse(text) {
            Ok(url) if url.has_host() => Self::of(&url),
            _ => Self {
                plain: text.split(['?', '#']).next().unwrap_or_default().to_owned(),
                host: None,
                port: None,
            },
        }
    }

    pub(crate) fn of(url: &Url) -> Self {
        let mut plain = url.clone();
        plain.set_query(None);
        plain.set_fragment(None);
        // Fails for a URL that cannot have a user, which is as well.
        plain
            .set_username("")
            .and_then(|()| plain.set_password(None))
            .unwrap_or_default();
        Self {
            plain: plain.into(),
            host: url.host_str().map(str::to_owned),
            port: url.port_or_known_default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_left_out() {
        let address = Address::read("https://user:pw@market.test:8443/a/b?token=t#f");
        assert_eq!(address.plain, "https://market.test:8443/a/b");
        assert_eq!(
            (address.host.as_deref(), address.port),
            (Some("market.test"), Some(8443))
        );
        assert_eq!(Address::read("/v1/chat?key=k").plain, "/v1/chat");
        assert_eq!(Address::read("redis://:pw@cache:6379/0").plain, "redis://cache:6379/0");
    }
}
