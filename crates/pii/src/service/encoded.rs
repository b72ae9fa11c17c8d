//! Encodings that hide a secret from a reader of the text: percent encoding, base64 in both alphabets, and hex.

use std::borrow::Cow;
use std::sync::LazyLock;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use percent_encoding::percent_decode_str;
use regex::{Captures, Regex};

use super::REDACTED;

/// Characters in a group of base64.
const GROUP: usize = 4;
/// Bytes of a decoded text below which there is nothing to find.
const MIN_DECODED: usize = 6;

static PERCENT: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r#"[^\s"'<>]*%[0-9A-Fa-f]{2}[^\s"'<>]*"#).expect("a constant expression, which the tests compile")
});
static BASE64: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"[A-Za-z0-9+/_-]{12,}={0,2}").expect("a constant expression, which the tests compile")
});
static HEX: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"[0-9A-Fa-f]{16,}").expect("a constant expression, which the tests compile"));

/// Of text that was cut, the last bits belong to no byte; padding may be missing.
const LENIENT: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_allow_trailing_bits(true)
    .with_decode_padding_mode(DecodePaddingMode::Indifferent);
const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, LENIENT);
const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, LENIENT);

/// Looks into each run that may be encoded. Percent encoding is undone where something had to go; base64 and hex go whole.
pub(super) fn scrub(text: &str, scrub: impl Fn(&str) -> String) -> String {
    let text = PERCENT.replace_all(text, |run: &Captures<'_>| {
        let decoded = percent_decode_str(&run[0]).decode_utf8_lossy();
        let scrubbed = scrub(&decoded);
        // Signs that are no text anywhere would otherwise break the line that they come into.
        if scrubbed == decoded {
            run[0].to_owned()
        } else {
            scrubbed
        }
    });
    let hides = |decoded: &[u8]| readable(decoded).is_some_and(|decoded| scrub(decoded) != *decoded);
    let text = HEX.replace_all(&text, |run: &Captures<'_>| {
        let even = &run[0][..run[0].len() & !1];
        let found = hex::decode(even).is_ok_and(|decoded| hides(&decoded));
        if found { REDACTED.to_owned() } else { run[0].to_owned() }
    });
    let text = BASE64.replace_all(&text, |run: &Captures<'_>| {
        let whole = &run[0];
        // A path may end in the encoded part, so each part is tried, and each place where a group may begin.
        let parts = whole.rmatch_indices('/').map(|(at, _)| &whole[at + 1..]).take(GROUP);
        let found = parts.chain(std::iter::once(whole)).any(|part| {
            (0..GROUP.min(part.len())).any(|offset| decode(&part[offset..]).is_some_and(|decoded| hides(&decoded)))
        });
        if found { REDACTED.to_owned() } else { whole.to_owned() }
    });
    match text {
        Cow::Owned(text) => text,
        Cow::Borrowed(text) => text.to_owned(),
    }
}

fn decode(run: &str) -> Option<Vec<u8>> {
    let run = run.trim_end_matches('=');
    // One character alone past the last group says nothing.
    let run = if run.len() % GROUP == 1 {
        &run[..run.len() - 1]
    } else {
        run
    };
    let engine = if run.contains(['-', '_']) { &URL_SAFE } else { &STANDARD };
    engine.decode(run).ok()
}

/// The text that bytes hold, if they hold one; a character that was cut at the end is left out.
fn readable(bytes: &[u8]) -> Option<&str> {
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) if error.error_len().is_none() => std::str::from_utf8(&bytes[..error.valid_up_to()]).ok()?,
        Err(_) => return None,
    };
    let is_text = |c: char| !c.is_control() || matches!(c, '\n' | '\r' | '\t');
    (text.len() >= MIN_DECODED && text.chars().all(is_text)).then_some(text)
}
