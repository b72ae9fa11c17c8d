//! Servers that are reached at any address of their name.

use std::path::Path;

use axum::Router;
use axum::routing::get;
use reqwest::Method;
use skopos_config::HttpClientConfig;
use skopos_http_client::HttpClient;

use crate::{options, serve};

#[tokio::test]
async fn a_name_is_followed_to_an_address_that_answers() {
    let address = serve(Router::new().route("/", get(async || "here"))).await;
    let (_, port) = address.split_once(':').expect("a port");
    // The system may know `::1` too, where nobody listens.
    for _ in 0..20 {
        let client = HttpClient::round_robin(&HttpClientConfig::default(), options(Path::new(""))).expect("a client");
        let request = client.request(Method::GET, &format!("http://localhost:{port}/"));
        let answer = request.send().await.expect("an answer");
        assert_eq!(answer.text().await.expect("a text"), "here");
    }
}
