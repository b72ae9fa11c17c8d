//! Composes a mail: envelope, headers, and the bodies as alternatives.

use lettre::address::Envelope;
use lettre::message::header::{
    ContentTransferEncoding, ContentType, Date, HeaderName, HeaderValue, Headers, MessageId,
};
use lettre::message::{Mailboxes, MultiPart, SinglePart};
use serde_json::Value as Json;

use super::super::body::text;
use crate::send_error::SendError;

/// A mail ready to be sent.
pub(super) struct Mail {
    pub(super) envelope: Envelope,
    pub(super) content: Vec<u8>,
}

pub(super) fn compose(body: &Json) -> Result<Mail, SendError> {
    let from = addresses(body, "from")?;
    let mut senders = from.iter();
    let (Some(sender), None) = (senders.next(), senders.next()) else {
        let count = from.iter().count();
        return Err(SendError::lasting(format!(
            "must be exactly one 'from' address (got: {count})"
        )));
    };
    let recipients: Vec<_> = addresses(body, "to")?
        .into_iter()
        .map(|mailbox| mailbox.email)
        .collect();
    let envelope = Envelope::new(Some(sender.email.clone()), recipients)
        .map_err(|error| SendError::lasting(format!("parse 'to' addresses: {error}")))?;
    let headers = headers(body, sender.email.domain())?;
    let mut content = headers.to_string().into_bytes();
    content.extend(alternatives(body).formatted());
    Ok(Mail { envelope, content })
}

fn addresses(body: &Json, field: &str) -> Result<Mailboxes, SendError> {
    let text = text(body, field);
    text.parse()
        .map_err(|error| SendError::lasting(format!("parse '{field}' addresses: {text:?}: {error}")))
}

fn headers(body: &Json, domain: &str) -> Result<Headers, SendError> {
    let mut headers = Headers::new();
    let given = body.get("headers").and_then(Json::as_object).into_iter().flatten();
    for (name, value) in given {
        let known = HeaderName::new_from_ascii(name.clone())
            .map_err(|_| SendError::lasting(format!("headers: {name:?} is not a header's name")))?;
        // A header is a line: more would begin other headers or the body.
        let line: String = value
            .as_str()
            .unwrap_or_default()
            .split(['\r', '\n'])
            .collect::<Vec<_>>()
            .join(" ");
        headers.insert_raw(HeaderValue::new(known, line.trim_end().to_owned()));
    }
    if headers.get_raw("Message-Id").is_none() {
        let id = uuid::Uuid::new_v4();
        headers.set(MessageId::from(format!("<{id}@{domain}>")));
    }
    if headers.get_raw("Date").is_none() {
        headers.set(Date::now());
    }
    headers.insert_raw(HeaderValue::new(
        HeaderName::new_from_ascii_str("MIME-Version"),
        "1.0".to_owned(),
    ));
    Ok(headers)
}

/// Text first: readers take the last form that they can show.
fn alternatives(body: &Json) -> MultiPart {
    let mut parts = MultiPart::alternative().build();
    for (field, content_type) in [("text", ContentType::TEXT_PLAIN), ("html", ContentType::TEXT_HTML)] {
        if body.get(field).is_some() {
            let part = SinglePart::builder()
                .header(content_type)
                .header(ContentTransferEncoding::QuotedPrintable)
                .body(text(body, field).to_owned());
            parts = parts.singlepart(part);
        }
    }
    parts
}
