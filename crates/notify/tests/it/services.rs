//! Receivers that take forms, signatures or tokens.

use serde_json::json;
use skopos_notify::Endpoints;

use crate::bench::{firing, notifier, notifier_of, receiver, requests, resolved};
use crate::site::{Asked, Reply, Site};

fn form(asked: &Asked) -> Vec<(String, String)> {
    url::form_urlencoded::parse(asked.body.as_bytes())
        .into_owned()
        .collect()
}

fn field(asked: &Asked, name: &str) -> String {
    let found = form(asked).into_iter().find(|(known, _)| known == name);
    found.map_or_else(|| "(none)".to_owned(), |(_, value)| value)
}

#[tokio::test]
async fn pushover() {
    let site = Site::start(Vec::new()).await;
    let endpoints = Endpoints {
        pushover: format!("{}/1/messages.json", site.url),
        ..Endpoints::default()
    };
    let settings = "  pushover_configs: [{user_key: '{{ .Receiver }}-u', token: t, message: ' ', html: true, ttl: 1h, device: d}]\n";
    let notifier = notifier_of(receiver(settings), endpoints);
    notifier.notify(&firing()).await.expect("it is sent");
    let delivery = notifier.notify(&resolved()).await.expect("it is sent");
    let asked = site.asked();
    assert_eq!(asked[0].line, "POST /1/messages.json");
    assert_eq!(asked[0].header("content-type"), "application/x-www-form-urlencoded");
    for (name, expect) in [
        ("token", "t"),
        ("user", "r-u"),
        ("title", "[FIRING:1] Down (critical)"),
        ("message", "(no details)"),
        ("url", "http://am/#/alerts?receiver=r"),
        ("html", "1"),
        ("monospace", "(none)"),
        ("priority", "2"),
        ("retry", "60"),
        ("expire", "3600"),
        ("ttl", "3600"),
        ("device", "d"),
    ] {
        assert_eq!(field(&asked[0], name), expect, "{name}");
    }
    assert_eq!(field(&asked[1], "priority"), "0");
    assert!(!delivery.payload.contains("r-u"), "{}", delivery.payload);
    assert_eq!(delivery.content_type, "application/x-www-form-urlencoded");
}

#[tokio::test]
async fn wechat_keeps_its_token() {
    let replies = vec![
        Reply::json("{\"errcode\":0,\"access_token\":\"tok\"}"),
        Reply::json("{\"errcode\":0}"),
        Reply::json("{\"errcode\":42001,\"errmsg\":\"expired tok\"}"),
        Reply::json("{\"errcode\":0,\"access_token\":\"tok2\"}"),
        Reply::json("{\"errcode\":0}"),
    ];
    let site = Site::start(replies).await;
    let settings = format!(
        "  wechat_configs: [{{api_url: '{}', api_secret: s, corp_id: c, message: '{{{{ .Status }}}}', to_user: u, agent_id: '7', message_type: markdown}}]\n",
        site.url
    );
    let notifier = notifier(&settings);
    notifier.notify(&firing()).await.expect("it is sent");
    let error = notifier.notify(&resolved()).await.expect_err("the token has expired");
    assert_eq!(
        (error.to_string().as_str(), error.is_recoverable),
        ("error response from WeChat: 42001 expired <secret>", true)
    );
    notifier.notify(&resolved()).await.expect("it is sent");
    let asked = site.asked();
    let lines: Vec<&str> = asked.iter().map(|one| one.line.as_str()).collect();
    let send = "POST /message/send?access_token=tok";
    assert_eq!(
        lines,
        [
            "GET /gettoken?corpsecret=s&corpid=c",
            send,
            send,
            "GET /gettoken?corpsecret=s&corpid=c",
            "POST /message/send?access_token=tok2"
        ]
    );
    let expect = json!({ "touser": "u", "agentid": "7", "safe": "0", "msgtype": "markdown", "markdown": { "content": "firing" } });
    assert_eq!(asked[1].json(), expect);
}

#[tokio::test]
async fn sns() {
    let settings = "  sns_configs: [{api_url: 'SITE/', topic_arn: 'arn:aws:sns:eu-west-1:1:t.fifo', sigv4: {access_key: AK, secret_key: verysecret}, message: '{{ .Status }} ä', subject: 'ü {{ .Status }}', attributes: {key: '{{ .Receiver }}'}}]\n";
    let asked = requests(settings, &firing(), Vec::new()).await.remove(0);
    assert_eq!(asked.line, "POST /");
    let authorization = asked.header("authorization");
    assert!(
        authorization.starts_with("AWS4-HMAC-SHA256 Credential=AK/"),
        "{authorization}"
    );
    assert!(
        authorization.contains("/eu-west-1/sns/aws4_request, SignedHeaders=content-type;host;x-amz-date, Signature="),
        "{authorization}"
    );
    for (name, expect) in [
        ("Action", "Publish"),
        ("TopicArn", "arn:aws:sns:eu-west-1:1:t.fifo"),
        ("Subject", "? firing"),
        ("Message", "firing ä"),
        ("MessageGroupId", crate::bench::KEY_HASH),
        ("MessageDeduplicationId", crate::bench::KEY_HASH),
        ("MessageAttributes.entry.1.Name", "key"),
        ("MessageAttributes.entry.1.Value.DataType", "String"),
        ("MessageAttributes.entry.1.Value.StringValue", "r"),
    ] {
        assert_eq!(field(&asked, name), expect, "{name}");
    }
    let asked = requests(settings, &resolved(), Vec::new()).await.remove(0);
    assert_eq!(field(&asked, "Message"), "resolved ä");
}

#[tokio::test]
async fn sns_short_messages_are_cut() {
    let settings = "  sns_configs: [{api_url: 'SITE/', phone_number: '+1', sigv4: {region: r, access_key: AK, secret_key: s}, message: '{{ printf \"%2000d\" 1 }}'}]\n";
    let asked = requests(settings, &firing(), Vec::new()).await.remove(0);
    assert_eq!(field(&asked, "Message").len(), 1600);
    assert_eq!(field(&asked, "MessageAttributes.entry.1.Name"), "truncated");
    assert_eq!(field(&asked, "PhoneNumber"), "+1");
}

#[tokio::test]
async fn sns_in_an_assumed_role() {
    let keys = "<R><Credentials><AccessKeyId>TMP</AccessKeyId><SecretAccessKey>tmpsecret</SecretAccessKey><SessionToken>session</SessionToken></Credentials></R>";
    let refusal = "<E><Error><Code>Denied</Code><Message>no tmpsecret</Message></Error></E>";
    let site = Site::start(vec![Reply::text(200, keys), Reply::text(403, refusal)]).await;
    let endpoints = Endpoints {
        sts: format!("{}/sts", site.url),
        ..Endpoints::default()
    };
    let settings = format!(
        "  sns_configs: [{{api_url: '{}/', target_arn: a, sigv4: {{region: r, access_key: AK, secret_key: s, role_arn: role, external_id: e}}}}]\n",
        site.url
    );
    let error = notifier_of(receiver(&settings), endpoints)
        .notify(&firing())
        .await
        .expect_err("it is refused");
    assert_eq!(error.to_string(), "unexpected status code 403: Denied: no <secret>");
    assert_eq!((error.reason.as_str(), error.is_recoverable), ("authError", false));
    let asked = site.asked();
    assert_eq!(
        (
            field(&asked[0], "Action"),
            field(&asked[0], "RoleArn"),
            field(&asked[0], "ExternalId")
        ),
        ("AssumeRole".to_owned(), "role".to_owned(), "e".to_owned())
    );
    assert_eq!(asked[1].header("x-amz-security-token"), "session");
    assert!(asked[1].header("authorization").contains("Credential=TMP/"));
}
