//! The recommender's services as processes, and what the test asks of them.

use std::time::{Duration, Instant};

use reqwest::{Client, RequestBuilder, StatusCode};
use serde_json::Value;

use crate::fleet::Service;
use crate::receiver::Receiver;

const SYSTEM: &str = "recommender";
/// The trace that all requests are part of.
pub(super) const TRACE_ID: &str = "5bf92f3577b34da6a3ce929d0e0e4736";
const PARENT_ID: &str = "10f067aa0ba902b7";

/// The running services.
pub(super) struct System {
    pub(super) receiver: Receiver,
    pub(super) services: Vec<Service>,
    pub(super) broker: String,
    pub(super) pipeline: String,
    pub(super) engine: String,
    pub(super) backend: String,
    pub(super) client: Client,
}

impl System {
    pub(super) async fn start() -> Self {
        drop(rustls::crypto::ring::default_provider().install_default());
        let (receiver, collector) = Receiver::start().await;
        let listen = ["--listen", "127.0.0.1:0"];
        let broker = Service::start_of("infra", "broker", &listen, collector);
        let broker_address = broker.address().await;
        let bus = format!("kafka://{broker_address}");
        let start = |name, flags: &[&str]| Service::start_of(SYSTEM, name, &[&listen[..], flags].concat(), collector);
        let pipeline = start("data-pipeline", &["--bus", &bus]);
        let pipeline_address = pipeline.address().await;
        let pipeline_url = format!("http://{pipeline_address}");
        let engine = start("ml-engine", &["--pipeline", &pipeline_url]);
        let engine_address = engine.address().await;
        let engine_url = format!("http://{engine_address}");
        let flags = ["--bus", &bus, "--ml-engine", &engine_url, "--pipeline", &pipeline_url];
        // Neither Redis nor PostgreSQL: the service's own cache and file serve.
        let backend = start(
            "backend-api",
            &[&flags[..], &["--redis", "", "--database", ""]].concat(),
        );
        Self {
            receiver,
            broker: broker_address,
            pipeline: pipeline_address,
            engine: engine_address,
            backend: backend.address().await,
            services: vec![backend, engine, pipeline, broker],
            client: Client::new(),
        }
    }

    pub(super) async fn ready(&self) {
        let started = Instant::now();
        loop {
            let answer = self.client.get(format!("http://{}/ready", self.backend)).send().await;
            if answer.is_ok_and(|answer| answer.status().is_success()) {
                return;
            }
            assert!(started.elapsed() < Duration::from_mins(2), "the backend is not ready");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.backend)
    }

    pub(super) async fn ask(&self, tenant: &str, request: RequestBuilder) -> (StatusCode, Value) {
        let answer = request
            .header("x-tenant-id", tenant)
            .header("x-user-id", "user-7")
            .header("x-request-id", "the-test")
            .header("traceparent", format!("00-{TRACE_ID}-{PARENT_ID}-01"))
            .send()
            .await
            .expect("the backend answers");
        let status = answer.status();
        (status, answer.json().await.expect("answers are JSON"))
    }

    pub(super) async fn get(&self, tenant: &str, path: &str) -> (StatusCode, Value) {
        self.ask(tenant, self.client.get(self.url(path))).await
    }
}
