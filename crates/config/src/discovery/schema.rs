//! The keys of each service discovery, as upstream has them.

use super::check;
use super::kubernetes;
use crate::error::Result;
use crate::http_client::HttpClientConfig;
use crate::section::Section;

/// What a key holds.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    Text,
    Flag,
    Count,
    Duration,
    Texts,
    TextMap,
}

/// A service discovery: its section's key, type, keys, and what else must hold.
pub(super) struct SdKind {
    pub(super) key: &'static str,
    pub(super) type_name: &'static str,
    pub(super) fields: &'static [(&'static str, Kind)],
    /// Whether HTTP client settings are inlined; otherwise `tls_config` alone may be.
    pub(super) has_http_client: bool,
    pub(super) check: fn(&Section<'_>, &HttpClientConfig) -> Result<()>,
}

use Kind::{Count, Duration, Flag, Text, TextMap, Texts};

const REFRESH: (&str, Kind) = ("refresh_interval", Duration);
const PORT: (&str, Kind) = ("port", Count);

/// A discovery with HTTP client settings.
const fn http(
    key: &'static str,
    type_name: &'static str,
    fields: &'static [(&'static str, Kind)],
    check: fn(&Section<'_>, &HttpClientConfig) -> Result<()>,
) -> SdKind {
    SdKind {
        key,
        type_name,
        fields,
        has_http_client: true,
        check,
    }
}

/// A discovery without HTTP client settings.
const fn plain(
    key: &'static str,
    type_name: &'static str,
    fields: &'static [(&'static str, Kind)],
    check: fn(&Section<'_>, &HttpClientConfig) -> Result<()>,
) -> SdKind {
    SdKind {
        key,
        type_name,
        fields,
        has_http_client: false,
        check,
    }
}

const AWS_FIELDS: &[(&str, Kind)] = &[
    ("role", Text),
    ("endpoint", Text),
    ("region", Text),
    ("access_key", Text),
    ("secret_key", Text),
    ("profile", Text),
    ("role_arn", Text),
    ("external_id", Text),
    ("clusters", Texts),
    ("request_concurrency", Count),
    PORT,
    REFRESH,
];

const ZOOKEEPER_FIELDS: &[(&str, Kind)] = &[("servers", Texts), ("paths", Texts), ("timeout", Duration)];

/// All discoveries but static and file.
pub(super) const KINDS: &[SdKind] = &[
    http("aws_sd_configs", "aws.plain", AWS_FIELDS, check::ec2),
    http(
        "azure_sd_configs",
        "azure.plain",
        &[
            ("environment", Text),
            ("subscription_id", Text),
            ("tenant_id", Text),
            ("client_id", Text),
            ("client_secret", Text),
            ("authentication_method", Text),
            ("resource_group", Text),
            PORT,
            REFRESH,
        ],
        check::azure,
    ),
    http(
        "consul_sd_configs",
        "consul.plain",
        &[
            ("server", Text),
            ("path_prefix", Text),
            ("token", Text),
            ("datacenter", Text),
            ("namespace", Text),
            ("partition", Text),
            ("tag_separator", Text),
            ("scheme", Text),
            ("username", Text),
            ("password", Text),
            ("allow_stale", Flag),
            ("services", Texts),
            ("tags", Texts),
            ("node_meta", TextMap),
            ("filter", Text),
            ("health_filter", Text),
            REFRESH,
        ],
        check::consul,
    ),
    http(
        "digitalocean_sd_configs",
        "digitalocean.plain",
        &[PORT, REFRESH],
        check::nothing,
    ),
    http(
        "docker_sd_configs",
        "moby.plain",
        &[
            ("host", Text),
            ("host_networking_host", Text),
            ("match_first_network", Flag),
            PORT,
            REFRESH,
        ],
        check::docker,
    ),
    http(
        "dockerswarm_sd_configs",
        "moby.plain",
        &[("host", Text), ("role", Text), PORT, REFRESH],
        check::dockerswarm,
    ),
    plain(
        "dns_sd_configs",
        "dns.plain",
        &[("names", Texts), ("type", Text), PORT, REFRESH],
        check::dns,
    ),
    http("ec2_sd_configs", "aws.plain", AWS_FIELDS, check::ec2),
    http(
        "eureka_sd_configs",
        "eureka.plain",
        &[("server", Text), REFRESH],
        check::eureka,
    ),
    plain(
        "gce_sd_configs",
        "gce.plain",
        &[
            ("project", Text),
            ("zone", Text),
            ("filter", Text),
            ("tag_separator", Text),
            PORT,
            REFRESH,
        ],
        check::gce,
    ),
    http(
        "hetzner_sd_configs",
        "hetzner.plain",
        &[("role", Text), ("label_selector", Text), PORT, REFRESH],
        check::hetzner,
    ),
    http("http_sd_configs", "http.plain", &[("url", Text), REFRESH], check::http),
    http(
        "ionos_sd_configs",
        "ionos.plain",
        &[("datacenter_id", Text), PORT, REFRESH],
        check::ionos,
    ),
    http(
        "kubernetes_sd_configs",
        "kubernetes.plain",
        &[("api_server", Text), ("role", Text), ("kubeconfig_file", Text)],
        kubernetes::check,
    ),
    http(
        "kuma_sd_configs",
        "xds.plain",
        &[
            ("server", Text),
            ("client_id", Text),
            ("fetch_timeout", Duration),
            REFRESH,
        ],
        check::kuma,
    ),
    http("lightsail_sd_configs", "aws.plain", AWS_FIELDS, check::nothing),
    http(
        "linode_sd_configs",
        "linode.plain",
        &[("tag_separator", Text), ("region", Text), PORT, REFRESH],
        check::nothing,
    ),
    http(
        "marathon_sd_configs",
        "marathon.plain",
        &[
            ("servers", Texts),
            ("auth_token", Text),
            ("auth_token_file", Text),
            REFRESH,
        ],
        check::marathon,
    ),
    plain(
        "nerve_sd_configs",
        "zookeeper.plain",
        ZOOKEEPER_FIELDS,
        check::zookeeper,
    ),
    http(
        "nomad_sd_configs",
        "nomad.plain",
        &[
            ("allow_stale", Flag),
            ("namespace", Text),
            ("region", Text),
            ("server", Text),
            ("tag_separator", Text),
            REFRESH,
        ],
        check::nomad,
    ),
    http(
        "oci_sd_configs",
        "oci.plain",
        &[
            ("region", Text),
            ("tenancy", Text),
            ("user", Text),
            ("fingerprint", Text),
            ("key_file", Text),
            ("key_passphrase", Text),
            ("compartments", Texts),
            ("tag_separator", Text),
            PORT,
            REFRESH,
        ],
        check::nothing,
    ),
    plain(
        "openstack_sd_configs",
        "openstack.plain",
        &[
            ("role", Text),
            ("region", Text),
            ("identity_endpoint", Text),
            ("username", Text),
            ("userid", Text),
            ("password", Text),
            ("domain_name", Text),
            ("domain_id", Text),
            ("project_name", Text),
            ("project_id", Text),
            ("application_credential_name", Text),
            ("application_credential_id", Text),
            ("application_credential_secret", Text),
            ("all_tenants", Flag),
            ("availability", Text),
            PORT,
            REFRESH,
        ],
        check::openstack,
    ),
    http(
        "outscale_sd_configs",
        "outscale.plain",
        &[
            ("region", Text),
            ("access_key", Text),
            ("secret_key", Text),
            ("secret_key_file", Text),
            PORT,
            REFRESH,
        ],
        check::outscale,
    ),
    plain(
        "ovhcloud_sd_configs",
        "ovhcloud.plain",
        &[
            ("endpoint", Text),
            ("application_key", Text),
            ("application_secret", Text),
            ("consumer_key", Text),
            ("service", Text),
            REFRESH,
        ],
        check::ovhcloud,
    ),
    http(
        "puppetdb_sd_configs",
        "puppetdb.plain",
        &[
            ("url", Text),
            ("query", Text),
            ("include_parameters", Flag),
            PORT,
            REFRESH,
        ],
        check::puppetdb,
    ),
    http(
        "scaleway_sd_configs",
        "scaleway.plain",
        &[
            ("access_key", Text),
            ("secret_key", Text),
            ("secret_key_file", Text),
            ("project_id", Text),
            ("role", Text),
            ("api_url", Text),
            ("zone", Text),
            ("name_filter", Text),
            ("tags_filter", Texts),
            PORT,
            REFRESH,
        ],
        check::scaleway,
    ),
    plain(
        "serverset_sd_configs",
        "zookeeper.plain",
        ZOOKEEPER_FIELDS,
        check::zookeeper,
    ),
    http(
        "stackit_sd_configs",
        "stackit.plain",
        &[
            ("project", Text),
            ("region", Text),
            ("endpoint", Text),
            ("service_account_key", Text),
            ("service_account_key_path", Text),
            ("private_key", Text),
            ("private_key_path", Text),
            ("credentials_file_path", Text),
            PORT,
            REFRESH,
        ],
        check::stackit,
    ),
    plain(
        "triton_sd_configs",
        "triton.plain",
        &[
            ("account", Text),
            ("role", Text),
            ("dns_suffix", Text),
            ("endpoint", Text),
            ("groups", Texts),
            ("version", Count),
            PORT,
            REFRESH,
        ],
        check::triton,
    ),
    http(
        "uyuni_sd_configs",
        "uyuni.plain",
        &[
            ("server", Text),
            ("username", Text),
            ("password", Text),
            ("entitlement", Text),
            ("separator", Text),
            REFRESH,
        ],
        check::uyuni,
    ),
    http(
        "vultr_sd_configs",
        "vultr.plain",
        &[("tag_separator", Text), PORT, REFRESH],
        check::nothing,
    ),
];
