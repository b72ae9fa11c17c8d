//! `http_config`: credentials, headers, redirects, proxies.

use crate::bench::{firing, notifier, requests};
use crate::site::{Reply, Site};

#[tokio::test]
async fn credentials_and_headers() {
    for (http_config, header, value) in [
        ("basic_auth: {username: u, password: p}", "authorization", "Basic dTpw"),
        (
            "authorization: {type: Token, credentials: c}",
            "authorization",
            "Token c",
        ),
        ("http_headers: {X-One: {values: [1]}}", "x-one", "1"),
        ("http_headers: {X-Two: {secrets: [hush]}}", "x-two", "hush"),
    ] {
        let settings = format!("  webhook_configs: [{{url: 'SITE/', http_config: {{{http_config}}}}}]\n");
        let asked = requests(&settings, &firing(), Vec::new()).await;
        assert_eq!(asked[0].header(header), value);
    }
}

#[tokio::test]
async fn tokens_of_oauth2_are_kept() {
    let tokens = Site::start(vec![Reply::json(
        "{\"access_token\":\"at\",\"token_type\":\"bearer\",\"expires_in\":3600}",
    )])
    .await;
    let site = Site::start(Vec::new()).await;
    let settings = format!(
        "  webhook_configs: [{{url: '{}', http_config: {{oauth2: {{client_id: id, client_secret: hush, token_url: '{}/token', scopes: [a, b]}}}}}}]\n",
        site.url, tokens.url
    );
    let notifier = notifier(&settings);
    notifier.notify(&firing()).await.expect("it is sent");
    notifier.notify(&firing()).await.expect("it is sent");
    assert!(
        site.asked()
            .iter()
            .all(|one| one.header("authorization") == "Bearer at")
    );
    let asked = tokens.asked();
    assert_eq!((asked.len(), asked[0].line.as_str()), (1, "POST /token"));
    assert_eq!(
        (asked[0].header("authorization"), asked[0].body.as_str()),
        ("Basic aWQ6aHVzaA==", "grant_type=client_credentials&scope=a+b")
    );
}

#[tokio::test]
async fn a_refused_token_is_told() {
    let tokens = Site::start(vec![Reply::text(503, "hush"), Reply::text(401, "hush")]).await;
    let settings = format!(
        "  webhook_configs: [{{url: 'http://h/', http_config: {{oauth2: {{client_id: id, client_secret: hush, token_url: '{}'}}}}}}]\n",
        tokens.url
    );
    let notifier = notifier(&settings);
    for (status, is_recoverable) in [("503 Service Unavailable", true), ("401 Unauthorized", false)] {
        let error = notifier.notify(&firing()).await.expect_err("there is no token");
        assert_eq!(
            error.text,
            format!("oauth2: cannot fetch token: the token's server answers {status}")
        );
        assert_eq!(error.is_recoverable, is_recoverable);
    }
}

#[tokio::test]
async fn proxies_are_asked() {
    let proxy = Site::start(Vec::new()).await;
    let direct = Site::start(Vec::new()).await;
    let settings = format!(
        "  webhook_configs: [{{url: 'http://receiver.invalid/hook', http_config: {{proxy_url: '{}', no_proxy: 127.0.0.1}}}}, {{url: '{}/direct', http_config: {{proxy_url: '{}', no_proxy: 127.0.0.1}}}}]\n",
        proxy.url, direct.url, proxy.url
    );
    let notifier = notifier(&settings);
    notifier.notify(&firing()).await.expect("the proxy answers");
    let mut second = firing();
    second.integration = 1;
    notifier.notify(&second).await.expect("the site answers");
    assert_eq!(proxy.asked()[0].line, "POST http://receiver.invalid/hook");
    assert_eq!(
        (proxy.asked().len(), direct.asked()[0].line.as_str()),
        (1, "POST /direct")
    );
}

#[tokio::test]
async fn redirects() {
    let moved = || vec![Reply::text(307, "").with_header("location", "/new")];
    let asked = requests("  webhook_configs: [{url: 'SITE/old'}]\n", &firing(), moved()).await;
    assert_eq!(
        (asked[1].line.as_str(), asked[1].json()["version"].as_str()),
        ("POST /new", Some("4"))
    );
    let settings = "  webhook_configs: [{url: 'SITE/old', http_config: {follow_redirects: false}}]\n";
    let (result, _) = crate::bench::exchange(settings, &firing(), moved()).await;
    let error = result.expect_err("it is not followed");
    assert_eq!(
        (error.text.as_str(), error.is_recoverable),
        ("unexpected status code 307", false)
    );
}

#[tokio::test]
async fn unknown_integrations_are_told() {
    let notifier = notifier("  webhook_configs: [{url: 'http://h/'}]\n");
    let mut other = firing();
    other.integration = 3;
    let error = notifier.notify(&other).await.expect_err("there is none");
    assert_eq!(error.text, "the configuration has no integration 3 of receiver \"r\"");
}
