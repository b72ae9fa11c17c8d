//! The certificate of payment-provider: who issues it, who trusts it, which one is presented, and when it expires.
//!
//! The authority's key is made from the secret that provider and customer share, so that each knows the same authority and
//! no file has to be brought from one to the other.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use hmac::{Hmac, Mac};
use jiff::Timestamp;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, date_time_ymd};
use reqwest::Client;
use rustls::ServerConfig;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use sha2::Sha256;
use skopos_fleet_frame::{Context, Fault, FleetError};

use crate::faults::CERTIFICATE_EXPIRED;
use crate::peer;

/// Names under which the provider is reached.
const NAMES: [&str; 3] = ["localhost", "127.0.0.1", crate::PAYMENTS];
const HOUR: i64 = 3600;
/// What a certificate lasts; each start of the provider issues a new one.
const LIFETIME: i64 = 90 * 24 * HOUR;
/// An Ed25519 private key in PKCS #8 is this and the 32 bytes of its seed, RFC 8410 section 7.
const PKCS8_ED25519: [u8; 16] = [
    0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20,
];

type Authority = CertifiedIssuer<'static, KeyPair>;

/// The client of a customer: it trusts the provider's authority alone and shakes hands for every payment.
pub(crate) fn client(timeout: Duration, secret: &str) -> Result<Client, FleetError> {
    let authority = authority(secret).map_err(failed("make the certificate authority"))?;
    let root = reqwest::Certificate::from_der(authority.der()).map_err(FleetError::HttpClient)?;
    peer::builder(timeout)
        .https_only(true)
        .tls_certs_only([root])
        .pool_max_idle_per_host(0)
        .build()
        .map_err(FleetError::HttpClient)
}

/// What the provider serves HTTPS with. Its certificate's expiry is a metric from here on.
pub(super) fn server_config(secret: &str, context: &Context) -> Result<Arc<ServerConfig>, FleetError> {
    let presented = Presented::new(secret, context.faults.get(CERTIFICATE_EXPIRED))
        .map_err(failed("issue the certificate of the payment provider"))?;
    let presented = Arc::new(presented);
    observe(&presented, context);
    let mut config = ServerConfig::builder()
        .with_no_client_auth()
        .with_cert_resolver(presented);
    // A session that is resumed would not look at the certificate again, RFC 8446 section 2.2.
    config.send_tls13_tickets = 0;
    Ok(Arc::new(config))
}

fn observe(presented: &Arc<Presented>, context: &Context) {
    let presented = Arc::clone(presented);
    // The registry keeps the instrument; the handle does nothing.
    let _instrument = context
        .observability
        .meter(crate::PAYMENTS)
        .i64_observable_gauge("tls.certificate.expiry.timestamp")
        .with_unit("s")
        .with_description("When the certificate that clients are shown expires (notAfter), in seconds since 1970.")
        .with_callback(move |gauge| gauge.observe(presented.current().not_after, &[]))
        .build();
}

fn failed(action: &str) -> impl FnOnce(Box<dyn Error + Send + Sync>) -> FleetError {
    let action = action.to_owned();
    |source| FleetError::Needed { action, source }
}

fn authority(secret: &str) -> Result<Authority, Box<dyn Error + Send + Sync>> {
    let mut seed = <Hmac<Sha256> as Mac>::new_from_slice(secret.as_bytes())?;
    seed.update(b"certificate authority");
    let key = [&PKCS8_ED25519[..], &seed.finalize().into_bytes()].concat();
    let key = KeyPair::try_from(&PrivatePkcs8KeyDer::from(key))?;
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    Ok(CertifiedIssuer::self_signed(params, key)?)
}

/// Chooses what a client is shown: the valid certificate, or an expired one while the fault is on.
#[derive(Debug)]
struct Presented {
    valid: Issued,
    expired: Issued,
    is_expired: Fault,
}

#[derive(Debug)]
struct Issued {
    key: Arc<CertifiedKey>,
    /// Seconds since 1970.
    not_after: i64,
}

impl Presented {
    fn new(secret: &str, is_expired: Fault) -> Result<Self, Box<dyn Error + Send + Sync>> {
        let (authority, now) = (authority(secret)?, Timestamp::now().as_second());
        Ok(Self {
            // Clocks may differ a little.
            valid: Issued::new(&authority, now - HOUR)?,
            expired: Issued::new(&authority, now - HOUR - LIFETIME)?,
            is_expired,
        })
    }

    fn current(&self) -> &Issued {
        if self.is_expired.is_on() {
            &self.expired
        } else {
            &self.valid
        }
    }
}

impl ResolvesServerCert for Presented {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.current().key))
    }
}

impl Issued {
    fn new(authority: &Authority, not_before: i64) -> Result<Self, Box<dyn Error + Send + Sync>> {
        let not_after = not_before + LIFETIME;
        let key = KeyPair::generate()?;
        let mut params = CertificateParams::new(NAMES.map(str::to_owned))?;
        let date = |seconds| date_time_ymd(1970, 1, 1) + Duration::from_secs(seconds);
        params.not_before = date(not_before.try_into()?);
        params.not_after = date(not_after.try_into()?);
        let certificate = params.signed_by(&key, authority)?;
        let provider = CryptoProvider::get_default().ok_or("no crypto provider is installed")?;
        let chain = vec![certificate.der().clone()];
        let key = PrivatePkcs8KeyDer::from(key.serialize_der()).into();
        Ok(Self {
            key: Arc::new(CertifiedKey::from_der(chain, key, provider)?),
            not_after,
        })
    }
}
