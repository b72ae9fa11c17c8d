//! Prints rows in aligned columns.

use serde_json::Value;

pub(crate) use crate::banner::print_line;

/// Prints `rows` under `header`, each column as wide as its widest cell.
pub(crate) fn print(header: &[&str], rows: &[Vec<String>]) {
    let mut widths: Vec<usize> = header.iter().map(|cell| cell.chars().count()).collect();
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let heads: Vec<String> = header.iter().map(|cell| (*cell).to_owned()).collect();
    for row in std::iter::once(&heads).chain(rows) {
        print_line(&line(row, &widths));
    }
}

/// Prints JSON as it came.
pub(crate) fn print_json(value: &Value) {
    print_line(&format!("{value:#}"));
}

fn line(row: &[String], widths: &[usize]) -> String {
    let cells: Vec<String> = row
        .iter()
        .zip(widths)
        .map(|(cell, width)| format!("{cell:<width$}"))
        .collect();
    cells.join("  ").trim_end().to_owned()
}

/// A label set in Prometheus' notation, from its JSON object.
pub(crate) fn series_name(metric: &Value) -> String {
    let Some(object) = metric.as_object() else {
        return metric.to_string();
    };
    let name = object.get("__name__").and_then(Value::as_str).unwrap_or("");
    let pairs: Vec<String> = object
        .iter()
        .filter(|(label, _)| label.as_str() != "__name__")
        .map(|(label, value)| format!("{label}={value}"))
        .collect();
    if pairs.is_empty() && !name.is_empty() {
        return name.to_owned();
    }
    format!("{name}{{{}}}", pairs.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_lines() {
        let metric = serde_json::json!({"__name__": "up", "job": "a"});
        assert_eq!(series_name(&metric), r#"up{job="a"}"#);
        assert_eq!(series_name(&serde_json::json!({})), "{}");
        assert_eq!(line(&["a".into(), "b".into()], &[3, 2]), "a    b");
    }
}
