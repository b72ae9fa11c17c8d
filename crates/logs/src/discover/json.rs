//! Looks for a text field in a JSON object without building it.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

pub(super) fn find(line: &str, fields: &[String], max_depth: Option<usize>) -> Option<String> {
    if !fields.iter().any(|field| line.contains(field.as_str())) {
        return None;
    }
    let mut found = None;
    let search = Search {
        fields,
        depth_left: max_depth.unwrap_or(usize::MAX),
        wanted: false,
        found: &mut found,
    };
    let mut parser = serde_json::Deserializer::from_str(line);
    // Ending early at the field leaves the parser in the middle, which it reports as an error.
    match search.deserialize(&mut parser) {
        Ok(()) | Err(_) => found,
    }
}

struct Search<'a> {
    fields: &'a [String],
    depth_left: usize,
    /// Whether the value at hand belongs to one of the fields.
    wanted: bool,
    found: &'a mut Option<String>,
}

impl<'de> DeserializeSeed<'de> for Search<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Search<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Some(depth_left) = self.depth_left.checked_sub(1) else {
            while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
            return Ok(());
        };
        while let Some(key) = map.next_key::<Cow<'de, str>>()? {
            map.next_value_seed(Search {
                fields: self.fields,
                depth_left,
                wanted: self.fields.iter().any(|field| *field == key),
                found: &mut *self.found,
            })?;
            if self.found.is_some() {
                return Ok(());
            }
        }
        Ok(())
    }

    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        if self.wanted {
            *self.found = Some(text.to_owned());
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
}
