//! Secrets and personal data that are known by their look, without a key beside them.

use std::borrow::Cow;
use std::sync::LazyLock;

use regex::{Captures, Regex};

use super::REDACTED;
use crate::detect;

macro_rules! expression {
    ($name:ident, $pattern:expr) => {
        static $name: LazyLock<Regex> =
            LazyLock::new(|| Regex::new($pattern).expect("a constant expression, which the tests compile"));
    };
}

expression!(
    PRIVATE_KEY,
    r"(?s)-----BEGIN[A-Z0-9 ]*PRIVATE KEY-----.*?(?:-----END[A-Z0-9 ]*PRIVATE KEY-----|\z)"
);
// Scheme and credential, as in a header; a word in plain prose after `basic` has no capital, digit or sign in it.
expression!(BEARER, r"(?i)\b(bearer)(\s+)[A-Za-z0-9._~+/=\-]+");
expression!(
    BASIC,
    r"\b([Bb]asic|BASIC)(\s+)(?:[A-Za-z0-9+/_-]*[A-Z0-9+/=_][A-Za-z0-9+/_=-]*)"
);
expression!(JWT, r"\beyJ[A-Za-z0-9_-]{2,}(?:\.[A-Za-z0-9_-]*){0,2}");
// Prefixes by which vendors make their tokens findable; one that the end of the text has cut may be short.
expression!(
    PREFIXED,
    concat!(
        r"\b(?:(?:sk-|sk_live_|sk_test_|rk_live_|rk_test_|gh[pousr]_|github_pat_|glpat-|xox[abeprs]-|AIza|whsec_|hf_|npm_|",
        r"pypi-|SG\.|ya29\.|dop_v1_|shpat_|lin_api_|sntrys_)(?:[A-Za-z0-9_\-./+=]{6,}|[A-Za-z0-9_\-./+=]+\z)",
        r"|(?:AKIA|ASIA)(?:[0-9A-Z]{6,}|[0-9A-Z]+\z))"
    )
);
expression!(URL_USER, r#"(://)(?:[^/\s"'<>]*:[^\s"'<>]*|[^/\s"'<>]+)@"#);
// A URL that ends within its password: a port would be digits alone.
expression!(
    URL_CUT,
    r#"(://)[^/\s@"'<>:\[\]]*:[^/\s@"'<>]*[^/\s@"'<>0-9][^/\s@"'<>]*\z"#
);
expression!(ISIN, r"\b[A-Z]{2}[A-Z0-9]{9}[0-9]\b");
expression!(
    AMOUNT,
    concat!(
        r"(?:[$€£¥]|\b(?:USD|EUR|GBP|CHF|JPY|CAD|AUD))\s?-?\d+(?:[.,']\d+)*(?:\s?(?:[kKmM]|bn|mn)\b)?",
        r"|\b\d+(?:[.,']\d+)*\s?(?:[€£¥]|(?:USD|EUR|GBP|CHF|JPY|CAD|AUD)\b)"
    )
);
static EMAIL: LazyLock<Regex> = LazyLock::new(detect::email);
static CARD: LazyLock<Regex> = LazyLock::new(detect::card);
static IBAN: LazyLock<Regex> = LazyLock::new(detect::iban);
static SSN: LazyLock<Regex> = LazyLock::new(detect::us_ssn);

/// Redacts what looks like a secret, and in a strict filter what looks personal.
pub(super) fn scrub(text: &str, strict: bool) -> String {
    let mut text = Cow::Borrowed(text);
    replace(&mut text, &PRIVATE_KEY, |_| REDACTED.to_owned());
    for scheme in [&BEARER, &BASIC] {
        replace(&mut text, scheme, |found| {
            format!("{}{}{REDACTED}", &found[1], &found[2])
        });
    }
    for shape in [&JWT, &PREFIXED] {
        replace(&mut text, shape, |_| REDACTED.to_owned());
    }
    replace(&mut text, &URL_USER, |found| format!("{}{REDACTED}@", &found[1]));
    replace(&mut text, &URL_CUT, |found| format!("{}{REDACTED}", &found[1]));
    if strict {
        for shape in [&EMAIL, &IBAN, &SSN, &AMOUNT] {
            replace(&mut text, shape, |_| REDACTED.to_owned());
        }
        for shape in [&CARD, &ISIN] {
            replace(&mut text, shape, |found| {
                let kept = if has_check_digit(&found[0]) {
                    REDACTED
                } else {
                    &found[0]
                };
                kept.to_owned()
            });
        }
    }
    text.into_owned()
}

fn replace(text: &mut Cow<'_, str>, shape: &Regex, with: impl Fn(&Captures<'_>) -> String) {
    if let Cow::Owned(replaced) = shape.replace_all(text, |found: &Captures<'_>| with(found)) {
        *text = Cow::Owned(replaced);
    }
}

/// Luhn's check over the digits, with letters as two digits from A = 10 (ISO/IEC 7812-1, ISO 6166).
fn has_check_digit(number: &str) -> bool {
    let digits = number.chars().filter_map(|c| c.to_digit(36));
    let digits: Vec<u32> = digits
        .flat_map(|d| if d > 9 { vec![d / 10, d % 10] } else { vec![d] })
        .collect();
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(index, digit)| match (index % 2, digit * 2) {
            (0, _) => *digit,
            (_, doubled) => doubled / 10 + doubled % 10,
        })
        .sum();
    sum.is_multiple_of(10)
}
