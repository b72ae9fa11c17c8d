//! TLS of a client.

use std::path::Path;
use std::sync::Arc;

use reqwest::tls::Version;
use reqwest::{Certificate, ClientBuilder, Identity};
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme, SupportedProtocolVersion};
use skopos_config::{TlsConfig, TlsVersion};

use crate::HttpClientError;

/// What the settings hold, read from their files.
struct Material {
    authorities: Vec<u8>,
    certificate: Vec<u8>,
    key: Vec<u8>,
}

impl Material {
    fn read(tls: &TlsConfig, folder: &Path) -> Result<Self, HttpClientError> {
        let of_file = |inline: &str, file: &str| {
            if file.is_empty() {
                return Ok(inline.as_bytes().to_vec());
            }
            let path = folder.join(file);
            std::fs::read(&path).map_err(|error| HttpClientError::Read {
                path,
                reason: error.to_string(),
            })
        };
        Ok(Self {
            authorities: of_file(&tls.ca, &tls.ca_file)?,
            certificate: of_file(&tls.cert, &tls.cert_file)?,
            key: of_file(tls.key.expose(), &tls.key_file)?,
        })
    }
}

/// Gives the client the TLS of its settings. Where the settings name the server, the certificate
/// is checked against that name in place of the address'.
pub(crate) fn configured(
    mut builder: ClientBuilder,
    tls: &TlsConfig,
    folder: &Path,
) -> Result<ClientBuilder, HttpClientError> {
    let material = Material::read(tls, folder)?;
    if !tls.server_name.is_empty() {
        return Ok(builder.tls_backend_preconfigured(config_of(tls, &material)?));
    }
    let unusable = |what: &str, error: reqwest::Error| {
        HttpClientError::unusable(format!("tls_config {what}: {}", crate::describe(&error)))
    };
    if !material.authorities.is_empty() {
        let authorities = Certificate::from_pem_bundle(&material.authorities);
        builder = builder.tls_certs_only(authorities.map_err(|error| unusable("ca", error))?);
    }
    if !material.certificate.is_empty() {
        let mut identity = material.certificate;
        identity.push(b'\n');
        identity.extend(material.key);
        let identity = Identity::from_pem(&identity).map_err(|error| unusable("cert and key", error))?;
        builder = builder.identity(identity);
    }
    if let Some(version) = tls.min_version {
        builder = builder.tls_version_min(version_of(version));
    }
    if let Some(version) = tls.max_version {
        builder = builder.tls_version_max(version_of(version));
    }
    Ok(builder.tls_danger_accept_invalid_certs(tls.insecure_skip_verify))
}

const fn version_of(version: TlsVersion) -> Version {
    match version {
        TlsVersion::Tls10 => Version::TLS_1_0,
        TlsVersion::Tls11 => Version::TLS_1_1,
        TlsVersion::Tls12 => Version::TLS_1_2,
        TlsVersion::Tls13 => Version::TLS_1_3,
    }
}

/// The TLS of the settings for connections of other protocols; reads certificate files, relative to `folder`. Where the
/// settings name the server, the certificate is checked against that name in place of the one that is connected to.
pub fn tls_client_config(tls: &TlsConfig, folder: &Path) -> Result<ClientConfig, HttpClientError> {
    config_of(tls, &Material::read(tls, folder)?)
}

fn config_of(tls: &TlsConfig, material: &Material) -> Result<ClientConfig, HttpClientError> {
    let unusable = |reason: String| HttpClientError::unusable(format!("tls_config: {reason}"));
    let provider = CryptoProvider::get_default()
        .cloned()
        .ok_or_else(|| unusable("no TLS crypto provider is installed in this process".to_owned()))?;
    let name = if tls.server_name.is_empty() {
        None
    } else {
        let name = ServerName::try_from(tls.server_name.clone());
        Some(name.map_err(|_| unusable(format!("server_name {:?} is not a name", tls.server_name)))?)
    };
    let inner: Option<Arc<dyn ServerCertVerifier>> = if tls.insecure_skip_verify {
        None
    } else if material.authorities.is_empty() {
        let platform = rustls_platform_verifier::Verifier::new(Arc::clone(&provider));
        Some(Arc::new(platform.map_err(|error| unusable(error.to_string()))?))
    } else {
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(&material.authorities) {
            let certificate = certificate.map_err(|error| unusable(format!("ca: {error}")))?;
            roots
                .add(certificate)
                .map_err(|error| unusable(format!("ca: {error}")))?;
        }
        let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider)).build();
        Some(verifier.map_err(|error| unusable(format!("ca: {error}")))?)
    };
    let verifier = NamedVerifier {
        name,
        inner,
        provider: Arc::clone(&provider),
    };
    let builder = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&versions(tls))
        .map_err(|error| unusable(error.to_string()))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier));
    if material.certificate.is_empty() {
        return Ok(builder.with_no_client_auth());
    }
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&material.certificate).collect();
    let chain = chain.map_err(|error| unusable(format!("cert: {error}")))?;
    let key = PrivateKeyDer::from_pem_slice(&material.key).map_err(|error| unusable(format!("key: {error}")))?;
    builder
        .with_client_auth_cert(chain, key)
        .map_err(|error| unusable(format!("cert and key: {error}")))
}

fn versions(tls: &TlsConfig) -> Vec<&'static SupportedProtocolVersion> {
    let (min, max) = (tls.min_version, tls.max_version);
    let mut versions = Vec::new();
    if min.is_none_or(|min| min <= TlsVersion::Tls12) && max.is_none_or(|max| max >= TlsVersion::Tls12) {
        versions.push(&rustls::version::TLS12);
    }
    if max.is_none_or(|max| max >= TlsVersion::Tls13) {
        versions.push(&rustls::version::TLS13);
    }
    versions
}

/// Checks certificates against one name, whatever the address says, or against the address where there is none.
#[derive(Debug)]
struct NamedVerifier {
    name: Option<ServerName<'static>>,
    /// Nothing is checked where there is none.
    inner: Option<Arc<dyn ServerCertVerifier>>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for NamedVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let name = self.name.as_ref().unwrap_or(server_name);
        match &self.inner {
            Some(inner) => inner.verify_server_cert(end_entity, intermediates, name, ocsp_response, now),
            None => Ok(ServerCertVerified::assertion()),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, cert, dss, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, cert, dss, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
