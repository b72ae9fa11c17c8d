//! Arithmetic: numbers, `+ - * / % ^`, parentheses and signs, by precedence climbing.

use super::Refusal;

/// Nesting of parentheses, signs and powers that is followed.
const MAX_DEPTH: usize = 64;

/// The value of the expression as text.
pub(super) fn evaluate(expression: &str) -> Result<String, Refusal> {
    let mut parser = Parser {
        rest: expression.trim_start(),
        length: expression.len(),
        depth: 0,
    };
    let value = parser.expression(0)?;
    if !parser.rest.is_empty() {
        return Err(parser.fault("an operator was expected"));
    }
    if !value.is_finite() {
        return Err(Refusal::new("overflow", "the value is larger than a number can be"));
    }
    Ok(value.to_string())
}

struct Parser<'a> {
    rest: &'a str,
    length: usize,
    depth: usize,
}

/// Binding strength, and whether it binds to the right.
fn strength(operator: char) -> Option<(u8, bool)> {
    match operator {
        '+' | '-' => Some((1, false)),
        '*' | '/' | '%' => Some((2, false)),
        '^' => Some((4, true)),
        _ => None,
    }
}

/// A sign binds stronger than a product and weaker than a power: `-2^2` is -4.
const SIGN_STRENGTH: u8 = 3;

impl Parser<'_> {
    fn expression(&mut self, minimum: u8) -> Result<f64, Refusal> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(self.fault("the expression is nested too deeply"));
        }
        let mut left = self.operand()?;
        while let Some(operator) = self.rest.chars().next()
            && let Some((strength, is_right)) = strength(operator)
            && strength >= minimum
        {
            self.advance(1);
            let right = self.expression(if is_right { strength } else { strength + 1 })?;
            left = apply(operator, left, right)?;
        }
        self.depth -= 1;
        Ok(left)
    }

    fn operand(&mut self) -> Result<f64, Refusal> {
        match self.rest.chars().next() {
            Some('-') => {
                self.advance(1);
                Ok(-self.expression(SIGN_STRENGTH)?)
            }
            Some('+') => {
                self.advance(1);
                self.expression(SIGN_STRENGTH)
            }
            Some('(') => {
                self.advance(1);
                let value = self.expression(0)?;
                if !self.rest.starts_with(')') {
                    return Err(self.fault("a closing parenthesis is missing"));
                }
                self.advance(1);
                Ok(value)
            }
            _ => self.number(),
        }
    }

    fn number(&mut self) -> Result<f64, Refusal> {
        let end = self
            .rest
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .unwrap_or(self.rest.len());
        let value = self.rest[..end]
            .parse()
            .map_err(|_| self.fault("a number was expected"))?;
        self.advance(end);
        Ok(value)
    }

    fn advance(&mut self, bytes: usize) {
        self.rest = self.rest[bytes..].trim_start();
    }

    fn fault(&self, what: &str) -> Refusal {
        Refusal::input(format!("{what} at position {}", self.length - self.rest.len() + 1))
    }
}

fn apply(operator: char, left: f64, right: f64) -> Result<f64, Refusal> {
    match operator {
        '+' => Ok(left + right),
        '-' => Ok(left - right),
        '*' => Ok(left * right),
        '/' | '%' if right == 0.0 => Err(Refusal::new("division_by_zero", "a division by zero has no value")),
        '/' => Ok(left / right),
        '%' => Ok(left % right),
        _ => Ok(left.powf(right)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn precedence_and_signs() {
        for (expression, expected) in [
            ("1 + 2 * 3", "7"),
            ("(1 + 2) * 3", "9"),
            ("2 ^ 3 ^ 2", "512"),
            ("-2 ^ 2", "-4"),
            ("2 * -3", "-6"),
            ("10 - 4 - 3", "3"),
            ("7 % 4 / 2", "1.5"),
            (" .5 + 1. ", "1.5"),
        ] {
            assert_eq!(evaluate(expression).as_deref(), Ok(expected), "{expression}");
        }
    }

    #[test]
    fn faults_are_told_with_their_place() {
        for (expression, part) in [
            ("", "number"),
            ("1 +", "position 4"),
            ("(1", "parenthesis"),
            ("1 2", "position 3"),
            ("1..2", "number"),
            ("2 × 3", "operator"),
        ] {
            let refusal = evaluate(expression).expect_err(expression);
            assert!(refusal.reason.contains(part), "{expression}: {refusal:?}");
        }
        assert_eq!(
            evaluate("1 / (2 - 2)").expect_err("zero").error_type,
            "division_by_zero"
        );
        assert_eq!(evaluate("9^999").expect_err("infinite").error_type, "overflow");
        assert!(evaluate(&"(".repeat(100_000)).is_err());
    }
}
