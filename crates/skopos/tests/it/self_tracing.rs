//! The `tracing` section in the built program: what it sends about itself is found by Jaeger's API, in another server or
//! in itself.

use std::path::Path;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use crate::program::Program;
use crate::webhook::eventually;

/// A span of a caller: its trace and its own id.
const CALLER: (&str, &str) = ("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7");
/// A query whose evaluation has some parts.
const QUERY: &str = "sum by (job) (rate(asked_total[5m])) > -1";

/// Asks for [`QUERY`] as a part of the caller's trace.
async fn ask(program: &Program, (trace, span): (&str, &str), flags: &str) {
    let request = reqwest::Client::new()
        .get(format!("{}/api/v1/query", program.url))
        .query(&[("query", QUERY)])
        .header("traceparent", format!("00-{trace}-{span}-{flags}"));
    assert_eq!(request.send().await.expect("an answer").status(), 200);
}

/// The spans of a trace that a server holds.
async fn spans(program: &Program, trace: &str) -> Vec<Value> {
    let answer = reqwest::get(format!("{}/jaeger/api/traces/{trace}", program.url)).await;
    let answer: Value = answer.expect("an answer").json().await.expect("JSON");
    answer["data"][0]["spans"].as_array().cloned().unwrap_or_default()
}

/// Waits until a trace has a span of that name.
async fn wait_for(program: &Program, trace: &str, name: &str) -> Vec<Value> {
    eventually(&format!("{name} of {trace}"), async || {
        let spans = spans(program, trace).await;
        spans.iter().any(|span| span["operationName"] == name).then_some(spans)
    })
    .await
}

/// The names of all spans of the service that a server holds.
async fn operations(program: &Program) -> Vec<String> {
    let answer = program.get("/jaeger/api/services/skopos/operations", &[]).await;
    let names = answer["data"].as_array().cloned().unwrap_or_default();
    names
        .iter()
        .filter_map(|name| name.as_str().map(str::to_owned))
        .collect()
}

fn named<'a>(spans: &'a [Value], name: &str) -> &'a Value {
    let found = spans.iter().find(|span| span["operationName"] == name);
    found.unwrap_or_else(|| panic!("no {name} in {spans:#?}"))
}

fn tag<'a>(span: &'a Value, key: &str) -> &'a Value {
    let tags = span["tags"].as_array().expect("tags");
    let found = tags.iter().find(|tag| tag["key"] == key);
    found.map_or(&Value::Null, |tag| &tag["value"])
}

fn parent(span: &Value) -> &str {
    span["references"][0]["spanID"].as_str().unwrap_or_default()
}

/// The spans of [`ask`], each below the right one.
fn check_query(spans: &[Value], caller: &str) {
    let request = named(spans, "GET /api/v1/query");
    assert_eq!(parent(request), caller);
    for (key, value) in [
        ("span.kind", json!("server")),
        ("http.request.method", json!("GET")),
        ("http.route", json!("/api/v1/query")),
        ("url.path", json!("/api/v1/query")),
        ("url.scheme", json!("http")),
        ("server.address", json!("127.0.0.1")),
        ("client.address", json!("127.0.0.1")),
        ("network.protocol.version", json!("1.1")),
        ("http.response.status_code", json!(200)),
    ] {
        assert_eq!(tag(request, key), &value, "{key} of {request:#}");
    }
    for (child, of) in [
        ("promqlExec", "GET /api/v1/query"),
        ("promqlExecQueue", "promqlExec"),
        ("promqlEval", "promqlExec"),
        ("promqlPrepare", "promqlEval"),
        ("promqlInnerEval", "promqlEval"),
        ("promqlInnerEval eval BinaryExpr", "promqlInnerEval"),
        ("promqlInnerEval eval AggregateExpr", "promqlInnerEval eval BinaryExpr"),
        ("select", "promqlInnerEval eval AggregateExpr"),
    ] {
        assert_eq!(
            parent(named(spans, child)),
            named(spans, of)["spanID"],
            "{child} is of {of}"
        );
    }
    assert_eq!(tag(named(spans, "promqlExec"), "query"), QUERY);
    let aggregation = named(spans, "promqlInnerEval eval AggregateExpr");
    assert_eq!(tag(aggregation, "operation"), "sum by (job)");
    let select = named(spans, "select");
    assert_eq!(tag(select, "selector"), "asked_total");
    assert_eq!(tag(select, "series"), &json!(0));
}

/// A configuration with a `tracing` section, or none.
fn configure(folder: &Path, tracing: &str) -> String {
    let path = folder.join("prometheus.yml");
    std::fs::write(&path, format!("{tracing}\n")).expect("written");
    path.display().to_string()
}

async fn reload(program: &Program) {
    let (status, answer) = program.post("/-/reload", &json!(null)).await;
    assert_eq!(status, 200, "{answer}");
}

/// Takes TLS of `localhost` off before a port. Gives its own port and the authority, as PEM.
async fn encrypted(to: String) -> (u16, String) {
    let mut authority = CertificateParams::default();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate().expect("a key")).expect("an authority");
    let key = KeyPair::generate().expect("a key");
    let params = CertificateParams::new(vec!["collector.test".to_owned()]).expect("a name");
    let certificate = params.signed_by(&key, &authority).expect("a certificate").pem();
    let certificate = CertificateDer::from_pem_slice(certificate.as_bytes()).expect("PEM");
    let key = PrivateKeyDer::from_pem_slice(key.serialize_pem().as_bytes()).expect("PEM");
    let mut config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .expect("a certificate with its key");
    config.alpn_protocols = vec![b"h2".to_vec()];
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (acceptor, to) = (acceptor.clone(), to.clone());
            tokio::spawn(async move {
                let mut plain = TcpStream::connect(to).await.expect("the server listens");
                if let Ok(mut stream) = acceptor.accept(stream).await {
                    // Ends when either side does.
                    drop(tokio::io::copy_bidirectional(&mut stream, &mut plain).await);
                }
            });
        }
    });
    (port, authority.pem())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_trace_of_a_query_reaches_another_server_over_grpc_and_tls() {
    let folders = [(); 3].map(|()| tempfile::tempdir().expect("a folder"));
    let flags = ["--self.scrape-interval=0s", "--otlp.grpc-listen-address=127.0.0.1:0"];
    let collector = Program::start(folders[0].path(), &flags).await;
    let plain = collector.url_of("OTLP gRPC").expect("in the banner");
    let (port, authority) = encrypted(plain.trim_start_matches("http://").to_owned()).await;
    std::fs::write(folders[1].path().join("ca.pem"), authority).expect("written");
    let config = configure(
        folders[1].path(),
        &format!(
            "tracing: {{endpoint: 'localhost:{port}', sampling_fraction: 0, compression: gzip, timeout: 5s, \
             headers: {{X-Scope-OrgID: traces-of-skopos}}, tls_config: {{ca_file: ca.pem, server_name: collector.test}}}}"
        ),
    );
    let flags = ["--self.scrape-interval=0s", "--config.file", &config];
    let program = Program::start(folders[2].path(), &flags).await;
    // Of no caller, and of one that is not sampled: with the fraction 0 neither is sent.
    program.get("/api/v1/query", &[("query", "1".to_owned())]).await;
    let unsampled = "0123456789abcdef0123456789abcdef";
    ask(&program, (unsampled, CALLER.1), "00").await;
    ask(&program, CALLER, "01").await;

    let trace = format!("{}/jaeger/api/traces/{}", collector.url, CALLER.0);
    let client = reqwest::Client::new();
    let spans = eventually("the trace", async || {
        let request = client.get(&trace).header("X-Scope-OrgID", "traces-of-skopos");
        let answer: Value = request.send().await.ok()?.json().await.ok()?;
        let spans = answer["data"][0]["spans"].as_array().cloned()?;
        let is_whole = spans.iter().any(|span| span["operationName"] == "GET /api/v1/query");
        is_whole.then_some(spans)
    })
    .await;
    check_query(&spans, CALLER.1);
    let found = client
        .get(format!("{}/jaeger/api/traces?service=skopos", collector.url))
        .header("X-Scope-OrgID", "traces-of-skopos");
    let found: Value = found.send().await.expect("an answer").json().await.expect("JSON");
    let found = found["data"].as_array().expect("traces");
    assert_eq!(found.len(), 1, "{found:#?}");
    assert_eq!(operations(&program).await, Vec::<String>::new(), "nothing stays here");
    eventually("what was sent is counted", async || {
        (program.metric("otel_spans_exported_total").await >= 9.0).then_some(())
    })
    .await;
    program.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reload_turns_tracing_on_and_off_and_sending_to_itself_makes_no_loop() {
    let folders = [(); 2].map(|()| tempfile::tempdir().expect("a folder"));
    let config = configure(folders[0].path(), "");
    let program = Program::start(
        folders[1].path(),
        &["--config.file", &config, "--self.scrape-interval=0s"],
    )
    .await;
    let traces = ["1", "2"].map(|digit| digit.repeat(32));
    ask(&program, (&traces[0], CALLER.1), "01").await;
    let alone = wait_for(&program, &traces[0], "GET /api/v1/query").await;
    assert_eq!(alone.len(), 1, "without a section requests alone are spans: {alone:#?}");
    assert_eq!(parent(&alone[0]), CALLER.1);

    // Its own port, at which it takes OTLP too.
    let own = program.url.trim_start_matches("http://").to_owned();
    let rules = "groups: [{name: g, interval: 1s, rules: [{record: r, expr: 'vector(1)'}]}]\n";
    std::fs::write(folders[0].path().join("rules.yml"), rules).expect("written");
    configure(
        folders[0].path(),
        &format!(
            "tracing: {{endpoint: '{own}', client_type: http, insecure: true, sampling_fraction: 1}}\n\
             rule_files: [rules.yml]\n\
             scrape_configs: [{{job_name: itself, scrape_interval: 1s, static_configs: [{{targets: ['{own}']}}]}}]\n\
             remote_write: [{{url: 'http://{own}/api/v1/write'}}]"
        ),
    );
    reload(&program).await;
    ask(&program, (&traces[1], CALLER.1), "01").await;
    check_query(&wait_for(&program, &traces[1], "GET /api/v1/query").await, CALLER.1);
    let of_service = async |name: &str| {
        let query = [("service", "skopos".to_owned()), ("operation", name.to_owned())];
        let found = program.get("/jaeger/api/traces", &query).await;
        let spans = found["data"][0]["spans"].as_array().cloned().unwrap_or_default();
        (!spans.is_empty()).then_some(spans)
    };
    let rule = eventually("a rule", async || of_service("rule").await).await;
    assert_eq!(tag(named(&rule, "rule"), "name"), "r");
    assert_eq!(tag(named(&rule, "rule"), "group"), "g");
    assert_eq!(parent(named(&rule, "promqlExec")), named(&rule, "rule")["spanID"]);
    let scrape = eventually("a scrape", async || {
        let spans = of_service("Scrape").await?;
        (spans.len() > 1).then_some(spans)
    })
    .await;
    assert_eq!(
        parent(named(&scrape, "GET /metrics")),
        named(&scrape, "Scrape")["spanID"]
    );
    let sent = eventually("a request of remote write", async || {
        let spans = of_service("Remote Send Batch").await?;
        (spans.len() > 2).then_some(spans)
    })
    .await;
    assert_eq!(
        parent(named(&sent, "Remote Store")),
        named(&sent, "Remote Send Batch")["spanID"]
    );
    assert_eq!(
        parent(named(&sent, "POST /api/v1/write")),
        named(&sent, "Remote Store")["spanID"]
    );
    let names = operations(&program).await;
    assert!(names.iter().all(|name| !name.contains("/v1/traces")), "{names:?}");

    configure(folders[0].path(), "");
    program.hang_up();
    // The reload is over once a query is a request alone.
    let request = json!(["GET /api/v1/query"]);
    eventually("tracing is off", async || {
        let trace = format!("{:032x}", jiff::Timestamp::now().as_nanosecond());
        ask(&program, (&trace, CALLER.1), "01").await;
        let spans = wait_for(&program, &trace, "GET /api/v1/query").await;
        let names: Vec<&Value> = spans.iter().map(|span| &span["operationName"]).collect();
        (json!(names) == request).then_some(())
    })
    .await;
    program.stop().await;
}

#[tokio::test]
async fn an_endpoint_that_is_away_is_counted_and_harms_nobody() {
    let folders = [(); 2].map(|()| tempfile::tempdir().expect("a folder"));
    let config = configure(
        folders[0].path(),
        "tracing: {endpoint: '127.0.0.1:1', insecure: true, sampling_fraction: 1, timeout: 1s}",
    );
    let program = Program::start(
        folders[1].path(),
        &["--config.file", &config, "--self.scrape-interval=0s"],
    )
    .await;
    ask(&program, CALLER, "01").await;
    eventually("spans are counted as dropped", async || {
        let dropped = program
            .metric("otel_spans_dropped_total{reason=\"export_failed\"}")
            .await;
        (dropped >= 9.0).then_some(())
    })
    .await;
    configure(
        folders[0].path(),
        "tracing: {endpoint: 'http://127.0.0.1:1/v1/traces', client_type: http}",
    );
    let (status, _) = program.post("/-/reload", &json!(null)).await;
    assert_eq!(status, 500, "an endpoint with a scheme and a path is refused");
    program.stop().await;
}
