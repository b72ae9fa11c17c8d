//! What is read, what is refused and with which words, and what librdkafka is told.

use super::*;

const SECRET: &str = "correct horse";

fn read(variables: &[(&str, &str)]) -> Result<Security, BusError> {
    Security::from_lookup(|name| {
        let found = variables.iter().find(|(known, _)| *known == name);
        found.map(|(_, value)| OsString::from(value))
    })
}

/// What librdkafka is told; rdkafka shows no password.
fn told(security: &Security) -> Vec<(String, String)> {
    let mut config = ClientConfig::new();
    security.apply(&mut config);
    let map = config.config_map().into_iter();
    map.map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
}

/// The text of the refusal: it names the variable and shows no password.
fn refusal(variables: &[(&str, &str)], variable: &str) -> String {
    let text = read(variables).expect_err("it does not fit").to_string();
    assert!(text.starts_with(&format!("read {variable}: ")), "{text}");
    assert!(text.contains('\n'), "it says how to mend it: {text}");
    assert!(!text.contains(SECRET), "{text}");
    text
}

#[test]
fn nothing_set_is_plain_text() {
    for variables in [&[][..], &[(PROTOCOL, "")], &[(PROTOCOL, "plaintext"), (PASSWORD, "")]] {
        let security = read(variables).expect("plain text");
        assert!(security.is_plain());
        assert_eq!(
            told(&security),
            [("security.protocol".to_owned(), "plaintext".to_owned())]
        );
    }
}

#[test]
fn a_password_over_tls_with_a_certificate() {
    let file = tempfile::NamedTempFile::new().expect("a file");
    let path = file.path().to_str().expect("UTF-8");
    let security = read(&[
        (PROTOCOL, "sasl_ssl"),
        (MECHANISM, "scram-sha-512"),
        (USERNAME, "ada"),
        (PASSWORD, SECRET),
        (CA, path),
        (CERTIFICATE, path),
        (KEY, path),
        (KEY_PASSWORD, SECRET),
        (IDENTIFICATION, "none"),
    ])
    .expect("complete");
    assert!(!security.is_plain());
    let told = told(&security);
    let expected = [
        ("sasl.mechanism", "SCRAM-SHA-512"),
        ("sasl.password", "[sanitized for safety]"),
        ("sasl.username", "ada"),
        ("security.protocol", "sasl_ssl"),
        ("ssl.ca.location", path),
        ("ssl.certificate.location", path),
        ("ssl.endpoint.identification.algorithm", "none"),
        ("ssl.key.location", path),
        ("ssl.key.password", "[sanitized for safety]"),
    ];
    assert_eq!(told, expected.map(|(key, value)| (key.to_owned(), value.to_owned())));
    let shown = format!("{security:?}");
    assert!(shown.contains("ada") && !shown.contains(SECRET), "{shown}");
}

#[test]
fn tls_alone_trusts_the_system_and_checks_the_host() {
    let told = told(&read(&[(PROTOCOL, "SSL")]).expect("complete"));
    let expected = [
        ("security.protocol", "ssl"),
        ("ssl.ca.location", SYSTEM_CA),
        ("ssl.endpoint.identification.algorithm", "https"),
    ];
    assert_eq!(told, expected.map(|(key, value)| (key.to_owned(), value.to_owned())));
}

#[test]
fn what_is_wrong_is_named_with_what_would_be_right() {
    let text = refusal(&[(PROTOCOL, "TLS")], PROTOCOL);
    assert!(text.contains(PROTOCOLS), "{text}");
    let login = [(PROTOCOL, "SASL_SSL"), (USERNAME, "ada"), (PASSWORD, SECRET)];
    let text = refusal(&login, MECHANISM);
    assert!(text.contains("PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512"), "{text}");
    let text = refusal(&[&login[..], &[(MECHANISM, "GSSAPI")]].concat(), MECHANISM);
    assert!(text.contains("GSSAPI is not spoken here"), "{text}");
    let mechanism = (MECHANISM, "PLAIN");
    refusal(&[(PROTOCOL, "SASL_SSL"), mechanism, (PASSWORD, SECRET)], USERNAME);
    refusal(&[(PROTOCOL, "SASL_PLAINTEXT"), mechanism, (USERNAME, "ada")], PASSWORD);
    refusal(&[(PROTOCOL, "SSL"), (IDENTIFICATION, "http")], IDENTIFICATION);
    let text = refusal(&[(PROTOCOL, "SSL"), (CA, "/nowhere/ca.pem")], CA);
    assert!(text.contains("/nowhere/ca.pem"), "{text}");
}

#[test]
fn half_an_identity_is_refused() {
    let file = tempfile::NamedTempFile::new().expect("a file");
    let path = file.path().to_str().expect("UTF-8");
    refusal(&[(PROTOCOL, "SSL"), (CERTIFICATE, path)], KEY);
    refusal(&[(PROTOCOL, "SSL"), (KEY, path)], CERTIFICATE);
    refusal(&[(PROTOCOL, "SSL"), (KEY_PASSWORD, SECRET)], KEY);
}

#[test]
fn what_would_have_no_effect_is_refused() {
    let text = refusal(&[(PASSWORD, SECRET)], PASSWORD);
    assert!(text.contains("KAFKA_SECURITY_PROTOCOL is not set"), "{text}");
    let text = refusal(&[(PROTOCOL, "SSL"), (USERNAME, "ada")], USERNAME);
    assert!(text.contains("KAFKA_SECURITY_PROTOCOL is SSL"), "{text}");
    for variable in [CA, CERTIFICATE, KEY, KEY_PASSWORD, IDENTIFICATION] {
        refusal(&[(variable, SECRET)], variable);
    }
}

#[cfg(unix)]
#[test]
fn bytes_that_are_no_text_are_refused() {
    use std::os::unix::ffi::OsStringExt;
    let lookup = |name: &str| (name == PROTOCOL).then(|| OsString::from_vec(vec![0xff]));
    let error = Security::from_lookup(lookup).expect_err("not UTF-8");
    assert!(error.to_string().contains("it is not UTF-8"), "{error}");
}
