//! What personal data looks like: one expression for each kind, and a second look where the form alone says too little.

use std::net::Ipv6Addr;
use std::sync::LazyLock;

use regex::Regex;

use crate::rule::RuleType;

/// An expression, the groups of it that are redacted, and a check of what is found.
#[derive(Debug, Clone)]
pub(crate) struct Pattern {
    pub(crate) regex: Regex,
    pub(crate) groups: Vec<usize>,
    /// Sees the text and where the find begins and ends.
    pub(crate) accepts: fn(&str, usize, usize) -> bool,
}

pub(crate) fn always(_: &str, _: usize, _: usize) -> bool {
    true
}

/// Two-letter codes of countries with IBANs (registry of ISO 13616).
const IBAN_COUNTRIES: &str = "AD|AE|AL|AT|AZ|BA|BE|BG|BH|BR|BY|CH|CR|CY|CZ|DE|DK|DO|EE|EG|ES|FI|FO|FR|GB|GE|GI|GL|GR|GT|HR|\
     HU|IE|IL|IQ|IS|IT|JO|KW|KZ|LB|LC|LI|LT|LU|LV|LY|MC|MD|ME|MK|MR|MT|MU|NL|NO|PK|PL|PS|PT|QA|RO|RS|RU|SA|SC|SD|SE|SI|\
     SK|SM|ST|SV|TL|TN|TR|UA|VA|VG|XK";

macro_rules! expression {
    ($pattern:expr) => {{
        static REGEX: LazyLock<Regex> =
            LazyLock::new(|| Regex::new($pattern).expect("a constant expression, which the tests compile"));
        REGEX.clone()
    }};
}

/// Keys and texts that speak of passwords.
pub(crate) fn password_key() -> Regex {
    expression!(
        "(?i)password|secret|passwd|api_key|apikey|auth|credentials|mysql_pwd|privatekey|private_key|token|bearer"
    )
}

/// The expression of a kind that is one; none for kinds that look at keys or at other rules.
pub(crate) fn pattern(kind: &RuleType) -> Option<Pattern> {
    let whole = |regex| Pattern {
        regex,
        groups: vec![0],
        accepts: always,
    };
    let first_group = |regex| Pattern {
        regex,
        groups: vec![1],
        accepts: always,
    };
    Some(match kind {
        RuleType::Ip => Pattern {
            accepts: is_address,
            ..whole(ip())
        },
        RuleType::Imei => whole(expression!(r"\b\d{2}-?\d{6}-?\d{6}-?\d{1,2}\b")),
        RuleType::Mac => whole(expression!(r"(?i)\b(?:[0-9a-f]{2}[:-]){5}[0-9a-f]{2}\b")),
        RuleType::Uuid => whole(expression!(
            r"(?i)\b[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}\b"
        )),
        RuleType::Email => whole(email()),
        RuleType::Creditcard => whole(card()),
        RuleType::Iban => whole(iban()),
        RuleType::Pemkey => first_group(expression!(
            r"(?s)-----BEGIN[A-Z0-9 ]*(?:PRIVATE|PUBLIC) KEY-----\s*(.+?)\s*-----END[A-Z0-9 ]*(?:PRIVATE|PUBLIC) KEY-----"
        )),
        RuleType::UrlAuth => first_group(expression!(r"//([a-zA-Z0-9%_.~!$&*+=;-]*:[^/@\s\x22]+)@")),
        RuleType::UrlPassword => first_group(expression!(r"//[a-zA-Z0-9%_.~!$&*+=;-]*:([^/@\s\x22]+)@")),
        RuleType::UsSsn => whole(us_ssn()),
        RuleType::Userpath => first_group(expression!(
            r"(?i)(?:\b[a-z]:[\\/](?:users|documents and settings)[\\/]|/(?:home|users)/)([^/\\\r\n]+)"
        )),
        _ => return None,
    })
}

/// E-mail addresses with a domain of two parts or more.
pub(crate) fn email() -> Regex {
    expression!(r"\b[a-zA-Z0-9.!#$%&'*+/=?^_`{|}~-]+@[a-zA-Z0-9-]+(?:\.[a-zA-Z0-9-]+)+\b")
}

/// Numbers of the ranges of Visa, Mastercard, American Express, Discover, Diners and JCB.
pub(crate) fn card() -> Regex {
    expression!(concat!(
        r"\b(?:(?:4\d{3}|5[1-5]\d{2}|2(?:22[1-9]|2[3-9]\d|[3-6]\d{2}|7[01]\d|720)|6(?:011|5\d{2})|35(?:2[89]|[3-8]\d))",
        r"[- ]?\d{4}[- ]?\d{4}[- ]?\d{4}|3[47]\d{2}[- ]?\d{6}[- ]?\d{5}|3(?:0[0-5]|[68]\d)\d[- ]?\d{6}[- ]?\d{4})\b"
    ))
}

/// IBANs without spaces.
pub(crate) fn iban() -> Regex {
    expression!(&format!(r"\b(?:{IBAN_COUNTRIES})\d{{2}}[A-Z0-9]{{11,30}}\b"))
}

/// Social security numbers as they are written, with dashes.
pub(crate) fn us_ssn() -> Regex {
    expression!(r"\b\d{3}-\d{2}-\d{4}\b")
}

/// Addresses of version 4, and what may be one of version 6.
fn ip() -> Regex {
    expression!(concat!(
        r"(?i)\b(?:25[0-5]|2[0-4]\d|[01]?\d?\d)(?:\.(?:25[0-5]|2[0-4]\d|[01]?\d?\d)){3}\b",
        r"|[0-9a-f]{0,4}(?::[0-9a-f]{0,4}){2,7}(?:(?:\.\d{1,3}){3})?"
    ))
}

/// Whether an address stands on its own and is one.
fn is_address(text: &str, start: usize, end: usize) -> bool {
    let found = &text[start..end];
    let is_part = |c: char| c.is_alphanumeric() || c == ':' || c == '_';
    let stands_alone =
        !text[..start].chars().next_back().is_some_and(is_part) && !text[end..].chars().next().is_some_and(is_part);
    if found.contains(':') {
        stands_alone && found.parse::<Ipv6Addr>().is_ok()
    } else {
        true
    }
}
