//! The query parser and printer: no text makes the parser panic, and what parses is printed to a text
//! that parses to the same tree.
#![no_main]

use libfuzzer_sys::fuzz_target;
use skopos_promql::{Expr, parse};

fuzz_target!(|text: &str| {
    let Ok(expr) = parse(text) else { return };
    let forms = [expr.to_string(), expr.pretty()];
    let tree = shape(expr);
    for printed in forms {
        let again = parse(&printed).unwrap_or_else(|error| panic!("{text:?} was printed as {printed:?}: {error}"));
        assert_eq!(shape(again), tree, "{text:?} was printed as {printed:?}");
    }
});

fn shape(expr: Expr) -> String {
    format!("{:?}", expr.normalized())
}
