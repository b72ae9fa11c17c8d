//! Tokens of Google, as `google_iam` of `remote_write` asks for them: of a file, or the Application Default
//! Credentials (<https://cloud.google.com/docs/authentication/application-default-credentials>).

mod credentials;

use std::path::{Path, PathBuf};
use std::time::Duration;

use reqwest::Client;
use skopos_config::GoogleIamConfig;

use crate::token::{Granted, Refusal, TIMEOUT, TokenCache, ask, whole_life};
use crate::{ClientOptions, HttpClientError, Variables, describe, read_secret};
use credentials::CredentialsFile;

/// What samples are written with.
const SCOPE: &str = "https://www.googleapis.com/auth/monitoring.write";
/// Where a machine of Google asks about itself.
const METADATA_HOST: &str = "169.254.169.254";
const METADATA_TIMEOUT: Duration = Duration::from_secs(5);

/// Asks for tokens and keeps them while they live.
#[derive(Debug)]
pub(crate) struct GoogleIam {
    credentials_file: String,
    client: Client,
    metadata: Client,
    folder: PathBuf,
    variables: Variables,
    cache: TokenCache,
}

impl GoogleIam {
    pub(crate) fn new(
        config: &GoogleIamConfig,
        options: ClientOptions<'_>,
        variables: Variables,
    ) -> Result<Self, HttpClientError> {
        let builder = |timeout| Client::builder().user_agent(options.user_agent).timeout(timeout);
        let unusable = |error: reqwest::Error| HttpClientError::unusable(describe(&error));
        Ok(Self {
            credentials_file: config.credentials_file.clone(),
            client: builder(TIMEOUT).build().map_err(unusable)?,
            metadata: builder(METADATA_TIMEOUT).no_proxy().build().map_err(unusable)?,
            folder: options.folder.to_owned(),
            variables,
            cache: TokenCache::default(),
        })
    }

    /// The headers of a request.
    pub(crate) async fn headers(&self) -> Result<Vec<(&'static str, String)>, HttpClientError> {
        let headers = self.cache.headers("", whole_life, self.fetch()).await;
        headers.map_err(|refusal| refusal.of("google_iam"))
    }

    /// Forgets the token; whether there was one.
    pub(crate) async fn forget(&self) -> bool {
        self.cache.forget().await
    }

    async fn fetch(&self) -> Result<Granted, Refusal> {
        let (mut granted, project) = match self.file() {
            Some(path) => self.of_file(&path).await?,
            None => (self.of_machine().await?, String::new()),
        };
        let of_environment = self.variables.get("GOOGLE_CLOUD_QUOTA_PROJECT");
        let project = of_environment.unwrap_or(&project);
        if !project.is_empty() {
            granted.headers.push(("x-goog-user-project", project.to_owned()));
        }
        Ok(granted)
    }

    /// The file with the credentials, if there is one.
    fn file(&self) -> Option<PathBuf> {
        if !self.credentials_file.is_empty() {
            return Some(self.folder.join(&self.credentials_file));
        }
        if let Some(path) = self.variables.get("GOOGLE_APPLICATION_CREDENTIALS") {
            return Some(path.into());
        }
        let of_gcloud =
            Path::new(self.variables.get("HOME")?).join(".config/gcloud/application_default_credentials.json");
        of_gcloud.exists().then_some(of_gcloud)
    }

    /// The token of the credentials in a file, and the project that its use is charged to.
    async fn of_file(&self, path: &Path) -> Result<(Granted, String), Refusal> {
        let text = read_secret(&self.folder, path).await;
        let text = text.map_err(|error| Refusal::passing(error.to_string()))?;
        let file = CredentialsFile::read(&text);
        let file = file.map_err(|reason| Refusal::lasting(format!("{}: {reason}", path.display())))?;
        let granted = file.token(&self.client, SCOPE).await?;
        Ok((granted, file.quota_project_id))
    }

    /// The token of the machine's account.
    async fn of_machine(&self) -> Result<Granted, Refusal> {
        let host = self.variables.get("GCE_METADATA_HOST").unwrap_or(METADATA_HOST);
        let url = format!("http://{host}/computeMetadata/v1/instance/service-accounts/default/token");
        let request = self.metadata.get(&url).query(&[("scopes", SCOPE)]);
        let granted = ask(request.header("Metadata-Flavor", "Google")).await;
        granted.map_err(|refusal| Refusal {
            reason: format!(
                "no default credentials: set credentials_file or GOOGLE_APPLICATION_CREDENTIALS; this is no machine of \
                 Google that gives any: {url}: {}",
                refusal.reason
            ),
            ..refusal
        })
    }
}
