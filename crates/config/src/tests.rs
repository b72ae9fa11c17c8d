//! Defaults, errors with places and advice, hidden secrets, files, and arbitrary input.

use std::path::Path;
use std::time::Duration;

use proptest::prelude::*;

use super::*;

fn parse(text: &str) -> Result<PrometheusConfig, ConfigError> {
    PrometheusConfig::parse(text, Path::new("prometheus.yml"))
}

fn error(text: &str) -> String {
    parse(text).expect_err(text).to_string()
}

#[test]
fn an_empty_file_has_defaults() {
    let config = parse("").expect("an empty configuration is one");
    assert_eq!(config.global.scrape_interval, Duration::from_mins(1));
    assert_eq!(config.global.scrape_timeout, Duration::from_secs(10));
    assert_eq!(config.scrape_configs, []);
}

#[test]
fn jobs_inherit_from_global() {
    let config =
        parse("global: {scrape_interval: 5s, sample_limit: 7}\nscrape_configs: [{job_name: a}]").expect("good");
    let job = &config.scrape_configs[0];
    assert_eq!(job.scrape_interval, Duration::from_secs(5));
    assert_eq!(job.scrape_timeout, Duration::from_secs(5));
    assert_eq!(job.limits.sample_limit, 7);
    assert_eq!((job.metrics_path.as_str(), job.scheme.as_str()), ("/metrics", "http"));
}

#[test]
fn errors_say_where_and_how_to_mend() {
    assert_eq!(
        error("scrape_configs:\n  - job_name: a\n    scrape_intervall: 5s\n"),
        "prometheus.yml:3:5: field scrape_intervall not found in type config.plain\n  help: did you mean scrape_interval?"
    );
    assert_eq!(
        error("global:\n  scrape_interval: 5 seconds\n"),
        "prometheus.yml:2:20: unknown unit \" seconds\" in duration \"5 seconds\"\n  help: scrape_interval takes a duration such as 30s or 1h30m"
    );
    assert!(error("global: [1]").starts_with("prometheus.yml:1:9: cannot unmarshal !!seq into config.plain"));
    assert!(error("a: b: c").contains(":1:"), "{}", error("a: b: c"));
    let missing = PrometheusConfig::load(Path::new("/does/not/exist.yml")).expect_err("no such file");
    assert!(
        missing
            .to_string()
            .starts_with("/does/not/exist.yml: couldn't load configuration")
    );
}

#[test]
fn secrets_are_hidden() {
    let config = parse(
        "scrape_configs:\n  - job_name: a\n    basic_auth: {username: u, password: hunter2}\n    consul_sd_configs: [{server: 's:1', token: hunter2}]\n",
    )
    .expect("good");
    let yaml = config.to_yaml();
    assert!(!yaml.contains("hunter2") && yaml.contains("<secret>"), "{yaml}");
    assert!(!format!("{:?}", config.scrape_configs[0].http_client).contains("hunter2"));
    assert_eq!(config.warnings, Vec::<String>::new());
}

#[test]
fn discoveries_that_are_not_carried_out_are_named() {
    let text = "scrape_configs: [{job_name: a, hetzner_sd_configs: [{role: hcloud}]}, {job_name: b, aws_sd_configs: [{role: ec2}]}, {job_name: c, dns_sd_configs: [{names: [x]}]}]\nalerting: {alertmanagers: [{file_sd_configs: [{files: [a.yml]}]}, {aws_sd_configs: [{role: ecs}]}]}";
    let warnings = parse(text).expect("good").warnings;
    assert_eq!(warnings.len(), 2, "{warnings:?}");
    assert!(warnings[0].starts_with("job \"a\": hetzner_sd_configs"), "{warnings:?}");
    assert!(
        warnings[1].starts_with("alerting: aws_sd_configs of item 2"),
        "{warnings:?}"
    );
}

#[test]
fn a_signature_for_amazon_stands_alone_and_hides_its_key() {
    let text = |more: &str| {
        let sigv4 = "sigv4: {region: r, access_key: AK, secret_key: hunter2, use_fips_sts_endpoint: true}";
        format!(
            "remote_write: [{{url: 'http://a/', {sigv4}}}]\nalerting: {{alertmanagers: [{{static_configs: [{{targets: [a]}}], {sigv4}{more}}}]}}"
        )
    };
    let config = parse(&text("")).expect("good");
    assert_eq!(config.warnings, Vec::<String>::new());
    let yaml = config.to_yaml();
    assert!(
        yaml.contains("use_fips_sts_endpoint: true") && !yaml.contains("hunter2"),
        "{yaml}"
    );
    let error = parse(&text(", basic_auth: {username: u}"))
        .expect_err("two kinds")
        .to_string();
    assert!(
        error.contains("at most one of basic_auth, authorization, oauth2, & sigv4"),
        "{error}"
    );
    let half = parse("remote_write: [{url: 'http://a/', sigv4: {access_key: AK}}]").expect_err("half a key");
    assert!(half.to_string().contains("Access key and Secret Key"), "{half}");
}

#[test]
fn settings_without_effect_are_named() {
    let text = "storage: {tsdb: {stale_series_compaction_threshold: 0.5, chunk_encoding: {floats: xor2}}}\ntracing: {endpoint: 'a:4317'}\nremote_write: [{url: 'http://a/', round_robin_dns: true}]";
    let warnings = parse(text).expect("good").warnings;
    let named = [
        "storage.tsdb.stale_series_compaction_threshold has no effect",
        "storage.tsdb.chunk_encoding has no effect",
    ];
    assert_eq!(warnings.len(), named.len(), "{warnings:?}");
    for (warning, named) in warnings.iter().zip(named) {
        assert!(warning.starts_with(named), "{warning}");
    }
}

#[test]
fn a_tracing_section_has_defaults_and_is_checked() {
    let config = parse("tracing: {endpoint: 'a:4317'}").expect("good");
    assert_eq!(config.warnings, Vec::<String>::new());
    let tracing = config.tracing.expect("there");
    assert_eq!((tracing.client_type, tracing.endpoint.as_str()), ("grpc", "a:4317"));
    assert_eq!((tracing.sampling_fraction, tracing.insecure), (0.0, false));
    assert_eq!((tracing.compression, tracing.timeout), ("", Duration::from_secs(10)));
    let all = "tracing: {endpoint: 'a:4318', client_type: http, sampling_fraction: 0.5, insecure: true, \
               compression: gzip, timeout: 3s, headers: {X-Scope-OrgID: t}}";
    let tracing = parse(all).expect("good").tracing.expect("there");
    assert_eq!((tracing.client_type, tracing.sampling_fraction), ("http", 0.5));
    assert_eq!((tracing.compression, tracing.timeout), ("gzip", Duration::from_secs(3)));
    assert_eq!(tracing.headers.get("X-Scope-OrgID").map(String::as_str), Some("t"));
    for (section, reason) in [
        ("{}", "tracing endpoint must be set"),
        (
            "{endpoint: a, client_type: udp}",
            "expected tracing client type to be grpc or http, but got udp",
        ),
        (
            "{endpoint: a, compression: zstd}",
            "invalid compression type zstd provided, valid options: gzip",
        ),
        (
            "{endpoint: a, headers: {Authorization: b}}",
            "authorization header configuration is not yet supported",
        ),
        (
            "{endpoint: a, headers: {User-Agent: b}}",
            "User-Agent is a reserved header. It must not be changed",
        ),
    ] {
        let told = error(&format!("tracing: {section}"));
        assert!(told.contains(reason), "{section}: {told}");
    }
}

#[test]
fn what_is_written_reads_back() {
    let text = "global: {scrape_interval: 5s, external_labels: {a: b}}\nscrape_configs:\n  - job_name: a\n    params: {x: [y]}\n    static_configs: [{targets: ['h:1'], labels: {l: '1'}}]\n    relabel_configs: [{source_labels: [l], regex: 'x|(.*)', target_label: m, replacement: '${1}$2'}]\n";
    let config = parse(text).expect("good");
    let again = parse(&config.to_yaml()).unwrap_or_else(|error| panic!("{error}\n{}", config.to_yaml()));
    assert_eq!(again, config, "{}", config.to_yaml());
}

#[test]
fn variables_expand_with_the_types_of_their_place() {
    let options = LoadOptions {
        mode: Mode::Server,
        environment: &|name| (name == "PORT").then(|| "9100".to_owned()),
    };
    let text = "global: {scrape_interval: '${EVERY:-7s}'}\nscrape_configs: [{job_name: a, static_configs: [{targets: ['h:$PORT']}]}]";
    let config = PrometheusConfig::parse_with(text, Path::new("p.yml"), &options).expect("good");
    assert_eq!(config.global.scrape_interval, Duration::from_secs(7));
    assert_eq!(config.scrape_configs[0].discovery.static_configs[0].targets, ["h:9100"]);
}

#[test]
fn files_start_at_the_configuration() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::create_dir(folder.path().join("rules")).expect("writable");
    for name in ["b.yml", "a.yml", "c.txt"] {
        std::fs::write(folder.path().join("rules").join(name), "groups: []").expect("writable");
    }
    let file = folder.path().join("prometheus.yml");
    std::fs::write(&file, "rule_files: ['rules/*.yml', first.yml]").expect("writable");
    let paths = PrometheusConfig::load(&file)
        .expect("good")
        .rule_file_paths()
        .expect("patterns are good");
    let names: Vec<_> = paths
        .iter()
        .filter_map(|path| path.strip_prefix(folder.path()).ok())
        .collect();
    assert_eq!(
        names,
        [
            Path::new("rules/a.yml"),
            Path::new("rules/b.yml"),
            Path::new("first.yml")
        ]
    );
}

#[test]
fn target_groups_are_read_from_yaml_and_json() {
    for text in [
        "- targets: ['h:1']\n  labels: {a: b}",
        r#"[{"targets":["h:1"],"labels":{"a":"b"}}]"#,
    ] {
        let groups = parse_target_groups(text, Path::new("t.yml")).expect(text);
        assert_eq!(
            (groups[0].targets.as_slice(), groups[0].labels["a"].as_str()),
            (&["h:1".to_owned()][..], "b")
        );
    }
    let error = parse_target_groups("- targets: ['http://h/x']", Path::new("t.yml")).expect_err("a URL");
    assert!(
        error
            .to_string()
            .contains("t.yml:1:13: \"http://h/x\" is not a valid hostname"),
        "{error}"
    );
}

#[test]
fn documents_of_aliases_stay_bounded() {
    let mut text = "a: &a [x,x,x,x,x,x,x,x,x,x]\n".to_owned();
    for (name, of) in ["b", "c", "d", "e", "f", "g", "h"]
        .iter()
        .zip(["a", "b", "c", "d", "e", "f", "g"])
    {
        text.push_str(&[name, ": &", name, " [", &vec![format!("*{of}"); 10].join(","), "]\n"].concat());
    }
    assert!(error(&text).contains("too large"), "{}", error(&text));
}

proptest! {
    #[test]
    fn no_text_panics(text in "[a-z_:\\- \\n\\[\\]{}\"'&*$#|>]{0,80}") {
        prop_assert!(parse(&text).map_or_else(|error| !error.to_string().is_empty(), |config| !config.to_yaml().is_empty()));
    }
}

#[test]
fn an_assertion_of_oauth2_is_read_and_shown_without_its_key() {
    let text = "scrape_configs:\n  - job_name: a\n    oauth2:\n      client_id: c\n      token_url: http://t/\n      grant_type: urn:ietf:params:oauth:grant-type:jwt-bearer\n      client_certificate_key_id: k1\n      client_certificate_key: hunter2\n      signature_algorithm: RS384\n      iss: me\n      audience: you\n      claims: {level: 3, roles: [a, 'b'], admin: false, code: '007', share: 0.5, none: }\n";
    let config = parse(text).expect("good");
    let oauth2 = config.scrape_configs[0].http_client.oauth2.as_ref().expect("a section");
    assert_eq!(oauth2.grant_type, GrantType::JwtBearer);
    assert_eq!(oauth2.jwt.signature_algorithm, SignatureAlgorithm::RS384);
    let claims: Vec<String> = oauth2
        .jwt
        .claims
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    assert_eq!(
        claims,
        [
            "admin=false",
            "code=\"007\"",
            "level=3",
            "none=null",
            "roles=[\"a\",\"b\"]",
            "share=0.5"
        ]
    );
    let yaml = config.to_yaml();
    assert!(
        yaml.contains("client_certificate_key: <secret>") && !yaml.contains("hunter2"),
        "{yaml}"
    );
    let again = parse(&yaml.replace("<secret>", "hunter2")).unwrap_or_else(|error| panic!("{error}\n{yaml}"));
    assert_eq!(again, config, "{yaml}");

    let wrong = text.replace("RS384", "ES256");
    assert!(
        error(&wrong).contains("valid signature algorithms are RS256, RS384 and RS512"),
        "{}",
        error(&wrong)
    );
    let doubled = text.replace("iss: me", "client_certificate_key_file: f");
    assert!(
        error(&doubled).contains("at most one of oauth2 client_certificate_key,"),
        "{}",
        error(&doubled)
    );
    // The keys of another grant do not matter to this one.
    assert!(parse(&text.replace("iss: me", "client_secret: a\n      client_secret_file: b")).is_ok());
    let of_secret = doubled.replace("urn:ietf:params:oauth:grant-type:jwt-bearer", "client_credentials");
    assert!(parse(&of_secret).is_ok());
}
