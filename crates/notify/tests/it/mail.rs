//! Mail: what is written, TLS, authentication, refusals.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use skopos_notify::{FailureReason, SendError};

use crate::bench::{KEY_HASH, firing, notifier, resolved};
use crate::mail_server::{MailServer, Manners};
use crate::tls::keys;

fn settings(port: u16, more: &str) -> String {
    format!(
        "  email_configs: [{{to: 'A B <a@x.org>, c@x.org', from: 'me@x.org', smarthost: '127.0.0.1:{port}', send_resolved: true{more}}}]\n"
    )
}

async fn deliver(manners: Manners, more: &str) -> (Result<u16, SendError>, MailServer) {
    let server = MailServer::start(manners).await;
    let result = notifier(&settings(server.port, more)).notify(&firing()).await;
    (result.map(|delivery| delivery.status), server)
}

#[tokio::test]
async fn text_and_html() {
    let more = ", require_tls: false, hello: me.x.org, text: 'plain ü', headers: {x-mine: '{{ .Status }}'}, threading: {enabled: true, thread_by_date: none}";
    let (result, server) = deliver(Manners::default(), more).await;
    assert_eq!(result.expect("it is sent"), 250);
    let told = server.told();
    for line in [
        "EHLO me.x.org".to_owned(),
        "MAIL FROM:<me@x.org>".to_owned(),
        "RCPT TO:<a@x.org>".to_owned(),
        "RCPT TO:<c@x.org>".to_owned(),
        "Subject: [FIRING:1] Down (critical)".to_owned(),
        "To: A B <a@x.org>, c@x.org".to_owned(),
        "From: me@x.org".to_owned(),
        "X-Mine: firing".to_owned(),
        "MIME-Version: 1.0".to_owned(),
        format!("In-Reply-To: <alert-{}-@alertmanager>", &KEY_HASH[..16]),
        format!("References: <alert-{}-@alertmanager>", &KEY_HASH[..16]),
        "Content-Type: text/plain; charset=utf-8".to_owned(),
        "plain =C3=BC".to_owned(),
        "Content-Type: text/html; charset=utf-8".to_owned(),
        "QUIT".to_owned(),
    ] {
        assert!(server.heard(&line), "{line}\n{}", told.join("\n"));
    }
    for start in ["Message-Id: <", "Message-ID: <"] {
        if told
            .iter()
            .any(|line| line.starts_with(start) && line.ends_with("@x.org>"))
        {
            return assert_parts(&told);
        }
    }
    panic!("no id of the message: {}", told.join("\n"));
}

fn assert_parts(told: &[String]) {
    assert!(
        told.iter().any(|line| line.starts_with("Date: ")),
        "{}",
        told.join("\n")
    );
    assert!(
        told.iter()
            .any(|line| line.starts_with("Content-Type: multipart/alternative;")),
        "{}",
        told.join("\n")
    );
    assert!(
        told.iter().any(|line| line.contains("It is &lt;down&gt;")),
        "{}",
        told.join("\n")
    );
}

#[tokio::test]
async fn headers_stay_in_their_line() {
    let more = ", require_tls: false, html: '', text: x, headers: {Subject: 'Über {{ \"a\\r\\nBcc: evil@x.org\" }}'}";
    let (result, server) = deliver(Manners::default(), more).await;
    result.expect("it is sent");
    assert!(
        !server.told().iter().any(|line| line.starts_with("Bcc:")),
        "{:?}",
        server.told()
    );
    let subject = server
        .told()
        .into_iter()
        .find(|line| line.starts_with("Subject: =?utf-8?"));
    assert!(subject.is_some(), "{:?}", server.told());
}

#[tokio::test]
async fn starttls_with_plain_and_login() {
    let keys = keys("mail.example");
    let folder = tempfile::tempdir().expect("a folder");
    let (ca, password) = (folder.path().join("ca.pem"), folder.path().join("password"));
    std::fs::write(&ca, &keys.authority).expect("it is written");
    std::fs::write(&password, "hush\n").expect("it is written");
    let more = format!(
        ", auth_username: u, auth_identity: i, auth_password_file: '{}', tls_config: {{ca_file: '{}', server_name: mail.example}}",
        password.display(),
        ca.display()
    );
    let manners = |auth| Manners {
        tls: Some(keys.acceptor.clone()),
        auth,
        ..Manners::default()
    };
    let (result, server) = deliver(manners("PLAIN LOGIN"), &more).await;
    assert_eq!(result.expect("it is sent"), 250);
    assert!(
        server.heard("STARTTLS") && server.heard(&format!("AUTH PLAIN {}", STANDARD.encode("i\0u\0hush"))),
        "{:?}",
        server.told()
    );
    let (result, server) = deliver(manners("LOGIN"), &more).await;
    result.expect("it is sent");
    assert!(
        server.heard("AUTH LOGIN") && server.heard(&STANDARD.encode("u")) && server.heard(&STANDARD.encode("hush")),
        "{:?}",
        server.told()
    );
    let untrusted = ", tls_config: {server_name: mail.example}";
    let (result, server) = deliver(manners(""), untrusted).await;
    let error = result.expect_err("the authority is unknown");
    assert!(
        error.text.starts_with("send STARTTLS command:") && error.is_recoverable,
        "{error}"
    );
    assert!(
        !server.told().iter().any(|line| line.starts_with("MAIL")),
        "{:?}",
        server.told()
    );
}

#[tokio::test]
async fn implicit_tls() {
    let keys = keys("127.0.0.1");
    let folder = tempfile::tempdir().expect("a folder");
    let ca = folder.path().join("ca.pem");
    std::fs::write(&ca, &keys.authority).expect("it is written");
    let manners = Manners {
        tls: Some(keys.acceptor.clone()),
        is_implicit: true,
        ..Manners::default()
    };
    let more = format!(
        ", force_implicit_tls: true, tls_config: {{ca_file: '{}'}}",
        ca.display()
    );
    let (result, server) = deliver(manners, &more).await;
    assert_eq!(result.expect("it is sent"), 250);
    assert!(!server.heard("STARTTLS"), "{:?}", server.told());
}

#[tokio::test]
async fn cram_md5() {
    let manners = Manners {
        auth: "CRAM-MD5 PLAIN",
        ..Manners::default()
    };
    let more = ", require_tls: false, auth_username: tim, auth_secret: tanstaaftanstaaf";
    let (result, server) = deliver(manners, more).await;
    result.expect("it is sent");
    assert!(
        server.heard("dGltIGI5MTNhNjAyYzdlZGE3YTQ5NWI0ZTZlNzMzNGQzODkw"),
        "{:?}",
        server.told()
    );
}

#[tokio::test]
async fn refusals() {
    let (result, _) = deliver(Manners::default(), "").await;
    let error = result.expect_err("TLS is required");
    assert!(
        error.text.contains("'require_tls' is true (default) but")
            && error.text.contains("does not advertise the STARTTLS extension"),
        "{error}"
    );
    let manners = |refusal, auth| Manners {
        auth,
        refusal,
        ..Manners::default()
    };
    let (result, _) = deliver(manners("550 unknown user", ""), ", require_tls: false").await;
    let error = result.expect_err("it is refused");
    assert!(error.text.contains("unknown user"), "{error}");
    assert_eq!((error.reason, error.status), (FailureReason::ClientError, Some(550)));
    let (result, _) = deliver(
        manners("", "XOAUTH2"),
        ", require_tls: false, auth_username: u, auth_password: hush",
    )
    .await;
    let error = result.expect_err("no common way");
    assert!(
        error
            .text
            .starts_with("find auth mechanism: the server offers XOAUTH2;"),
        "{error}"
    );
    assert_eq!(error.reason, FailureReason::AuthError);
}

#[tokio::test]
async fn addresses_are_checked() {
    let two = "  email_configs: [{to: a@x.org, from: 'a@x.org, b@x.org', smarthost: '127.0.0.1:1'}]\n";
    let error = notifier(two).notify(&resolved()).await.expect_err("two senders");
    assert_eq!(
        (error.text.as_str(), error.is_recoverable),
        ("must be exactly one 'from' address (got: 2)", false)
    );
    let none = "  email_configs: [{to: '{{ .CommonLabels.nobody }}', from: a@x.org, smarthost: '127.0.0.1:1'}]\n";
    let error = notifier(none)
        .notify(&resolved())
        .await
        .expect_err("nobody to write to");
    assert!(error.text.starts_with("parse 'to' addresses"), "{error}");
}
