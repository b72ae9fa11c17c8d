//! Receivers of all kinds: what is required, inherited and written back.

use super::super::receiver::{JiraApiType, ThreadByDate};
use super::*;

fn refuse(integration: &str, words: &str) {
    let error = parse(&with_receiver(integration)).expect_err(integration);
    assert!(error.contains(words), "{integration}\nshould say {words}\nsays {error}");
}

/// Integrations and the words in which they are refused.
const REFUSED: &[(&str, &str)] = &[
    ("  webhook_configs: [null]", "missing webhook config"),
    (
        "  slack_configs: [null]",
        "no Slack API URL nor App token set either inline or in a file",
    ),
    (
        "  webhook_configs: [{urll: 'http://a/'}]",
        "field urll not found in type config.plain\n  help: did you mean url?",
    ),
    (
        "  webhook_configs: [{url: 'http://a/', url_file: b}]",
        "at most one of url & url_file must be configured",
    ),
    (
        "  webhook_configs: [{url: 'http://a/', timeout: 1d}]",
        "time: invalid duration \"1d\"",
    ),
    ("  email_configs: [{to: ''}]", "missing to address in email config"),
    ("  email_configs: [{to: a}]", "no global SMTP smarthost set"),
    (
        "  email_configs: [{to: a, headers: {subject: a, Subject: b}}]",
        "duplicate header \"Subject\" in email config",
    ),
    (
        "  email_configs: [{to: a, threading: {enabled: true, thread_by_date: weekly}}]",
        "threading.thread_by_date must be either 'none' or 'daily'",
    ),
    (
        "  email_configs: [{to: a, headers: {in-reply-to: a}, threading: {enabled: true, thread_by_date: daily}}]",
        "threading.enabled conflicts with custom In-Reply-To header",
    ),
    (
        "  pagerduty_configs: [{routing_key: a, routing_key_file: b}]",
        "at most one of routing_key & routing_key_file must be configured",
    ),
    (
        "  opsgenie_configs: [{api_key: a, responders: [{type: team}]}]",
        "has to have at least one of id, username or name specified",
    ),
    (
        "  opsgenie_configs: [{api_key: a, responders: [{id: b, type: crowd}]}]",
        "type does not match valid options ^(team|teams|user|escalation|schedule)$",
    ),
    ("  wechat_configs: [{api_secret: a}]", "no global Wechat CorpID set"),
    (
        "  wechat_configs: [{api_secret: a, corp_id: b, message_type: image}]",
        "weChat message type \"image\" does not match valid options ^(text|markdown)$",
    ),
    (
        "  slack_configs: [{api_url: 'http://a/', app_token: b}]",
        "at most one of api_url/api_url_file & app_token/app_token_file must be configured",
    ),
    (
        "  slack_configs: [{app_token: b, http_config: {authorization: {credentials: c}}}]",
        "http authorization can't be set when using Slack App tokens",
    ),
    (
        "  slack_configs: [{api_url: 'http://a/', fields: [{title: b}]}]",
        "missing value in Slack field configuration",
    ),
    (
        "  slack_configs: [{api_url: 'http://a/', actions: [{type: button, text: b}]}]",
        "missing name or url in Slack action configuration",
    ),
    (
        "  slack_configs: [{api_url: 'http://a/', actions: [{type: button, text: b, name: c, confirm: {title: d}}]}]",
        "missing text in Slack confirmation configuration",
    ),
    (
        "  victorops_configs: [{api_key: a}]",
        "missing Routing key in VictorOps config",
    ),
    (
        "  victorops_configs: [{api_key: a, routing_key: b, custom_fields: {entity_id: c}}]",
        "victorOps config contains custom field entity_id which cannot be used",
    ),
    (
        "  pushover_configs: [{token: a}]",
        "one of user_key or user_key_file must be configured",
    ),
    (
        "  pushover_configs: [{token: a, user_key: b, html: true, monospace: true}]",
        "at most one of monospace & html must be configured",
    ),
    (
        "  sns_configs: [{topic_arn: a, target_arn: b}]",
        "must provide either a Target ARN, Topic ARN, or Phone Number for SNS config",
    ),
    (
        "  sns_configs: [{topic_arn: a, sigv4: {access_key: b}}]",
        "must provide a AWS SigV4 Access key and Secret Key",
    ),
    (
        "  telegram_configs: [{bot_token: a, chat_id: 1, chat_id_file: b}]",
        "at most one of chat_id & chat_id_file must be configured",
    ),
    (
        "  telegram_configs: [{bot_token: a, chat_id: 1, parse_mode: html}]",
        "unknown parse_mode on telegram_config",
    ),
    (
        "  discord_configs: [{title: a}]",
        "one of webhook_url or webhook_url_file must be configured",
    ),
    (
        "  webex_configs: [{room_id: a}]",
        "missing webex_configs.http_config.authorization",
    ),
    ("  webex_configs: [{}]", "missing room_id on webex_config"),
    (
        "  msteams_configs: [{webhook_url: 'http://a/', webhook_url_file: b}]",
        "at most one of webhook_url & webhook_url_file must be configured",
    ),
    ("  jira_configs: [{project: a}]", "missing issue_type in jira_config"),
    (
        "  jira_configs: [{project: a, issue_type: b}]",
        "no global Jira Cloud URL set",
    ),
    (
        "  jira_configs: [{project: a, issue_type: b, api_type: server}]",
        "unknown api_type on jira_config, must be auto, cloud or datacenter",
    ),
    (
        "  rocketchat_configs: [{}]",
        "no global Rocketchat TokenID set either inline or in a file",
    ),
    (
        "  incidentio_configs: [{url: 'http://a/'}]",
        "at least one of alert_source_token, alert_source_token_file or http_config.authorization must be configured",
    ),
    (
        "  incidentio_configs: [{url: 'http://a/', alert_source_token: b, http_config: {authorization: {credentials: c}}}]",
        "cannot specify alert_source_token or alert_source_token_file when using http_config.authorization",
    ),
    (
        "  mattermost_configs: [{webhook_url: 'http://a/', fields: [{value: b}]}]",
        "missing title in Mattermost field configuration",
    ),
    (
        "  mattermost_configs: [{webhook_url: 'http://a/', colour: b}]",
        "field colour not found in type config.plain",
    ),
];

#[test]
fn what_each_kind_requires() {
    for (integration, words) in REFUSED {
        refuse(integration, words);
    }
}

/// A receiver with every kind, many fields of each set.
const EVERYTHING: &str = r##"
global:
  resolve_timeout: 1h30m
  http_config: {proxy_url: "http://proxy:1", http_headers: {X-A: {values: [a], secrets: [b]}}}
  smtp_smarthost: "[::1]:25"
  smtp_from: from@example.org
  smtp_auth_password_file: /run/password
  smtp_tls_config: {insecure_skip_verify: true}
  smtp_force_implicit_tls: true
  slack_app_token: xoxb
  jira_api_url: https://example.atlassian.net/rest/api/2
  opsgenie_api_key: k
  victorops_api_key: k
  telegram_bot_token: t
  rocketchat_token: t
  rocketchat_token_id_file: /run/id
  mattermost_webhook_url: https://mattermost.example.org/hooks/x
  wechat_api_secret: s
  wechat_api_corp_id: c
route: {receiver: r, routes: [{receiver: r, matchers: ['"a b"="x"', 'c=~"d\\d"']}]}
receivers:
- name: r
  labels: {team: x}
  webhook_configs:
  - {url: "https://example.org/{{ .Receiver }}", max_alerts: 3, timeout: 1.5s, payload: {a: [1, "2", yes, {b: "{{ .Status }}"}], c: null}}
  - {url_file: /run/url, send_resolved: false}
  email_configs: [{to: a@example.org, headers: {subject: s, x-PRIORITY: "1"}, text: "{{ . }}\nmore", html: "", threading: {enabled: true, thread_by_date: daily}}]
  pagerduty_configs: [{routing_key: k, details: {firing: "", n: 1, deep: {x: [z]}}, images: [{src: a}], links: [{href: b}], timeout: 10s}]
  opsgenie_configs: [{api_url: "https://opsgenie.example.org", responders: [{name: a, type: Team}, {id: b, type: "{{ .x }}"}], details: {a: b}}]
  wechat_configs: [null]
  slack_configs:
  - {channel: "#a", title: "", fields: [{title: a, value: b, short: false}], actions: [{type: button, text: c, url: "http://d/", name: e}], mrkdwn_in: [text]}
  - {api_url: "https://slack.com/api/chat.postMessage", update_message: true, http_config: {authorization: {credentials: c}}}
  victorops_configs: [{routing_key: r, custom_fields: {a: b}}]
  pushover_configs: [{token: t, user_key_file: /run/user, retry: 30s, expire: 2h, ttl: 24h, html: true}]
  sns_configs: [{topic_arn: a, sigv4: {region: eu-west-1, access_key: k, secret_key: s, external_id: e}, attributes: {k: v}}]
  telegram_configs: [{chat_id: -100123, message_thread_id: 4, parse_mode: ""}]
  discord_configs: [{webhook_url: "https://discord.example.org/x", content: c}]
  webex_configs: [{room_id: r, http_config: {authorization: {credentials: c}}}]
  msteams_configs: [{webhook_url_file: /run/teams}]
  msteamsv2_configs: [{webhook_url: "https://teams.example.org/x"}]
  jira_configs: [{project: P, issue_type: Bug, api_type: cloud, summary: {template: s, enable_update: false}, description: d, labels: [l], reopen_duration: 30d, fields: {customfield_1: {value: red}, customfield_2: "10"}}]
  rocketchat_configs: [{channel: c, fields: [{title: t, value: v}], actions: [{text: t, msg: m}]}]
  incidentio_configs: [{url: "https://api.incident.io/x", alert_source_token: t, timeout: 5s}]
  mattermost_configs: [{fields: [{title: t, value: v, short: true}], attachments: [{text: a}], props: {card: c}, priority: {priority: urgent, requested_ack: true}}]
time_intervals:
- name: night
  time_intervals: [{times: [{start_time: "22:00", end_time: "24:00"}], weekdays: ["monday:friday"], location: Europe/Berlin}]
tracing: {endpoint: "localhost:4317", headers: {X-B: {secrets: [s]}}, timeout: 5s}
"##;

#[test]
fn everything_reads_back() {
    check_round_trip(EVERYTHING, &LoadOptions::default());
}

#[test]
fn integrations_come_in_the_order_of_kinds() {
    let config = parse(EVERYTHING).expect("a configuration");
    let receiver = config.receiver("r").expect("the receiver");
    let labels: Vec<String> = receiver.integrations.iter().map(Integration::label).collect();
    let wanted = "webhook[0] webhook[1] email[0] pagerduty[0] opsgenie[0] wechat[0] slack[0] slack[1] victorops[0] pushover[0] \
                  sns[0] telegram[0] discord[0] webex[0] msteams[0] msteamsv2[0] jira[0] rocketchat[0] incidentio[0] mattermost[0]";
    assert_eq!(labels.join(" "), wanted);
    let silent: Vec<String> = receiver
        .integrations
        .iter()
        .filter(|integration| !integration.send_resolved)
        .map(Integration::label)
        .collect();
    assert_eq!(
        silent,
        [
            "webhook[1]",
            "email[0]",
            "wechat[0]",
            "slack[0]",
            "slack[1]",
            "rocketchat[0]"
        ]
    );
}

/// The integration of that label.
fn integration(config: &Config, label: &str) -> IntegrationKind {
    let mut all = config.receivers.iter().flat_map(|receiver| &receiver.integrations);
    all.find(|integration| integration.label() == label)
        .expect(label)
        .kind
        .clone()
}

#[test]
fn receivers_inherit_from_global() {
    let config = parse(EVERYTHING).expect("a configuration");
    let IntegrationKind::Email(email) = integration(&config, "email[0]") else {
        panic!("not email")
    };
    assert_eq!(
        (email.from.as_str(), email.smarthost.as_str()),
        ("from@example.org", "[::1]:25")
    );
    assert_eq!(
        (email.auth_password_file.as_str(), email.hello.as_str()),
        ("/run/password", "localhost")
    );
    assert!(email.tls_config.insecure_skip_verify && email.require_tls && email.force_implicit_tls == Some(true));
    assert!(email.headers.contains_key("X-Priority") && email.headers.contains_key("Subject"));
    assert_eq!(email.threading.thread_by_date, Some(ThreadByDate::Daily));
    let IntegrationKind::Slack(bot) = integration(&config, "slack[0]") else {
        panic!("not slack")
    };
    assert_eq!(
        (bot.app_token.expose(), bot.api_url.is_empty(), bot.title.as_str()),
        ("xoxb", true, "")
    );
    assert_eq!(bot.http_config.proxy.proxy_url, "http://proxy:1");
    assert!(bot.actions[0].name.is_empty());
    let IntegrationKind::Slack(updating) = integration(&config, "slack[1]") else {
        panic!("not slack")
    };
    assert!(
        updating.app_token.is_empty() && updating.update_message && updating.http_config.proxy.proxy_url.is_empty()
    );
    let IntegrationKind::Opsgenie(opsgenie) = integration(&config, "opsgenie[0]") else {
        panic!("not opsgenie")
    };
    assert_eq!(
        (opsgenie.api_url.as_str(), opsgenie.api_key.expose()),
        ("https://opsgenie.example.org/", "k")
    );
    let IntegrationKind::Jira(jira) = integration(&config, "jira[0]") else {
        panic!("not jira")
    };
    assert_eq!(jira.api_type, JiraApiType::Cloud);
    assert!(!jira.summary.enable_update && jira.description.enable_update);
    let IntegrationKind::Rocketchat(rocketchat) = integration(&config, "rocketchat[0]") else {
        panic!("not rocketchat")
    };
    assert_eq!(
        (rocketchat.token.expose(), rocketchat.token_id_file.as_str()),
        ("t", "/run/id")
    );
}

#[test]
fn free_form_values_keep_their_types() {
    let config = parse(EVERYTHING).expect("a configuration");
    let IntegrationKind::Webhook(webhook) = integration(&config, "webhook[0]") else {
        panic!("not a webhook")
    };
    let payload = webhook.payload.expect("the payload").to_string();
    assert_eq!(payload, r#"{"a":[1,"2",true,{"b":"{{ .Status }}"}],"c":null}"#);
    assert_eq!(webhook.timeout, Duration::from_millis(1500));
    let IntegrationKind::Pagerduty(pagerduty) = integration(&config, "pagerduty[0]") else {
        panic!("not pagerduty")
    };
    assert_eq!(pagerduty.details["firing"], "");
    assert_eq!(pagerduty.details["resolved"], "{{ .Alerts.Resolved | toJson }}");
    assert_eq!(pagerduty.details["deep"].to_string(), r#"{"x":["z"]}"#);
    assert_eq!(pagerduty.source, "{{ template \"pagerduty.default.client\" . }}");
}

#[test]
fn urls_of_webhooks_keep_their_host_when_written() {
    for (url, written) in [
        (
            "http://user:pass@127.0.0.1:5001/hook?token=x",
            "url: http://127.0.0.1:5001/<secret>\n",
        ),
        ("https://example.org", "url: https://example.org/<secret>\n"),
        ("https://example.org/{{ .Receiver }}", "url: <secret>\n"),
    ] {
        let config = parse(&with_receiver(&format!("  webhook_configs: [{{url: '{url}'}}]"))).expect(url);
        let yaml = config.to_yaml();
        assert!(yaml.contains(written), "{yaml}");
        assert_eq!(parse(&yaml).expect("what is written reads back").to_yaml(), yaml);
    }
}
