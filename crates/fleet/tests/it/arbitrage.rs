//! Arbitrage AI: what its model calls tell by the GenAI conventions, and that its traffic follows the load.

use std::net::SocketAddr;

use serde_json::json;

use crate::fleet::{Service, eventually, metric, metric_reaches};
use crate::receiver::Receiver;

const QUESTION: &str = "Where is olive oil cheaper?";
/// US dollars for a million tokens of arbiter-large, in and out.
const PRICES: (f64, f64) = (2.50, 10.0);
/// Tasks of the usual traffic that are waited for.
const TASKS: f64 = 12.0;
const SUBMITTED: &str =
    "http_request_total{method=\"POST\",route=\"/v1/tasks\",status=\"202\",otel_scope_name=\"skopos-sdk\"}";

fn start(name: &'static str, flags: &[&str], collector: SocketAddr) -> Service {
    let listen = ["--listen", "127.0.0.1:0"];
    Service::start_of("arbitrage", name, &[&listen[..], flags].concat(), collector)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_call_is_a_span_of_the_conventions() {
    drop(rustls::crypto::ring::default_provider().install_default());
    let (receiver, collector) = Receiver::start().await;
    let model = start("model-service", &[], collector);
    let model_url = format!("http://{}", model.address().await);
    let app = start("arbitrage", &["--model", &model_url], collector);
    let task = json!({ "type": "research", "input": QUESTION });
    let request = reqwest::Client::new().post(format!("http://{}/v1/tasks", app.address().await));
    request.json(&task).send().await.expect("the task is taken on");
    let is_call = |name: &str| name == "chat arbiter-large";
    let spans = || receiver.of_service("arbitrage");
    let call = eventually("the call's span", || {
        spans().into_iter().find(|span| is_call(&span.name))
    })
    .await;
    let text = |name: &str| call.attributes[name].as_str();
    for (name, value) in [
        ("gen_ai.operation.name", "chat"),
        ("gen_ai.provider.name", "arbiter"),
        ("gen_ai.request.model", "arbiter-large"),
        ("gen_ai.response.model", "arbiter-large"),
    ] {
        assert_eq!(text(name), value, "{name}");
    }
    assert!(!text("gen_ai.response.id").is_empty());
    let number = |name: &str| text(name).parse::<f64>().expect("a number");
    let (input, output) = (
        number("gen_ai.usage.input_tokens"),
        number("gen_ai.usage.output_tokens"),
    );
    assert!(input > 0.0 && output > 0.0, "{input} in, {output} out");
    let cost = (input * PRICES.0 + output * PRICES.1) / 1e6;
    assert!((number("gen_ai.usage.cost") - cost).abs() < 1e-9, "{cost}");
    assert!(!call.is_error && call.has_unique_keys);
    // Neither prompts nor answers are on spans.
    for span in spans() {
        assert!(
            span.attributes.values().all(|value| !value.contains(QUESTION)),
            "{span:?}"
        );
    }
    let parent = eventually("the task's span", || {
        receiver
            .trace(&call.trace_id)
            .into_iter()
            .find(|span| span.span_id == call.parent_id)
    });
    assert_eq!(parent.await.service, "arbitrage");
}

/// Two systems side by side on one machine: what slows one slows the other.
#[tokio::test(flavor = "multi_thread")]
async fn an_eightfold_load_brings_far_more_tasks_in_the_same_time() {
    drop(rustls::crypto::ring::default_provider().install_default());
    let (_receiver, collector) = Receiver::start().await;
    let (usual, eightfold) = (start("arbitrage", &[], collector), start("arbitrage", &[], collector));
    let (usual, eightfold) = ((usual.address().await, usual), (eightfold.address().await, eightfold));
    let traffic = |address: &str, load: &str| {
        let flags = ["--arbitrage", &format!("http://{address}"), "--load", load];
        Service::start_of("arbitrage", "traffic", &flags, collector)
    };
    let _traffic = [traffic(&usual.0, "1"), traffic(&eightfold.0, "8")];
    metric_reaches(&usual.0, SUBMITTED, TASKS).await;
    let (few, many) = (metric(&usual.0, SUBMITTED).await, metric(&eightfold.0, SUBMITTED).await);
    assert!(many > 3.0 * few, "{many} tasks beside {few}");
}
