//! TLS of a listener.

use std::sync::Arc;

use rustls::crypto::{CryptoProvider, SupportedKxGroup, ring};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::NoServerSessionStorage;
use rustls::{ServerConfig, SupportedCipherSuite, SupportedProtocolVersion};
use skopos_config::{ClientAuth, TlsServerConfig, TlsVersion};

use super::clients;

/// Reads what the settings name and joins it to the TLS of a server; what is wrong names the field.
pub(super) fn server_config(tls: &TlsServerConfig, http2: bool) -> Result<ServerConfig, String> {
    let provider = Arc::new(provider(tls)?);
    let chain = certificates("cert", &tls.cert.read()?)?;
    let key = PrivateKeyDer::from_pem_slice(&tls.key.read()?).map_err(|error| format!("key: {error}"))?;
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(&versions(tls))
        .map_err(|error| error.to_string())?;
    let builder = match tls.client_auth {
        ClientAuth::NoClientCert => builder.with_no_client_auth(),
        _ => builder.with_client_cert_verifier(clients::verifier(tls, provider)?),
    };
    let mut config = builder
        .with_single_cert(chain, key)
        .map_err(|error| format!("cert and key: {error}"))?;
    config.ignore_client_order = tls.prefer_server_cipher_suites;
    config.alpn_protocols = if http2 {
        vec![b"h2".to_vec(), b"http/1.1".to_vec()]
    } else {
        vec![b"http/1.1".to_vec()]
    };
    // Each connection has its own configuration, so there is nothing to resume.
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Ok(config)
}

/// The certificates of a PEM text.
pub(super) fn certificates(field: &str, pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, String> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    let found = found.map_err(|error| format!("{field}: {error}"))?;
    if found.is_empty() {
        return Err(format!("{field}: there is no certificate in it"));
    }
    Ok(found)
}

fn provider(tls: &TlsServerConfig) -> Result<CryptoProvider, String> {
    let mut provider = ring::default_provider();
    if !tls.cipher_suites.is_empty() {
        provider.cipher_suites = suites(&tls.cipher_suites);
        // As in Go, the suites of TLS 1.3 are not chosen.
        let is_older = |suite: &SupportedCipherSuite| matches!(suite, SupportedCipherSuite::Tls12(_));
        if tls.max_version < TlsVersion::Tls13 && !provider.cipher_suites.iter().any(is_older) {
            return Err("cipher_suites: none of them is spoken here: GCM and CHACHA20 are, CBC is not".to_owned());
        }
    }
    if !tls.curve_preferences.is_empty() {
        let named = tls.curve_preferences.iter();
        provider.kx_groups = named.filter_map(|name| group(name)).collect();
        if provider.kx_groups.is_empty() {
            return Err(
                "curve_preferences: CurveP521 is not spoken here: add X25519, CurveP256 or CurveP384".to_owned(),
            );
        }
    }
    Ok(provider)
}

/// The suites of TLS 1.3, and those named of before, in the order of the names.
fn suites(names: &[String]) -> Vec<SupportedCipherSuite> {
    let all = ring::ALL_CIPHER_SUITES.iter().copied();
    let newest = all.filter(|suite| matches!(suite, SupportedCipherSuite::Tls13(_)));
    let older = names.iter().filter_map(|name| {
        let mut all = ring::ALL_CIPHER_SUITES.iter().copied();
        all.find(|suite| matches!(suite, SupportedCipherSuite::Tls12(_)) && suite.suite().as_str() == Some(name))
    });
    newest.chain(older).collect()
}

fn group(name: &str) -> Option<&'static dyn SupportedKxGroup> {
    match name {
        "X25519" => Some(ring::kx_group::X25519),
        "CurveP256" => Some(ring::kx_group::SECP256R1),
        "CurveP384" => Some(ring::kx_group::SECP384R1),
        _ => None,
    }
}

fn versions(tls: &TlsServerConfig) -> Vec<&'static SupportedProtocolVersion> {
    let known = [
        (TlsVersion::Tls12, &rustls::version::TLS12),
        (TlsVersion::Tls13, &rustls::version::TLS13),
    ];
    let within = known
        .into_iter()
        .filter(|(version, _)| (tls.min_version..=tls.max_version).contains(version));
    within.map(|(_, version)| version).collect()
}
