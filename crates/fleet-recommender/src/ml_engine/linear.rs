//! The little linear algebra that factorisation needs: symmetric positive definite systems of a dozen unknowns.

/// Solves `A x = b` by Cholesky's factorisation; `a` is `n × n`, row by row, and is overwritten, `b` becomes `x`.
///
/// None where `A` is not positive definite, which is also what not-a-numbers lead to.
pub(super) fn solve(a: &mut [f64], b: &mut [f64]) -> Option<()> {
    let n = b.len();
    debug_assert_eq!(a.len(), n * n);
    for row in 0..n {
        for column in 0..=row {
            let dot: f64 = (0..column).map(|k| a[row * n + k] * a[column * n + k]).sum();
            let rest = a[row * n + column] - dot;
            if row == column {
                // The comparison is written so that a not-a-number fails it.
                if !(rest > 0.0 && rest.is_finite()) {
                    return None;
                }
                a[row * n + row] = rest.sqrt();
            } else {
                a[row * n + column] = rest / a[column * n + column];
            }
        }
    }
    for row in 0..n {
        let dot: f64 = (0..row).map(|k| a[row * n + k] * b[k]).sum();
        b[row] = (b[row] - dot) / a[row * n + row];
    }
    for row in (0..n).rev() {
        let dot: f64 = (row + 1..n).map(|k| a[k * n + row] * b[k]).sum();
        b[row] = (b[row] - dot) / a[row * n + row];
    }
    b.iter().all(|value| value.is_finite()).then_some(())
}

/// Inner product.
pub(super) fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_system_solved_by_hand() {
        // 4x + 2y = 10, 2x + 3y = 9: x = 1.5, y = 2.
        let (mut a, mut b) = ([4.0, 2.0, 2.0, 3.0], [10.0, 9.0]);
        solve(&mut a, &mut b).expect("positive definite");
        assert!((b[0] - 1.5).abs() < 1e-12 && (b[1] - 2.0).abs() < 1e-12, "{b:?}");
    }

    #[test]
    fn what_has_no_answer_is_refused() {
        assert_eq!(solve(&mut [1.0, 2.0, 2.0, 1.0], &mut [1.0, 1.0]), None);
        assert_eq!(solve(&mut [f64::NAN, 0.0, 0.0, 1.0], &mut [1.0, 1.0]), None);
        assert_eq!(solve(&mut [1.0, 0.0, 0.0, 1.0], &mut [f64::NAN, 1.0]), None);
    }
}
