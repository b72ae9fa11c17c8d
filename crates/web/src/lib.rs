//! The page's built files, embedded. A leaf: it knows neither HTTP servers nor routes;
//! falling back to `index.html` for unknown paths is the server's decision.

use std::borrow::Cow;

use rust_embed::Embed;

#[derive(Embed)]
#[folder = "../../ui/dist"]
struct Dist;

/// One file of the page.
#[derive(Debug, Clone)]
pub struct Asset {
    /// The content.
    pub bytes: Cow<'static, [u8]>,
    /// Its media type.
    pub mime: String,
    /// A strong entity tag, in quotes.
    pub etag: String,
    /// Whether the name carries the content's hash, so that it may be cached for ever.
    pub immutable: bool,
}

/// The file at a path relative to the root, with or without a leading slash.
pub fn asset(path: &str) -> Option<Asset> {
    let path = path.trim_start_matches('/');
    let file = Dist::get(path)?;
    let hash = file.metadata.sha256_hash();
    let etag = hash[..8]
        .iter()
        .fold(String::from("\""), |text, byte| text + &format!("{byte:02x}"))
        + "\"";
    let mime = mime_guess::from_path(path).first_or_octet_stream().to_string();
    Some(Asset {
        bytes: file.data,
        mime,
        etag,
        immutable: path.starts_with("assets/"),
    })
}

#[cfg(test)]
mod tests {
    use super::asset;

    #[test]
    fn index_is_html_and_not_immutable() {
        let index = asset("/index.html").expect("the built page has an index");
        assert_eq!(index.mime, "text/html");
        assert!(!index.immutable);
    }

    #[test]
    fn unknown_paths_have_no_asset() {
        assert!(asset("no/such/file").is_none());
        assert!(asset("../Cargo.toml").is_none());
    }
}
