//! Ways for fuzz targets into the JSON of a part.

use super::json;

/// Reads a text as attributes, events, links and a value; what is one is written as one that reads alike.
pub fn json(text: &str) {
    if let Ok(attributes) = json::read_attributes(text) {
        let back = json::read_attributes(&json::object(&attributes));
        assert_eq!(
            format!("{:?}", back.expect("what was written reads")),
            format!("{attributes:?}")
        );
    }
    if let Ok(events) = json::read_events(text) {
        let back = json::read_events(&json::events(&events));
        assert_eq!(
            format!("{:?}", back.expect("what was written reads")),
            format!("{events:?}")
        );
    }
    if let Ok(links) = json::read_links(text) {
        let back = json::read_links(&json::links(&links));
        assert_eq!(
            format!("{:?}", back.expect("what was written reads")),
            format!("{links:?}")
        );
    }
    if let Ok(value) = json::read_value(text) {
        let back = json::read_value(&json::value(&value));
        assert_eq!(
            format!("{:?}", back.expect("what was written reads")),
            format!("{value:?}")
        );
    }
}
