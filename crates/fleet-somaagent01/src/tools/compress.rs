//! Compresses a text and tells how far it shrinks.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::Refusal;

/// Writes the text through gzip into the working folder and reports both sizes.
pub(super) fn compress(text: &str) -> Result<String, Refusal> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    let compressed = encoder
        .write_all(text.as_bytes())
        .and_then(|()| encoder.finish())
        .map_err(|error| Refusal::new("compress", error.to_string()))?;
    let ratio = text.len() as f64 / compressed.len() as f64;
    Ok(format!(
        "{} bytes became {} bytes with gzip, a ratio of {ratio:.2}",
        text.len(),
        compressed.len()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repetition_shrinks() {
        let report = compress(&"tick tock ".repeat(100)).expect("compresses");
        assert!(report.starts_with("1000 bytes became "), "{report}");
        let ratio: f64 = report.rsplit(' ').next().and_then(|n| n.parse().ok()).expect("a ratio");
        assert!(ratio > 10.0, "{report}");
    }
}
