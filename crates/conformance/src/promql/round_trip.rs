//! Printing and parsing again: an expression's canonical text and its pretty text both give the
//! same tree.

use skopos_promql::{Expr, parse};

/// Checks one expression; one that does not parse is a failure too.
pub fn check(text: &str) -> Result<(), String> {
    let expr = parse(text).map_err(|error| format!("{text:?} does not parse: {error}"))?;
    let forms = [expr.to_string(), expr.pretty()];
    let tree = shape(expr);
    for printed in forms {
        let again = parse(&printed).map_err(|error| format!("{text:?} was printed as {printed:?}: {error}"))?;
        let again = shape(again);
        if again != tree {
            return Err(format!(
                "{text:?} was printed as {printed:?}, which is another tree:\n{tree}\n{again}"
            ));
        }
    }
    Ok(())
}

fn shape(expr: Expr) -> String {
    format!("{:?}", expr.normalized())
}
