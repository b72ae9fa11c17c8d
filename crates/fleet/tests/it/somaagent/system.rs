//! The six services on free ports, and a caller at their door.

use reqwest::{Client, Method, StatusCode};
use serde_json::{Value, json};

use crate::fleet::Service;
use crate::receiver::Receiver;

const NAME: &str = "somaagent";
/// The caller's trace, to which all requests belong.
pub(crate) const TRACE_ID: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT_ID: &str = "00f067aa0ba902b7";

pub(crate) struct System {
    pub(crate) receiver: Receiver,
    pub(crate) services: Vec<Service>,
    /// Addresses in the order orchestrator, gateway-api, policy-engine, identity-service, slm-service, analytics-service.
    pub(crate) addresses: Vec<(&'static str, String)>,
    client: Client,
}

impl System {
    pub(crate) async fn start(policy_flags: &[&str], analytics_flags: &[&str]) -> Self {
        drop(rustls::crypto::ring::default_provider().install_default());
        let (receiver, collector) = Receiver::start().await;
        let start = |name, flags: &[&str]| {
            let flags = [&["--listen", "127.0.0.1:0"], flags].concat();
            Service::start_of(NAME, name, &flags, collector)
        };
        let policy = start("policy-engine", policy_flags);
        let identity = start("identity-service", &[]);
        let slm = start("slm-service", &[]);
        let analytics = start("analytics-service", analytics_flags);
        let url = |address: &str| format!("http://{address}");
        let at = [&policy, &identity, &slm, &analytics];
        let mut addresses = Vec::new();
        for service in at {
            addresses.push(service.address().await);
        }
        let [policy_url, identity_url, slm_url, analytics_url] = [0, 1, 2, 3].map(|n| url(&addresses[n]));
        let flags = [
            "--policy",
            &policy_url,
            "--slm",
            &slm_url,
            "--analytics",
            &analytics_url,
        ];
        let orchestrator = start("orchestrator", &flags);
        let orchestrator_address = orchestrator.address().await;
        let orchestrator_url = url(&orchestrator_address);
        let more = ["--identity", &identity_url, "--orchestrator", &orchestrator_url];
        let gateway = start("gateway-api", &[&flags[..], &more[..]].concat());
        let gateway_address = gateway.address().await;
        let names = ["policy-engine", "identity-service", "slm-service", "analytics-service"];
        let mut addresses: Vec<(&'static str, String)> = names.into_iter().zip(addresses).collect();
        addresses.push(("orchestrator", orchestrator_address));
        addresses.push(("gateway-api", gateway_address));
        Self {
            receiver,
            services: vec![gateway, orchestrator, policy, identity, slm, analytics],
            addresses,
            client: Client::new(),
        }
    }

    pub(crate) fn address(&self, service: &str) -> &str {
        let found = self.addresses.iter().find(|(name, _)| *name == service);
        &found.expect("a service of the system").1
    }

    pub(crate) async fn ask(
        &self,
        token: Option<&str>,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> (StatusCode, Value) {
        let mut request = self
            .client
            .request(method, format!("http://{}{path}", self.address("gateway-api")))
            .header("traceparent", format!("00-{TRACE_ID}-{PARENT_ID}-01"));
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        if let Some(body) = body {
            request = request.json(&body);
        }
        let answer = request.send().await.expect("the gateway answers");
        (answer.status(), answer.json().await.expect("JSON"))
    }

    pub(crate) async fn login(&self, user: &str) -> String {
        let body = json!({ "user": user, "password": format!("demo-{user}") });
        let (status, body) = self.ask(None, Method::POST, "/v1/login", Some(body)).await;
        assert_eq!(status, StatusCode::CREATED, "{body}");
        body["token"].as_str().expect("a token").to_owned()
    }

    pub(crate) async fn post(&self, token: &str, path: &str, body: Value) -> (StatusCode, Value) {
        self.ask(Some(token), Method::POST, path, Some(body)).await
    }

    pub(crate) async fn get(&self, token: &str, path: &str) -> (StatusCode, Value) {
        self.ask(Some(token), Method::GET, path, None).await
    }
}
