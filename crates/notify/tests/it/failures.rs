//! Which failures may pass, their reasons, and that no text names a secret.

use std::time::{Duration, Instant};

use skopos_notify::{FailureReason, SendError};

use crate::bench::{exchange, firing, notifier};
use crate::site::{Reply, Site};

/// Settings of each kind that sends one request, with a secret in them.
const KINDS: &[(&str, &[u16])] = &[
    ("  webhook_configs: [{url: 'SITE/hush-hush'}]\n", &[]),
    ("  slack_configs: [{api_url: 'SITE/hush-hush'}]\n", &[]),
    ("  pagerduty_configs: [{url: SITE, routing_key: hush-hush}]\n", &[429]),
    ("  opsgenie_configs: [{api_url: SITE, api_key: hush-hush}]\n", &[429]),
    (
        "  victorops_configs: [{api_url: SITE, api_key: hush-hush, routing_key: r}]\n",
        &[],
    ),
    (
        "  wechat_configs: [{api_url: SITE, api_secret: hush-hush, corp_id: c}]\n",
        &[],
    ),
    (
        "  sns_configs: [{api_url: SITE, target_arn: a, sigv4: {region: r, access_key: a, secret_key: hush-hush}}]\n",
        &[429],
    ),
    (
        "  telegram_configs: [{api_url: SITE, bot_token: hush-hush, chat_id: 1}]\n",
        &[429],
    ),
    ("  discord_configs: [{webhook_url: 'SITE/hush-hush'}]\n", &[]),
    ("  msteams_configs: [{webhook_url: 'SITE/hush-hush'}]\n", &[]),
    ("  msteamsv2_configs: [{webhook_url: 'SITE/hush-hush'}]\n", &[]),
    ("  jira_configs: [{api_url: SITE, project: P, issue_type: B}]\n", &[429]),
    (
        "  rocketchat_configs: [{api_url: SITE, token: hush-hush, token_id: i}]\n",
        &[],
    ),
    (
        "  incidentio_configs: [{url: 'SITE/', alert_source_token: hush-hush}]\n",
        &[429],
    ),
    ("  mattermost_configs: [{webhook_url: 'SITE/hush-hush'}]\n", &[]),
    (
        "  webex_configs: [{api_url: SITE, room_id: r, http_config: {authorization: {credentials: hush-hush}}}]\n",
        &[],
    ),
];

async fn failure(settings: &str, reply: Reply) -> SendError {
    let (result, _) = exchange(settings, &firing(), vec![reply]).await;
    result.expect_err("it fails")
}

#[tokio::test]
async fn statuses_are_told_apart() {
    for (settings, retried) in KINDS {
        for (status, reason) in [
            (400, FailureReason::ClientError),
            (403, FailureReason::AuthError),
            (429, FailureReason::RateLimited),
            (500, FailureReason::ServerError),
            (503, FailureReason::ServerError),
        ] {
            let error = failure(settings, Reply::text(status, "said so")).await;
            let is_recoverable = status >= 500 || retried.contains(&status);
            assert_eq!(
                (error.is_recoverable, error.reason),
                (is_recoverable, reason),
                "{settings}: {error}"
            );
            let expect = format!("unexpected status code {status}: said so");
            assert!(error.text.ends_with(&expect), "{settings}: {error}");
            assert_eq!(error.status, Some(status));
            assert!(
                error.payload.starts_with('{') && !error.payload.contains("hush-hush"),
                "{settings}: {error:?}"
            );
        }
    }
}

#[tokio::test]
async fn no_error_names_a_secret() {
    for (settings, _) in KINDS {
        // A server that repeats what it got, and one that is not there.
        let error = failure(settings, Reply::text(400, "your key hush-hush is unknown")).await;
        let expect = if settings.contains("hush-hush") {
            "your key <secret> is unknown"
        } else {
            "your key"
        };
        assert!(error.text.contains(expect), "{settings}: {error}");
        let gone = settings.replace("SITE", "http://127.0.0.1:1");
        let error = notifier(&gone).notify(&firing()).await.expect_err("nobody listens");
        assert!(
            !error.text.contains("hush-hush") && !error.text.contains("127.0.0.1"),
            "{settings}: {error}"
        );
        assert_eq!(
            (error.is_recoverable, error.reason),
            (true, FailureReason::Other),
            "{settings}: {error}"
        );
    }
}

#[tokio::test]
async fn retry_after_is_told() {
    let settings = "  webhook_configs: [{url: 'SITE/'}]\n";
    let error = failure(settings, Reply::text(503, "").with_header("retry-after", "7")).await;
    assert_eq!(error.retry_after, Some(Duration::from_secs(7)));
    assert_eq!(error.text, "unexpected status code 503");
    let date = Reply::text(429, "").with_header("retry-after", "Fri, 31 Dec 2100 23:59:59 GMT");
    let error = failure(settings, date).await;
    assert!(error.retry_after.is_some_and(|wait| wait > Duration::from_hours(24)));
    assert_eq!(failure(settings, Reply::text(500, "")).await.retry_after, None);
}

#[tokio::test]
async fn success_that_says_no() {
    let slack = "  slack_configs: [{api_url: 'SITE/', channel: c}]\n";
    let rocket = "  rocketchat_configs: [{api_url: SITE, token: t, token_id: i, channel: c}]\n";
    let teams = "  msteams_configs: [{webhook_url: 'SITE/'}]\n";
    let wechat = "  wechat_configs: [{api_url: SITE, api_secret: s, corp_id: c}]\n";
    for (settings, reply, expect, is_recoverable) in [
        (
            slack,
            Reply::text(200, "no_text"),
            "channel \"c\": received an error response from Slack: no_text",
            false,
        ),
        (
            slack,
            Reply::json("{\"ok\":false,\"error\":\"not_in_channel\"}"),
            "channel \"c\": error response from Slack: not_in_channel",
            false,
        ),
        (
            slack,
            Reply::json("{"),
            "channel \"c\": could not unmarshal JSON response \"{\"",
            true,
        ),
        (
            rocket,
            Reply::json("{\"success\":false,\"error\":\"bad\"}"),
            "channel \"c\": error response from Rocketchat: bad",
            false,
        ),
        (
            teams,
            Reply::text(200, "Webhook message delivery failed with error: HTTP error 429"),
            "error response from Microsoft Teams: Webhook",
            true,
        ),
        (
            wechat,
            Reply::json("{\"errcode\":40013,\"errmsg\":\"bad\"}"),
            "no token of WeChat: 40013 bad",
            false,
        ),
    ] {
        let error = failure(settings, reply).await;
        assert!(error.text.starts_with(expect), "{error}");
        assert_eq!(error.is_recoverable, is_recoverable, "{error}");
    }
}

#[tokio::test]
async fn details_of_refusals() {
    let pagerduty = "  pagerduty_configs: [{url: 'SITE/', routing_key: key}]\n";
    let body = "{\"status\":\"invalid event\",\"message\":\"Event object is invalid\",\"errors\":[\"a\",\"b\"]}";
    assert_eq!(
        failure(pagerduty, Reply::text(400, body)).await.text,
        "unexpected status code 400: Event object is invalid: a,b"
    );
    let incident = "  incidentio_configs: [{url: 'SITE/', alert_source_token: tok}]\n";
    let body = "{\"message\":\"m\",\"errors\":[\"x\"]}";
    assert_eq!(
        failure(incident, Reply::text(422, body)).await.text,
        "unexpected status code 422: m: x"
    );
    let long = failure(pagerduty, Reply::text(404, &"y".repeat(5000))).await.text;
    assert!(long.len() < 600 && long.ends_with('…'), "{long}");
}

#[tokio::test]
async fn pagerduty_v1_retries_403() {
    let site = Site::start(vec![Reply::text(403, "slow down")]).await;
    let endpoints = skopos_notify::Endpoints {
        pagerduty_v1: site.url.clone(),
        ..skopos_notify::Endpoints::default()
    };
    let receiver = crate::bench::receiver("  pagerduty_configs: [{service_key: k}]\n");
    let error = crate::bench::notifier_of(receiver, endpoints)
        .notify(&firing())
        .await
        .expect_err("it fails");
    assert_eq!((error.is_recoverable, error.reason), (true, FailureReason::AuthError));
}

#[tokio::test]
async fn timeouts() {
    for key in [
        "webhook_configs: [{url: 'SITE/'",
        "incidentio_configs: [{url: 'SITE/', alert_source_token: t",
        "pagerduty_configs: [{url: 'SITE/', routing_key: k",
        "slack_configs: [{api_url: 'SITE/'",
    ] {
        let error = failure(&format!("  {key}, timeout: 50ms}}]\n"), Reply::silent()).await;
        assert!(error.text.ends_with("timeout reached (50ms)"), "{error}");
        assert_eq!(
            (error.is_recoverable, error.reason),
            (true, FailureReason::ContextDeadlineExceeded)
        );
    }
    let mut late = firing();
    late.deadline_ms = late.now_ms + 200;
    let began = Instant::now();
    let (result, _) = exchange(
        "  discord_configs: [{webhook_url: 'SITE/'}]\n",
        &late,
        vec![Reply::silent()],
    )
    .await;
    let error = result.expect_err("it is too late");
    assert!(error.text.starts_with("context deadline exceeded"), "{error}");
    assert!(began.elapsed() < Duration::from_secs(10));
}

#[tokio::test]
async fn broken_templates_are_not_retried() {
    let (result, asked) = exchange(
        "  discord_configs: [{webhook_url: 'SITE/', title: '{{ .Nope }}'}]\n",
        &firing(),
        Vec::new(),
    )
    .await;
    let error = result.expect_err("the template fails");
    let expect =
        "discord: title: template: :1:3: executing \"\" at <.Nope>: can't evaluate field Nope in type *template.Data";
    assert_eq!(
        (error.text.as_str(), error.is_recoverable, asked.len()),
        (expect, false, 0)
    );
}

#[tokio::test]
async fn secrets_are_read_at_each_sending() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("url");
    let (first, second) = (Site::start(Vec::new()).await, Site::start(Vec::new()).await);
    std::fs::write(&file, format!("{}/a\n", first.url)).expect("it is written");
    let notifier = notifier(&format!("  webhook_configs: [{{url_file: '{}'}}]\n", file.display()));
    notifier.notify(&firing()).await.expect("it is sent");
    std::fs::write(&file, format!("{}/b\n", second.url)).expect("it is written");
    notifier.notify(&firing()).await.expect("it is sent");
    assert_eq!(
        (first.asked()[0].line.as_str(), second.asked()[0].line.as_str()),
        ("POST /a", "POST /b")
    );
    std::fs::remove_file(&file).expect("it is removed");
    let error = notifier.notify(&firing()).await.expect_err("the file is gone");
    assert!(error.text.starts_with("url_file: unable to read"), "{error}");
}
