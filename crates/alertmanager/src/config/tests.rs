//! Whole configurations: verdicts, inheritance, places, writing back.

mod receivers;

use std::path::{Path, PathBuf};

use proptest::prelude::*;

use super::*;

/// The folder of shared conformance data.
fn corpus() -> PathBuf {
    let shared = std::env::var_os("SKOPOS_SHARED").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared")),
        PathBuf::from,
    );
    shared.join("conformance/alertmanager/config")
}

fn parse(text: &str) -> std::result::Result<Config, String> {
    Config::parse(text, &LoadOptions::default()).map_err(|error| error.to_string())
}

/// A configuration with one receiver `r`, which has `integrations`.
fn with_receiver(integrations: &str) -> String {
    format!("route: {{receiver: r}}\nreceivers:\n- name: r\n{integrations}")
}

#[test]
fn what_is_refused() {
    let base = "route: {receiver: r}\nreceivers: [{name: r}]\n";
    for (text, words) in [
        ("receivers: [{name: r}]", "no routes provided"),
        (
            "route: {receiver: r}\nreceivers: [{name: r}, {name: r}]",
            "notification config name \"r\" is not unique",
        ),
        (
            "route: {receiver: r, routes: [{receiver: s}]}\nreceivers: [{name: r}]",
            "undefined receiver \"s\" used in route",
        ),
        (
            "route: {receiver: r, mute_time_intervals: [x]}\nreceivers: [{name: r}]",
            "root route must not have any mute time intervals",
        ),
        (
            "route: {receiver: r, group_interval: 0s}\nreceivers: [{name: r}]",
            "group_interval cannot be zero",
        ),
        (
            "route: {receiver: r, routes: [null]}\nreceivers: [{name: r}]",
            "a route is missing here",
        ),
        (
            "route: {receiver: r, routes: [{matchers: ['a']}]}\nreceivers: [{name: r}]",
            "bad matcher format: a",
        ),
        (
            "route: {receiver: r, routes: [{match_re: {a: '('}}]}\nreceivers: [{name: r}]",
            "error parsing regexp",
        ),
        (
            "route: {receiver: r}\nroute: {receiver: r}\nreceivers: [{name: r}]",
            "field route already set in type config.plain",
        ),
        (
            &format!("{base}time_intervals: [{{name: ''}}]"),
            "missing name in time interval",
        ),
        (
            &format!("{base}mute_time_intervals: [{{name: a}}, {{name: a}}]"),
            "mute time interval \"a\" is not unique",
        ),
        (&format!("{base}templates: ['a[']"), "syntax error in pattern"),
        (
            &format!("{base}global: {{smtp_smarthost: '::1:25'}}"),
            "too many colons in address",
        ),
        (
            &format!("{base}global: {{smtp_smarthost: 'a:'}}"),
            "address \"a:\": port cannot be empty",
        ),
        (
            &format!("{base}global: {{opsgenie_api_url: a.b}}"),
            "unsupported scheme \"\" for URL",
        ),
        (
            &format!("{base}global: {{opsgenie_api_url: 'http://'}}"),
            "missing host for URL",
        ),
        (
            &format!("{base}global: {{slack_app_token: a, slack_api_url: 'http://b/'}}"),
            "at most one of slack_app_token/slack_app_token_file & slack_api_url/slack_api_url_file must be configured",
        ),
        (
            &format!("{base}global: {{smtp_auth_secret: a, smtp_auth_secret_file: b}}"),
            "at most one of smtp_auth_secret & smtp_auth_secret_file must be configured",
        ),
        (
            &format!("{base}global: {{resolve_timeout: 5}}"),
            "not a valid duration string: \"5\"",
        ),
        (
            &format!("{base}tracing: {{insecure: true}}"),
            "tracing endpoint must be set",
        ),
        (
            &format!("{base}inhibit_rules: [{{source_match: {{'a.b': c}}}}]"),
            "invalid label name \"a.b\"",
        ),
        ("- a", "cannot unmarshal !!seq into config.plain"),
        (
            "\"BAD\nthing to say\"",
            "cannot unmarshal !!str `BAD thi...` into config.plain",
        ),
        ("a: [", "yaml: "),
    ] {
        let error = parse(text).expect_err(text);
        assert!(error.contains(words), "{text}\nshould say {words}\nsays {error}");
    }
}

#[test]
fn errors_name_place_and_advice() {
    let error = parse("route:\n  receiver: r\n  group_bye: [a]\nreceivers: [{name: r}]").expect_err("a misspelt key");
    assert_eq!(
        error,
        "alertmanager.yml:3:3: field group_bye not found in type config.plain\n  help: did you mean group_by?"
    );
}

#[test]
fn classic_mode_knows_classic_names_only() {
    let text = "route: {receiver: r, group_by: [a.b]}\nreceivers: [{name: r}]";
    assert!(parse(text).is_ok());
    let options = LoadOptions {
        parser_mode: ParserMode::Classic,
        ..LoadOptions::default()
    };
    let error = Config::parse(text, &options).expect_err("a dotted name");
    assert_eq!(error.message, "invalid label name \"a.b\" in group_by list");
}

#[test]
fn releases_differ_in_their_fields() {
    let text = "route: {receiver: r, labels: {a: b}}\nreceivers: [{name: r}]";
    let config = parse(text).expect("0.34 knows labels of routes");
    assert_eq!(config.route.labels.get("a").map(String::as_str), Some("b"));
    let options = LoadOptions {
        release: Release::V0_33,
        ..LoadOptions::default()
    };
    let error = Config::parse(text, &options).expect_err("0.33 does not");
    assert_eq!(error.message, "field labels not found in type config.plain");
}

#[test]
fn warnings_have_their_places() {
    let text = "route:\n  receiver: r\n  repeat_interval: 6d\n  routes:\n  - matchers: [a=!b]\nreceivers:\n- name: r\n- name: s\n";
    let warnings = parse(text).expect("a configuration").warnings;
    let shown: Vec<String> = warnings.iter().map(ToString::to_string).collect();
    assert!(shown[0].starts_with("2:3: repeat_interval is longer"), "{shown:?}");
    assert!(shown[1].starts_with("5:16: matchers \"a=!b\""), "{shown:?}");
    assert!(shown[1].ends_with("write a=\"!b\""), "{shown:?}");
    assert_eq!(shown[2], "8:3: no route names the receiver \"s\": it is never notified");
    assert_eq!(shown.len(), 3);
}

#[test]
fn templates_are_found_beside_the_configuration() {
    let text = "route: {receiver: r}\nreceivers: [{name: r}]\ntemplates: [t/*.tmpl, /abs/*.tmpl]";
    let config = Config::parse(text, &LoadOptions::for_path("/etc/am/alertmanager.yml")).expect("a configuration");
    assert_eq!(config.templates, ["/etc/am/t/*.tmpl", "/abs/*.tmpl"]);
    assert_eq!(config.folder(), Path::new("/etc/am"));
}

#[test]
fn rules_join_old_and_new_keys() {
    let text = "route: {receiver: r}\nreceivers: [{name: r}]\ninhibit_rules:\n- source_match: {a: b}\n  source_match_re: {c: d|e}\n  source_matchers: ['f!=g']\n  target_matchers: ['{h=i, j=k}']\n  equal: [l]\n- {}\n";
    let config = parse(text).expect("a configuration");
    let rule = &config.inhibit_rules[0];
    assert_eq!(rule.source().to_string(), "{a=\"b\",c=~\"^(?:d|e)$\",f!=\"g\"}");
    assert_eq!(rule.target().to_string(), "{h=\"i\",j=\"k\"}");
    assert_eq!(rule.equal, ["l"]);
    assert!(config.inhibit_rules[1].source().is_empty());
}

/// Writes a configuration, reads that back, and compares what that writes.
fn check_round_trip(text: &str, options: &LoadOptions) {
    let config = Config::parse(text, options).expect("a valid configuration");
    let written = config.to_yaml();
    let read = Config::parse(&written, options).unwrap_or_else(|error| panic!("{error}\n{written}"));
    assert_eq!(read.to_yaml(), written);
    assert_eq!(read.route.all_matchers(), config.route.all_matchers());
    assert_eq!(
        crate::RouteTree::new(&read).to_string(),
        crate::RouteTree::new(&config).to_string()
    );
}

#[test]
fn valid_files_of_the_corpus_read_back() {
    let mut n_valid = 0;
    for entry in std::fs::read_dir(corpus()).expect("the shared data; set SKOPOS_SHARED") {
        let path = entry.expect("an entry").path();
        let text = std::fs::read_to_string(&path).expect("a readable file");
        let options = LoadOptions::for_path(&path);
        if path.extension().is_some_and(|extension| extension == "yml") && Config::parse(&text, &options).is_ok() {
            check_round_trip(&text, &options);
            n_valid += 1;
        }
    }
    assert!(n_valid >= 15, "{n_valid}");
}

#[test]
fn secrets_are_never_written() {
    let text = std::fs::read_to_string(corpus().join("conf.good.yml")).expect("the shared data; set SKOPOS_SHARED");
    let config = parse(&text).expect("a valid configuration");
    let written = config.to_yaml();
    assert!(written.contains("<secret>"), "{written}");
    assert!(
        !written.contains("mysecret") && !format!("{config:?}").contains("mysecret"),
        "{written}"
    );
    assert_eq!(config.global.smtp_auth_password.expose(), "multiline\nmysecret");
}

proptest! {
    #[test]
    fn no_text_panics(text in "(route|receivers|global|matchers|name|group_by|webhook_configs|\\[|\\]|\\{|\\}|: |- |\n|  |'|\"|a=~b|\\.\\.\\.|null|&x|\\*x|.){0,40}") {
        let parsed = Config::parse(&text, &LoadOptions::default());
        prop_assert!(parsed.is_err() || text.contains("route"));
    }

    #[test]
    fn changed_configurations_never_panic(at in 0usize..4000, with in "\\PC{0,3}|\n|: |- ", length in 0usize..20) {
        let text = std::fs::read_to_string(corpus().join("conf.good.yml")).expect("the shared data; set SKOPOS_SHARED");
        let mut chars: Vec<char> = text.chars().collect();
        let at = at.min(chars.len());
        let end = (at + length).min(chars.len());
        chars.splice(at..end, with.chars());
        let text: String = chars.into_iter().collect();
        if let Ok(config) = Config::parse(&text, &LoadOptions::default()) {
            prop_assert!(Config::parse(&config.to_yaml(), &LoadOptions::default()).is_ok());
        }
    }
}
