//! The identity that the environment speaks of, in the order of Microsoft's libraries
//! (<https://learn.microsoft.com/en-us/azure/developer/go/sdk/authentication/credential-chains>).

use std::path::Path;

use super::AzureAd;
use crate::token::{Granted, Refusal};

impl AzureAd {
    /// An application of the environment, else the account of this pod, else the identity of the machine. The
    /// command lines of Azure, which come last there, are not asked.
    pub(super) async fn found(&self, tenant: &str) -> Result<Granted, Refusal> {
        let variable = |name: &str| self.variables.get(name);
        let own_tenant = variable("AZURE_TENANT_ID");
        let client = variable("AZURE_CLIENT_ID");
        if let (Some(tenant), Some(client)) = (own_tenant, client) {
            if let Some(secret) = variable("AZURE_CLIENT_SECRET") {
                return self.of_secret(tenant, client, secret).await;
            }
            if variable("AZURE_CLIENT_CERTIFICATE_PATH").is_some() {
                return Err(Refusal::lasting(
                    "AZURE_CLIENT_CERTIFICATE_PATH is not supported; set AZURE_CLIENT_SECRET or AZURE_FEDERATED_TOKEN_FILE",
                ));
            }
        }
        let tenant = Some(tenant).filter(|tenant| !tenant.is_empty()).or(own_tenant);
        if let (Some(tenant), Some(client), Some(file)) = (tenant, client, variable("AZURE_FEDERATED_TOKEN_FILE")) {
            return self.of_workload(tenant, client, Path::new(file)).await;
        }
        let of_machine = self.machine.token(self.resource(), client.unwrap_or_default());
        of_machine.await.map_err(|refusal| Refusal {
            reason: format!(
                "the environment names no application (AZURE_TENANT_ID, AZURE_CLIENT_ID, and AZURE_CLIENT_SECRET or \
                 AZURE_FEDERATED_TOKEN_FILE), and this machine gives none: {}",
                refusal.reason
            ),
            ..refusal
        })
    }
}
