//! `azuread` of `remote_write`: who asks Microsoft Entra ID for tokens, and in which cloud.

use serde::Serialize;
use uuid::Uuid;

use crate::error::Result;
use crate::secret::Secret;
use crate::section::Section;

/// Where the webhook of AKS puts the token of a workload's account.
const WORKLOAD_TOKEN_FILE: &str = "/var/run/secrets/azure/tokens/azure-identity-token";

/// Whose token goes with requests.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AzureAdConfig {
    /// Who asks.
    #[serde(flatten)]
    pub identity: AzureIdentity,
    /// The cloud.
    pub cloud: AzureCloud,
    /// What a token is asked for; the cloud's ingestion of metrics where empty.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub scope: String,
}

/// A cloud of Microsoft.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub enum AzureCloud {
    /// That of most.
    #[default]
    AzurePublic,
    /// That of China.
    AzureChina,
    /// That of the government of the USA.
    AzureGovernment,
}

/// Who asks for tokens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AzureIdentity {
    /// The identity of the machine.
    ManagedIdentity(AzureManagedIdentity),
    /// The account of a pod, which an application or identity trusts.
    WorkloadIdentity(AzureWorkloadIdentity),
    /// An application with a secret.
    #[serde(rename = "oauth")]
    OAuth(AzureOAuth),
    /// Whichever is found, in the order of Microsoft's libraries.
    Sdk(AzureSdk),
}

/// The identity of the machine.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct AzureManagedIdentity {
    /// Which of the identities that were given to the machine; empty for its own.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub client_id: String,
}

/// The account of a pod.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct AzureWorkloadIdentity {
    /// The application or identity.
    pub client_id: String,
    /// Its directory.
    pub tenant_id: String,
    /// The file with the token of the pod's account.
    pub token_file_path: String,
}

/// An application with a secret.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct AzureOAuth {
    /// The application.
    pub client_id: String,
    /// Its secret.
    pub client_secret: Secret,
    /// Its directory.
    pub tenant_id: String,
}

/// The identity that is found.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct AzureSdk {
    /// The directory; that of the identity where empty.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub tenant_id: String,
}

impl AzureAdConfig {
    pub(crate) fn read(section: &Section<'_>) -> Result<Self> {
        let clouds = [
            ("", AzureCloud::AzurePublic),
            ("AzurePublic", AzureCloud::AzurePublic),
            ("AzureChina", AzureCloud::AzureChina),
            ("AzureGovernment", AzureCloud::AzureGovernment),
        ];
        let cloud = section.choice("cloud", &clouds, |_| {
            "must provide a cloud in the Azure AD config".to_owned()
        })?;
        let scope = section.text_or_empty("scope")?;
        let is_plain = |c: char| c.is_ascii_alphanumeric() || c.is_ascii_whitespace() || "_:/.-".contains(c);
        let identity = AzureIdentity::read(section)?;
        if !scope.chars().all(is_plain) {
            return Err(section.problem_at("scope", "the provided scope contains invalid characters"));
        }
        Ok(Self {
            identity,
            cloud: cloud.unwrap_or_default(),
            scope,
        })
    }
}

impl AzureIdentity {
    fn read(section: &Section<'_>) -> Result<Self> {
        let known = [
            section
                .section(
                    "managed_identity",
                    "azuread.ManagedIdentityConfig",
                    AzureManagedIdentity::read,
                )?
                .map(Self::ManagedIdentity),
            section
                .section(
                    "workload_identity",
                    "azuread.WorkloadIdentityConfig",
                    AzureWorkloadIdentity::read,
                )?
                .map(Self::WorkloadIdentity),
            section
                .section("oauth", "azuread.OAuthConfig", AzureOAuth::read)?
                .map(Self::OAuth),
            section
                .section("sdk", "azuread.SDKConfig", AzureSdk::read)?
                .map(Self::Sdk),
        ];
        let mut found = known.into_iter().flatten();
        let Some(identity) = found.next() else {
            return Err(section
                .problem("must provide an Azure Managed Identity, Azure Workload Identity, Azure OAuth or Azure SDK in the Azure AD config")
                .help("for the identity of the machine write managed_identity: {}"));
        };
        if found.next().is_some() {
            return Err(section
                .problem("cannot provide multiple authentication methods in the Azure AD config")
                .help("keep one of managed_identity, workload_identity, oauth and sdk"));
        }
        Ok(identity)
    }
}

impl AzureManagedIdentity {
    fn read(section: &Section<'_>) -> Result<Self> {
        let client_id = section.text_or_empty("client_id")?;
        if !client_id.is_empty() {
            check_uuid(section, "Managed Identity", "client_id", &client_id)?;
        }
        Ok(Self { client_id })
    }
}

impl AzureWorkloadIdentity {
    fn read(section: &Section<'_>) -> Result<Self> {
        let kind = "Workload Identity";
        let client_id = needed(section, kind, "client_id")?;
        let tenant_id = needed(section, kind, "tenant_id")?;
        check_uuid(section, kind, "client_id", &client_id)?;
        check_uuid(section, kind, "tenant_id", &tenant_id)?;
        let path = section.text("token_file_path")?.filter(|path| !path.is_empty());
        Ok(Self {
            client_id,
            tenant_id,
            token_file_path: path.unwrap_or_else(|| WORKLOAD_TOKEN_FILE.to_owned()),
        })
    }
}

impl AzureOAuth {
    fn read(section: &Section<'_>) -> Result<Self> {
        let kind = "OAuth";
        let client_id = needed(section, kind, "client_id")?;
        let client_secret = Secret::new(needed(section, kind, "client_secret")?);
        let tenant_id = needed(section, kind, "tenant_id")?;
        check_uuid(section, kind, "client_id", &client_id)?;
        check_tenant(section, kind, &tenant_id)?;
        Ok(Self {
            client_id,
            client_secret,
            tenant_id,
        })
    }
}

impl AzureSdk {
    fn read(section: &Section<'_>) -> Result<Self> {
        let tenant_id = section.text_or_empty("tenant_id")?;
        check_tenant(section, "SDK", &tenant_id)?;
        Ok(Self { tenant_id })
    }
}

fn needed(section: &Section<'_>, kind: &str, key: &'static str) -> Result<String> {
    let value = section.text_or_empty(key)?;
    if value.is_empty() {
        return Err(section.problem_at(
            key,
            format!("must provide an Azure {kind} {key} in the Azure AD config"),
        ));
    }
    Ok(value)
}

fn check_uuid(section: &Section<'_>, kind: &str, key: &str, value: &str) -> Result<()> {
    match Uuid::try_parse(value) {
        Ok(_) => Ok(()),
        Err(error) => Err(section
            .problem_at(key, format!("the provided Azure {kind} {key} is invalid"))
            .help(format!("it is a UUID, which {value:?} is not: {error}"))),
    }
}

/// A directory is named by its id or by its domain, which become a part of the token's URL.
fn check_tenant(section: &Section<'_>, kind: &str, tenant_id: &str) -> Result<()> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '.';
    if tenant_id.chars().all(is_plain) {
        return Ok(());
    }
    Err(section.problem_at("tenant_id", format!("the provided Azure {kind} tenant_id is invalid")))
}

#[cfg(test)]
mod tests;
