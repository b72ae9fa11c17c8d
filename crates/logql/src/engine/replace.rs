//! `label_replace`.

use super::columns::Column;
use crate::EvalError;
use crate::ast::LabelReplaceExpr;

pub(super) fn apply(replace: &LabelReplaceExpr, mut columns: Vec<Column>) -> Result<Vec<Column>, EvalError> {
    let regex = skopos_core::re2::compile_anchored(&replace.regex).map_err(EvalError::Stage)?;
    for column in &mut columns {
        let source = column.labels.find(&replace.source).unwrap_or("");
        let Some(captures) = regex.captures(source) else {
            continue;
        };
        // Go reads `$1x` as the crate does: the longest name.
        let mut value = String::new();
        captures.expand(&replace.replacement, &mut value);
        column.labels = column.labels.with(&replace.destination, &value);
    }
    Ok(columns)
}
