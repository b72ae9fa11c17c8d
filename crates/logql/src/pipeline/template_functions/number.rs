//! Functions on numbers. Text is read as a number where one is wanted; what is none counts as 0.

use skopos_template::Value;

use super::{Answer, Arguments};

pub(super) const NAMES: &[&str] = &[
    "int",
    "float64",
    "add",
    "sub",
    "mul",
    "div",
    "mod",
    "addf",
    "subf",
    "mulf",
    "divf",
    "max",
    "min",
    "maxf",
    "minf",
    "ceil",
    "floor",
    "round",
    "bytes",
    "duration",
    "duration_seconds",
];

pub(super) fn to_int(value: &Value) -> i64 {
    match value {
        Value::Int(number) | Value::Duration(number) => *number,
        Value::Float(number) => *number as i64,
        Value::Bool(flag) => i64::from(*flag),
        Value::String(text) => text.trim().parse().unwrap_or(0),
        _ => 0,
    }
}

pub(super) fn to_float(value: &Value) -> f64 {
    match value {
        Value::Float(number) => *number,
        Value::String(text) => text.trim().parse().unwrap_or(0.0),
        other => to_int(other) as f64,
    }
}

pub(super) fn call(arguments: &Arguments<'_>) -> Answer {
    match arguments.name {
        "int" => arguments.expect(1).map(|()| Value::Int(arguments.int(0))),
        "float64" => arguments.expect(1).map(|()| Value::Float(arguments.float(0))),
        "ceil" | "floor" => {
            arguments.expect(1)?;
            let value = arguments.float(0);
            let rounded = if arguments.name == "ceil" {
                value.ceil()
            } else {
                value.floor()
            };
            Ok(Value::Float(rounded))
        }
        "round" => round(arguments),
        "bytes" => {
            arguments.expect(1)?;
            crate::bytesize::parse(arguments.text(0)?).map(|bytes| Value::Float(bytes as f64))
        }
        "duration" | "duration_seconds" => {
            arguments.expect(1)?;
            crate::duration::parse_go(arguments.text(0)?).map(|ns| Value::Float(ns as f64 / 1e9))
        }
        "sub" | "div" | "mod" => {
            arguments.expect(2)?;
            integer_pair(arguments.name, arguments.int(0), arguments.int(1))
        }
        "add" | "mul" | "max" | "min" => {
            arguments.at_least(1)?;
            Ok(integers(arguments))
        }
        _ => {
            arguments.at_least(1)?;
            Ok(floats(arguments))
        }
    }
}

fn integer_pair(name: &str, left: i64, right: i64) -> Answer {
    let result = match name {
        "sub" => Some(left.wrapping_sub(right)),
        "div" => left.checked_div(right),
        _ => left.checked_rem(right),
    };
    result
        .map(Value::Int)
        .ok_or_else(|| "runtime error: integer divide by zero".to_owned())
}

fn integers(arguments: &Arguments<'_>) -> Value {
    let numbers = arguments.values.iter().map(to_int);
    let result = match arguments.name {
        "add" => numbers.reduce(i64::wrapping_add),
        "mul" => numbers.reduce(i64::wrapping_mul),
        "max" => numbers.max(),
        _ => numbers.min(),
    };
    Value::Int(result.unwrap_or(0))
}

fn floats(arguments: &Arguments<'_>) -> Value {
    let numbers = arguments.values.iter().map(to_float);
    let result = match arguments.name {
        "addf" => numbers.reduce(|left, right| left + right),
        "subf" => numbers.reduce(|left, right| left - right),
        "mulf" => numbers.reduce(|left, right| left * right),
        "divf" => numbers.reduce(|left, right| left / right),
        "maxf" => numbers.reduce(f64::max),
        _ => numbers.reduce(f64::min),
    };
    Value::Float(result.unwrap_or(0.0))
}

/// `round value places [threshold]`: fractions from the threshold on are rounded up.
fn round(arguments: &Arguments<'_>) -> Answer {
    arguments.at_least(2)?;
    let threshold = if arguments.values.len() > 2 {
        arguments.float(2)
    } else {
        0.5
    };
    let power = 10f64.powi(arguments.int(1).clamp(-300, 300) as i32);
    let digits = power * arguments.float(0);
    let fraction = digits - digits.trunc();
    let rounded = if fraction >= threshold {
        digits.ceil()
    } else {
        digits.floor()
    };
    Ok(Value::Float(rounded / power))
}
