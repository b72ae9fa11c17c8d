//! Applications that prove who they are by a secret or by the token of a pod's account
//! (<https://learn.microsoft.com/en-us/entra/identity-platform/v2-oauth2-client-creds-grant-flow>).

use std::path::Path;

use super::AzureAd;
use crate::read_secret;
use crate::token::{Granted, Refusal, ask};

const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

impl AzureAd {
    /// The token of an application with a secret.
    pub(super) async fn of_secret(&self, tenant: &str, client: &str, secret: &str) -> Result<Granted, Refusal> {
        self.of_application(tenant, client, &[("client_secret", secret)]).await
    }

    /// The token of what trusts the account of this pod. The file changes while the pod runs.
    pub(super) async fn of_workload(&self, tenant: &str, client: &str, file: &Path) -> Result<Granted, Refusal> {
        let assertion = read_secret(&self.folder, file).await;
        let assertion = assertion.map_err(|error| Refusal::passing(error.to_string()))?;
        let proof = [
            ("client_assertion_type", ASSERTION_TYPE),
            ("client_assertion", &assertion),
        ];
        self.of_application(tenant, client, &proof).await
    }

    async fn of_application(&self, tenant: &str, client: &str, proof: &[(&str, &str)]) -> Result<Granted, Refusal> {
        let mut form = vec![
            ("grant_type", "client_credentials"),
            ("client_id", client),
            ("scope", &self.scope),
        ];
        form.extend(proof);
        let url = format!("{}/{tenant}/oauth2/v2.0/token", self.authority);
        ask(self.client.post(url).form(&form)).await
    }
}
