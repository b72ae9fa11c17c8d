//! Ranges: picking numbers and carrying a range back through operators.

use super::*;

#[test]
fn picks_plain_numbers() {
    for (range, expected) in [
        (Range::ALL, 1.0),
        (Range::above(0.0), 1.0),
        (Range::closed(0.0, f64::INFINITY), 0.0),
        (Range::above(80.0), 88.0),
        (Range::above(0.05), 0.055),
        (Range::below(0.9), 0.8),
        (Range::below(0.0), -1.0),
        (Range::above(-5.0), 0.0),
        (Range::point(7.5), 7.5),
        (Range::closed(3.0, 20.0), 12.0),
    ] {
        let picked = range.pick(None, 0);
        assert!(range.contains(picked), "{range:?}: {picked}");
        assert!(
            (picked - expected).abs() < 0.1,
            "{range:?}: {picked}, expected {expected}"
        );
    }
    assert_eq!(Range::above(0.0).pick(Some(3.25), 0), 3.25);
}

#[test]
fn carries_ranges_back() {
    let ops = [
        BinaryOp::Add,
        BinaryOp::Sub,
        BinaryOp::Mul,
        BinaryOp::Div,
        BinaryOp::Pow,
    ];
    let apply = |op, a: f64, b: f64| match op {
        BinaryOp::Add => a + b,
        BinaryOp::Sub => a - b,
        BinaryOp::Mul => a * b,
        BinaryOp::Div => a / b,
        _ => a.powf(b),
    };
    for op in ops {
        for range in [
            Range::above(3.0),
            Range::below(0.5),
            Range::closed(2.0, 4.0),
            Range::below(-1.0),
        ] {
            for c in [2.0, 0.5, 100.0, -4.0] {
                for x in left_of(op, range, c) {
                    let x = x.pick(None, 0);
                    assert!(range.contains(apply(op, x, c)), "{x} {op} {c} in {range:?}");
                }
                for x in right_of(op, range, c) {
                    let x = x.pick(None, 0);
                    assert!(range.contains(apply(op, c, x)), "{c} {op} {x} in {range:?}");
                }
            }
        }
    }
    assert_eq!(left_of(BinaryOp::Mod, Range::point(0.0), 2.0)[1], Range::point(2.0));
}

#[test]
fn complements_and_meets() {
    let range = Range::satisfying(BinaryOp::GreaterOrEqual, 5.0)[0];
    assert_eq!(range.complement(), [Range::below(5.0)]);
    assert!(range.meet(Range::below(5.0)).is_none());
    assert_eq!(Range::point(0.0).complement(), [Range::above(0.0), Range::below(0.0)]);
    assert!(Range::ALL.contains(f64::NAN) && !Range::above(0.0).contains(f64::NAN));
}
