//! Which identities are taken, which are refused and why, and what is shown of them.

use std::path::Path;

use crate::{AzureCloud, AzureIdentity, PrometheusConfig, RemoteWriteConfig};

const CLIENT: &str = "00000000-a12b-3cd4-e56f-000000000000";

fn load(remote: &str) -> Result<PrometheusConfig, String> {
    let text = format!("remote_write: [{{url: 'http://a/', {remote}}}]");
    PrometheusConfig::parse(&text, Path::new("prometheus.yml")).map_err(|error| error.to_string())
}

fn remote(azuread: &str) -> RemoteWriteConfig {
    let config = load(&format!("azuread: {azuread}"));
    config.expect(azuread).remote_write.remove(0)
}

#[test]
fn each_kind_of_identity_is_read() {
    let azuread = remote("{managed_identity: {}}").azuread.expect("a section");
    assert_eq!(azuread.cloud, AzureCloud::AzurePublic);
    assert!(matches!(azuread.identity, AzureIdentity::ManagedIdentity(own) if own.client_id.is_empty()));

    let text = format!("{{cloud: AzureChina, workload_identity: {{client_id: {CLIENT}, tenant_id: {CLIENT}}}}}");
    let azuread = remote(&text).azuread.expect("a section");
    assert_eq!(azuread.cloud, AzureCloud::AzureChina);
    let AzureIdentity::WorkloadIdentity(workload) = azuread.identity else {
        panic!("{:?}", azuread.identity);
    };
    assert_eq!(
        workload.token_file_path,
        "/var/run/secrets/azure/tokens/azure-identity-token"
    );

    let azuread = remote("{sdk: {tenant_id: contoso.example}, scope: 'api://a-b_c/.default'}").azuread;
    assert_eq!(azuread.expect("a section").scope, "api://a-b_c/.default");
}

#[test]
fn a_secret_is_not_shown() {
    let oauth = format!("{{oauth: {{client_id: {CLIENT}, client_secret: hunter2, tenant_id: contoso.example}}}}");
    let yaml = load(&format!("azuread: {oauth}")).expect("good").to_yaml();
    let shown = format!(
        "oauth:\n      client_id: {CLIENT}\n      client_secret: <secret>\n      tenant_id: contoso.example\n    cloud: AzurePublic"
    );
    assert!(yaml.contains(&shown) && !yaml.contains("hunter2"), "{yaml}");
}

#[test]
fn what_prometheus_refuses_is_refused_in_its_words() {
    let tenant = "tenant_id: 00000000-a12b-3cd4-e56f-00000000000b";
    let cases = [
        (
            "{}".to_owned(),
            "must provide an Azure Managed Identity, Azure Workload Identity, Azure OAuth or Azure SDK",
        ),
        ("{sdk: }".to_owned(), "must provide an Azure Managed Identity"),
        (
            "{managed_identity: {}, sdk: {}}".to_owned(),
            "cannot provide multiple authentication methods",
        ),
        (
            "{cloud: AzureMoon, sdk: {}}".to_owned(),
            "must provide a cloud in the Azure AD config",
        ),
        (
            "{managed_identity: {client_id: foo}}".to_owned(),
            "the provided Azure Managed Identity client_id is invalid",
        ),
        (
            "{managed_identity: {tenant_id: a}}".to_owned(),
            "field tenant_id not found in type azuread.ManagedIdentityConfig",
        ),
        (
            format!("{{workload_identity: {{{tenant}}}}}"),
            "must provide an Azure Workload Identity client_id",
        ),
        (
            format!("{{workload_identity: {{client_id: {CLIENT}}}}}"),
            "must provide an Azure Workload Identity tenant_id",
        ),
        (
            format!("{{workload_identity: {{client_id: {CLIENT}, tenant_id: contoso.example}}}}"),
            "the provided Azure Workload Identity tenant_id is invalid",
        ),
        (
            format!("{{oauth: {{client_secret: s, {tenant}}}}}"),
            "must provide an Azure OAuth client_id",
        ),
        (
            format!("{{oauth: {{client_id: {CLIENT}, {tenant}}}}}"),
            "must provide an Azure OAuth client_secret",
        ),
        (
            format!("{{oauth: {{client_id: {CLIENT}, client_secret: s}}}}"),
            "must provide an Azure OAuth tenant_id",
        ),
        (
            format!("{{oauth: {{client_id: no, client_secret: s, {tenant}}}}}"),
            "the provided Azure OAuth client_id is invalid",
        ),
        (
            "{sdk: {tenant_id: '../other'}}".to_owned(),
            "the provided Azure SDK tenant_id is invalid",
        ),
        (
            "{sdk: {}, scope: 'a?b'}".to_owned(),
            "the provided scope contains invalid characters",
        ),
    ];
    for (azuread, reason) in cases {
        let refused = load(&format!("azuread: {azuread}")).expect_err(&azuread);
        assert!(refused.contains(reason), "{azuread}: {refused}");
    }
}

#[test]
fn credentials_stand_alone() {
    let cases = [
        ("azuread: {sdk: {}}, google_iam: {}", "[azuread google_iam]"),
        ("azuread: {sdk: {}}, basic_auth: {username: u}", "[basic_auth azuread]"),
        ("sigv4: {}, google_iam: {credentials_file: f}", "[sigv4 google_iam]"),
    ];
    for (both, named) in cases {
        let refused = load(both).expect_err(both);
        let reason = format!(
            "at most one of basic_auth, authorization, oauth2, sigv4, azuread or google_iam must be configured. Currently configured: {named}"
        );
        assert!(refused.contains(&reason), "{both}: {refused}");
    }
    let config = load("google_iam: {credentials_file: key.json}").expect("good");
    assert!(
        config.to_yaml().contains("credentials_file: key.json"),
        "{}",
        config.to_yaml()
    );
    assert!(
        load("google_iam: {}").expect("good").remote_write[0]
            .google_iam
            .is_some()
    );
}
