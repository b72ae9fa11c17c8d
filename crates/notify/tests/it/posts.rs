//! Receivers that take one post.

use serde_json::json;
use skopos_alertmanager::{Config, LoadOptions};
use skopos_notify::{Endpoints, Notifier};

use crate::bench::{firing, notifier, notifier_of, receiver, request, requests, resolved};
use crate::site::{Reply, Site};

#[tokio::test]
async fn webhook() {
    let settings = "  webhook_configs: [{url: 'SITE/hook/{{ .Status }}'}]\n";
    let asked = request(settings, &firing()).await;
    assert_eq!(asked.line, "POST /hook/firing");
    assert_eq!(asked.header("content-type"), "application/json");
    assert!(asked.header("user-agent").starts_with("Skopos/"));
    let alert = json!({
        "status": "firing",
        "labels": { "alertname": "Down", "severity": "critical" },
        "annotations": { "summary": "It is <down>" },
        "startsAt": "2023-11-14T22:13:20Z",
        "endsAt": "0001-01-01T00:00:00Z",
        "generatorURL": "http://p/g",
        "fingerprint": "00000000000000ab",
    });
    let mut expect = json!({
        "receiver": "r",
        "status": "firing",
        "alerts": [alert],
        "notification_reason": "first notification",
        "groupLabels": { "alertname": "Down" },
        "commonLabels": { "alertname": "Down", "severity": "critical" },
        "commonAnnotations": { "summary": "It is <down>" },
        "routeLabels": {},
        "externalURL": "http://am",
        "version": "4",
        "groupKey": "{}:{alertname=\"Down\"}",
        "truncatedAlerts": 0,
    });
    assert_eq!(asked.json(), expect);
    let asked = request(settings, &resolved()).await;
    assert_eq!(asked.line, "POST /hook/resolved");
    expect["status"] = "resolved".into();
    expect["notification_reason"] = "all alerts resolved".into();
    expect["alerts"][0]["status"] = "resolved".into();
    expect["alerts"][0]["endsAt"] = "2023-11-14T22:14:20Z".into();
    assert_eq!(asked.json(), expect);
}

#[tokio::test]
async fn webhooks_are_cut_and_reshaped() {
    let mut two = firing();
    two.alerts.push(two.alerts[0].clone());
    two.alerts[1].labels = [("alertname", "Down")].into_iter().collect();
    let asked = request("  webhook_configs: [{url: SITE, max_alerts: 1}]\n", &two).await;
    let body = asked.json();
    assert_eq!(
        (&body["truncatedAlerts"], body["alerts"].as_array().map(Vec::len)),
        (&json!(1), Some(1))
    );
    assert_eq!(body["commonLabels"]["severity"], "critical");
    let settings = "  webhook_configs: [{url: SITE, payload: {n: '{{ len .Alerts }}', of: ['{{ .CommonLabels.alertname }}', 1]}}]\n";
    assert_eq!(
        request(settings, &two).await.json(),
        json!({ "n": 2, "of": ["Down", 1] })
    );
}

#[tokio::test]
async fn slack_by_webhook() {
    let settings = "  slack_configs: [{api_url: 'SITE/s', channel: '#{{ .CommonLabels.severity }}', text: hi, fields: [{title: t, value: '{{ .Status }}'}], actions: [{type: button, text: go, url: 'http://x'}]}]\n";
    let asked = request(settings, &firing()).await;
    assert_eq!(asked.line, "POST /s");
    let attachment = json!({
        "title": "[FIRING:1] Down (critical)",
        "title_link": "http://am/#/alerts?receiver=r",
        "text": "hi",
        "fallback": "[FIRING:1] Down (critical) | http://am/#/alerts?receiver=r",
        "callback_id": "",
        "fields": [{ "title": "t", "value": "firing", "short": false }],
        "actions": [{ "type": "button", "text": "go", "url": "http://x" }],
        "footer": "",
        "color": "danger",
        "mrkdwn_in": ["fallback", "pretext", "text"],
    });
    assert_eq!(
        asked.json(),
        json!({ "channel": "#critical", "username": "Alertmanager", "attachments": [attachment] })
    );
    let asked = request(settings, &resolved()).await;
    assert_eq!(asked.json()["attachments"][0]["color"], "good");
    let long = "  slack_configs: [{api_url: 'SITE/s', title: '{{ printf \"%2000d\" 1 }}'}]\n";
    let title = request(long, &firing()).await.json()["attachments"][0]["title"].clone();
    let title = title.as_str().expect("a title");
    assert_eq!((title.chars().count(), title.ends_with('…')), (1024, true));
}

#[tokio::test]
async fn slack_as_a_bot_updates_its_message() {
    let site = Site::start(vec![Reply::json("{\"ok\":true,\"ts\":\"17.5\",\"channel\":\"C1\"}"); 2]).await;
    let settings = format!(
        "  slack_configs: [{{app_token: xoxb-1, app_url: '{}/api/chat.postMessage', channel: c}}]\n",
        site.url
    );
    let mut receiver = receiver(&settings);
    if let skopos_alertmanager::config::IntegrationKind::Slack(config) = &mut receiver.integrations[0].kind {
        config.update_message = true;
    }
    let notifier = notifier_of(receiver, Endpoints::default());
    let delivery = notifier.notify(&firing()).await.expect("it is sent");
    let mut again = resolved();
    again.receiver_data = delivery.receiver_data;
    notifier.notify(&again).await.expect("it is updated");
    let asked = site.asked();
    assert_eq!(asked[0].line, "POST /api/chat.postMessage");
    assert_eq!(asked[0].header("authorization"), "Bearer xoxb-1");
    assert_eq!(asked[1].line, "POST /api/chat.update");
    let update = asked[1].json();
    assert_eq!((&update["ts"], &update["channel"]), (&json!("17.5"), &json!("C1")));
}

#[tokio::test]
async fn discord() {
    let settings = "  discord_configs: [{webhook_url: 'SITE/d', message: m, content: c}]\n";
    let embed = |title: &str, color: u32| json!({ "content": "c", "embeds": [{ "title": title, "description": "m", "color": color }] });
    let asked = request(settings, &firing()).await;
    assert_eq!(asked.line, "POST /d");
    assert_eq!(asked.json(), embed("[FIRING:1] Down (critical)", 0x99_2d22));
    assert_eq!(
        request(settings, &resolved()).await.json(),
        embed("[RESOLVED] Down (critical)", 0x2e_cc71)
    );
}

#[tokio::test]
async fn webex() {
    let settings = "  webex_configs: [{api_url: 'SITE/w', room_id: '{{ .Receiver }}', message: '{{ .Status }}', http_config: {authorization: {credentials: token}}}]\n";
    let asked = request(settings, &firing()).await;
    assert_eq!(
        (asked.line.as_str(), asked.header("authorization")),
        ("POST /w", "Bearer token")
    );
    assert_eq!(asked.json(), json!({ "markdown": "firing", "roomId": "r" }));
    assert_eq!(request(settings, &resolved()).await.json()["markdown"], "resolved");
}

#[tokio::test]
async fn msteams() {
    let settings = "  msteams_configs: [{webhook_url: 'SITE/t', text: x}]\n";
    let asked = request(settings, &firing()).await;
    let card = json!({
        "@context": "http://schema.org/extensions",
        "@type": "MessageCard",
        "title": "[FIRING:1] Down (critical)",
        "summary": "[FIRING:1] Down (critical)",
        "text": "x",
        "themeColor": "8C1A1A",
    });
    assert_eq!((asked.line.as_str(), asked.json()), ("POST /t", card));
    assert_eq!(request(settings, &resolved()).await.json()["themeColor"], "2DC72D");
}

#[tokio::test]
async fn msteamsv2() {
    let settings = "  msteamsv2_configs: [{webhook_url: 'SITE/t', text: x}]\n";
    let asked = request(settings, &firing()).await.json();
    assert_eq!(
        (&asked["type"], &asked["attachments"][0]["contentType"]),
        (&json!("message"), &json!("application/vnd.microsoft.card.adaptive"))
    );
    let card = &asked["attachments"][0]["content"];
    assert_eq!(
        (&card["version"], &card["msteams"]["width"]),
        (&json!("1.2"), &json!("full"))
    );
    assert_eq!(card["body"][0]["text"], "[FIRING:1] Down (critical)");
    assert_eq!(
        (&card["body"][0]["color"], &card["body"][1]["text"]),
        (&json!("Attention"), &json!("x"))
    );
    let asked = request(settings, &resolved()).await.json();
    assert_eq!(asked["attachments"][0]["content"]["body"][0]["color"], "Good");
}

#[tokio::test]
async fn telegram() {
    let settings = "  telegram_configs: [{api_url: SITE, bot_token: '12:abc', chat_id: -5, message: '<b>{{ .CommonAnnotations.summary }}</b>', disable_notifications: true}]\n";
    let asked = request(settings, &firing()).await;
    assert_eq!(asked.line, "POST /bot12:abc/sendMessage");
    let expect = json!({
        "chat_id": -5,
        "text": "<b>It is &lt;down&gt;</b>",
        "parse_mode": "HTML",
        "disable_notification": true,
        "disable_web_page_preview": true,
    });
    assert_eq!(asked.json(), expect);
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("chat");
    std::fs::write(&file, " 77\n").expect("it is written");
    let settings = format!(
        "  telegram_configs: [{{api_url: SITE, bot_token: t, chat_id_file: '{}', parse_mode: '', message: '{{{{ .Status }}}}'}}]\n",
        file.display()
    );
    let body = request(&settings, &resolved()).await.json();
    assert_eq!(
        body,
        json!({ "text": "resolved", "disable_web_page_preview": true, "chat_id": 77 })
    );
}

#[tokio::test]
async fn rocketchat() {
    let settings = "  rocketchat_configs: [{api_url: SITE, token: t, token_id: i, channel: c, text: x, actions: [{type: button, text: go, url: 'http://x'}]}]\n";
    let ok = || vec![Reply::json("{\"success\":true}")];
    let asked = requests(settings, &firing(), ok()).await.remove(0);
    assert_eq!(asked.line, "POST /api/v1/chat.postMessage");
    assert_eq!((asked.header("x-auth-token"), asked.header("x-user-id")), ("t", "i"));
    let attachment = json!({
        "title": "[FIRING:1] Down (critical)",
        "title_link": "http://am/#/alerts?receiver=r",
        "text": "x",
        "color": "red",
        "actions": [{ "type": "button", "text": "go", "url": "http://x" }],
    });
    assert_eq!(asked.json(), json!({ "channel": "c", "attachments": [attachment] }));
    let asked = requests(settings, &resolved(), ok()).await.remove(0);
    assert_eq!(asked.json()["attachments"][0]["color"], "green");
}

#[tokio::test]
async fn mattermost() {
    let settings = "  mattermost_configs: [{webhook_url: 'SITE/m', channel: c, text: x, priority: {priority: '{{ if eq .Status \"firing\" }}Urgent{{ else }}low{{ end }}', requested_ack: true, persistent_notifications: true}, props: {card: k}}]\n";
    let asked = request(settings, &firing()).await;
    let attachment = json!({
        "fallback": "[FIRING:1] Down (critical) | http://am/#/alerts?receiver=r",
        "color": "#a30200",
        "title": "[FIRING:1] Down (critical)",
        "title_link": "http://am/#/alerts?receiver=r",
    });
    let expect = json!({
        "text": "x",
        "channel": "c",
        "username": "Alertmanager",
        "attachments": [attachment],
        "props": { "card": "k" },
        "priority": { "priority": "urgent", "requested_ack": true, "persistent_notifications": true },
    });
    assert_eq!((asked.line.as_str(), asked.json()), ("POST /m", expect));
    let priority = request(settings, &resolved()).await.json()["priority"].clone();
    assert_eq!(
        priority,
        json!({ "priority": "standard", "requested_ack": false, "persistent_notifications": false })
    );
}

#[tokio::test]
async fn rendering_alone_gives_what_is_sent() {
    let settings = "  discord_configs: [{webhook_url: 'SITE/d'}]\n";
    let rendered = notifier(&settings.replace("SITE", "http://h"))
        .render(&firing())
        .expect("it renders");
    assert_eq!(rendered.body, request(settings, &firing()).await.json());
    assert_eq!(
        (rendered.kind, rendered.summary.as_str()),
        ("discord", "[FIRING:1] Down (critical)")
    );
}

#[tokio::test]
async fn a_configuration_brings_its_templates() {
    crate::bench::install_provider();
    let folder = tempfile::tempdir().expect("a folder");
    let mine = "{{ define \"__subject\" }}[mine]{{ end }}";
    std::fs::write(folder.path().join("a.tmpl"), mine).expect("it is written");
    let text = "route: {receiver: r}\ntemplates: ['*.tmpl']\nreceivers: [{name: r, discord_configs: [{webhook_url: 'http://h/'}]}]\n";
    let options = LoadOptions::for_path(folder.path().join("alertmanager.yml"));
    let config = Config::parse(text, &options).expect("it loads");
    let notifier = Notifier::new(&config, "http://am").expect("it is ready");
    assert_eq!(
        notifier.render(&firing()).expect("it renders").body["embeds"][0]["title"],
        "[mine]"
    );
    std::fs::write(folder.path().join("b.tmpl"), "\n{{ if }}").expect("it is written");
    let error = Notifier::new(&config, "http://am").expect_err("a broken file");
    assert!(
        error
            .to_string()
            .contains("b.tmpl:2: template: b.tmpl:2: missing value for if"),
        "{error}"
    );
}
