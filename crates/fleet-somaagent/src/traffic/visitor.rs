//! Carries a journey out against the gateway.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use axum::http::StatusCode;
use reqwest::{Client, Method, RequestBuilder};
use serde_json::{Value, json};
use skopos_fleet_frame::FleetError;
use skopos_sdk::log::{self, chain};
use tokio_util::sync::CancellationToken;

use super::plan::{Journey, Mistake};
use crate::gateway::{Execution, ProjectText, Wish};
use crate::identity::users::demo_password;
use crate::identity::{Issued, Login};
use crate::peer;

/// Reads of a project, and the pause before each.
const READS: u32 = 20;
const READ_PAUSE: Duration = Duration::from_millis(500);
/// A project whose items wait for one another.
const CIRCLE: &str = "workflow: build-app\n- a: the cache (after b)\n- b: the queue (after a)";
/// What the small tenant buys.
const SMALL_CAPSULE: &str = "tide-reader";

/// The visitors' side of the gateway.
#[derive(Debug)]
pub(super) struct Visitor {
    client: Client,
    gateway: String,
    /// Tokens by user.
    tokens: Mutex<HashMap<String, String>>,
    stop: CancellationToken,
}

/// What the gateway said.
struct Answer {
    status: StatusCode,
    body: Value,
}

impl Visitor {
    pub(super) fn new(gateway: &str, stop: CancellationToken) -> Result<Self, FleetError> {
        Ok(Self {
            client: peer::client()?,
            gateway: gateway.trim_end_matches('/').to_owned(),
            tokens: Mutex::default(),
            stop,
        })
    }

    /// Whether the gateway and all services behind it are up.
    pub(super) async fn is_system_ready(&self) -> bool {
        let ready = self.client.get(format!("{}/ready", self.gateway)).send().await;
        ready.is_ok_and(|answer| answer.status().is_success())
    }

    pub(super) async fn travel(&self, journey: &Journey) {
        match journey {
            Journey::Project { user, text } => self.project(user, text).await,
            Journey::Shop { user, words, buys } => self.shop(user, words, *buys).await,
            Journey::Run { user, capsule, input } => {
                self.execute(user, capsule, input).await;
            }
            Journey::Report { user, name } => {
                self.ask(user, Method::GET, &format!("/v1/reports/{name}"), None).await;
            }
            Journey::SmallPurchase { user } => {
                self.buy(user, SMALL_CAPSULE).await;
            }
            Journey::Mistake(mistake) => self.err(*mistake).await,
        }
    }

    /// Hands a project in and reads it until it has ended.
    async fn project(&self, user: &str, text: &str) {
        let Some(accepted) = self.hand_in(user, text).await else {
            return;
        };
        let Some(id) = accepted.body["project_id"].as_str() else {
            return;
        };
        let path = format!("/v1/projects/{id}");
        for _ in 0..READS {
            tokio::select! {
                () = self.stop.cancelled() => return,
                () = tokio::time::sleep(READ_PAUSE) => {}
            }
            let read = self.ask(user, Method::GET, &path, None).await;
            if read.is_none_or(|read| read.body["state"] != "running") {
                return;
            }
        }
    }

    async fn hand_in(&self, user: &str, text: &str) -> Option<Answer> {
        let project = json!(ProjectText { text: text.to_owned() });
        self.ask(user, Method::POST, "/v1/projects", Some(&project)).await
    }

    /// Searches, then buys and runs what is found first.
    async fn shop(&self, user: &str, words: &str, buys: bool) {
        let request = self
            .client
            .get(format!("{}/v1/marketplace/search", self.gateway))
            .query(&[("q", words)]);
        let Some(found) = self.send_as(user, request).await else {
            return;
        };
        let Some(capsule) = found.body["capsules"][0]["id"].as_str() else {
            return;
        };
        if buys
            && self
                .buy(user, capsule)
                .await
                .is_some_and(|answer| answer.status.is_success())
        {
            self.execute(user, capsule, words).await;
        }
    }

    async fn buy(&self, user: &str, capsule: &str) -> Option<Answer> {
        let wish = json!(Wish {
            capsule: capsule.to_owned()
        });
        self.ask(user, Method::POST, "/v1/marketplace/purchases", Some(&wish))
            .await
    }

    async fn execute(&self, user: &str, capsule: &str, input: &str) -> Option<Answer> {
        let execution = json!(Execution {
            input: input.to_owned()
        });
        let path = format!("/v1/capsules/{capsule}/executions");
        self.ask(user, Method::POST, &path, Some(&execution)).await
    }

    async fn err(&self, mistake: Mistake) {
        match mistake {
            Mistake::NoToken => {
                let request = self
                    .client
                    .get(format!("{}/v1/reports/revenue-by-tenant", self.gateway));
                self.send(request).await;
            }
            Mistake::WrongPassword => {
                self.login("ada", "a wrong one").await;
            }
            Mistake::NotAllowed => {
                self.hand_in("goran", CIRCLE).await;
            }
            Mistake::Circle => {
                self.hand_in("ada", CIRCLE).await;
            }
        }
    }

    async fn ask(&self, user: &str, method: Method, path: &str, body: Option<&Value>) -> Option<Answer> {
        let request = self.client.request(method, format!("{}{path}", self.gateway));
        let request = match body {
            Some(body) => request.json(body),
            None => request,
        };
        self.send_as(user, request).await
    }

    /// Sends with the user's token, which is fetched where there is none and forgotten where it is void.
    async fn send_as(&self, user: &str, request: RequestBuilder) -> Option<Answer> {
        let known = self.tokens().get(user).cloned();
        let token = match known {
            Some(token) => token,
            None => self.login(user, &demo_password(user)).await?,
        };
        let answer = self.send(request.bearer_auth(token)).await?;
        if answer.status == StatusCode::UNAUTHORIZED {
            self.tokens().remove(user);
        }
        Some(answer)
    }

    async fn login(&self, user: &str, password: &str) -> Option<String> {
        let login = Login {
            user: user.to_owned(),
            password: password.to_owned(),
        };
        let request = self.client.post(format!("{}/v1/login", self.gateway)).json(&login);
        let answer = self.send(request).await?;
        let issued: Issued = serde_json::from_value(answer.body).ok()?;
        self.tokens().insert(user.to_owned(), issued.token.clone());
        Some(issued.token)
    }

    async fn send(&self, request: RequestBuilder) -> Option<Answer> {
        let response = match skopos_sdk::client::send(&self.client, request).await {
            Ok(response) => response,
            Err(error) => {
                log::warn!(error = chain(&error), "the gateway does not answer");
                return None;
            }
        };
        let status = response.status();
        Some(Answer {
            status,
            body: response.json().await.unwrap_or_default(),
        })
    }

    fn tokens(&self) -> std::sync::MutexGuard<'_, HashMap<String, String>> {
        self.tokens.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
