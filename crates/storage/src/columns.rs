//! Label sets as Arrow map columns, readable by any Parquet engine.

use std::sync::Arc;

use arrow_array::builder::{MapBuilder, StringBuilder};
use arrow_array::cast::AsArray as _;
use arrow_array::{Array as _, MapArray};
use arrow_schema::{DataType, Field};
use skopos_core::Labels;

/// Builds a column of label sets.
pub type LabelMapBuilder = MapBuilder<StringBuilder, StringBuilder>;

/// The type of such a column.
pub fn label_map_type() -> DataType {
    let entries = vec![
        Field::new("keys", DataType::Utf8, false),
        Field::new("values", DataType::Utf8, true),
    ];
    let entries = Field::new("entries", DataType::Struct(entries.into()), false);
    DataType::Map(Arc::new(entries), false)
}

/// An empty builder.
pub fn label_map_builder() -> LabelMapBuilder {
    MapBuilder::new(None, StringBuilder::new(), StringBuilder::new())
}

/// Appends a label set as the next row.
pub fn append_labels(builder: &mut LabelMapBuilder, labels: &Labels) {
    for (name, value) in labels {
        builder.keys().append_value(name);
        builder.values().append_value(value);
    }
    builder.append(true).expect("keys and values are appended in pairs");
}

/// The label set of a row; `None` where the column is none of texts.
pub fn labels_at(map: &MapArray, row: usize) -> Option<Labels> {
    let entries = map.value(row);
    let names = entries.column(0).as_string_opt::<i32>()?;
    let values = entries.column(1).as_string_opt::<i32>()?;
    Some((0..entries.len()).map(|i| (names.value(i), values.value(i))).collect())
}
