//! The functions that Loki adds to Go's templates. Text is handled by characters, not bytes.

mod number;
mod text;
mod time;

use skopos_template::{Functions, TimeValue, Value};

/// A function's arguments.
struct Arguments<'a> {
    name: &'a str,
    values: &'a [Value],
}

impl Arguments<'_> {
    fn expect(&self, count: usize) -> Result<(), String> {
        if self.values.len() == count {
            return Ok(());
        }
        Err(format!(
            "wrong number of args for {}: want {count} got {}",
            self.name,
            self.values.len()
        ))
    }

    fn at_least(&self, count: usize) -> Result<(), String> {
        if self.values.len() >= count {
            return Ok(());
        }
        Err(format!(
            "wrong number of args for {}: want at least {count} got {}",
            self.name,
            self.values.len()
        ))
    }

    fn text(&self, index: usize) -> Result<&str, String> {
        let value = self.values.get(index).unwrap_or(&Value::Nil);
        value
            .as_str()
            .ok_or_else(|| format!("wrong type for value; expected string; got {}", value.type_name()))
    }

    fn int(&self, index: usize) -> i64 {
        self.values.get(index).map_or(0, number::to_int)
    }

    fn float(&self, index: usize) -> f64 {
        self.values.get(index).map_or(0.0, number::to_float)
    }
}

type Answer = Result<Value, String>;

/// The functions by name, for parsing.
#[derive(Debug, Clone, Copy)]
pub(super) struct KnownFunctions;

impl Functions for KnownFunctions {
    fn contains(&self, name: &str) -> bool {
        matches!(name, "__line__" | "__timestamp__") || text::NAMES.contains(&name) || is_number_or_time(name)
    }

    fn call(&self, name: &str, _arguments: &[Value]) -> Answer {
        Err(format!("function {name:?} not defined"))
    }
}

fn is_number_or_time(name: &str) -> bool {
    number::NAMES.contains(&name) || time::NAMES.contains(&name)
}

/// The functions for one entry.
#[derive(Debug, Clone, Copy)]
pub(super) struct EntryFunctions<'l> {
    pub(super) timestamp_ns: i64,
    pub(super) line: &'l str,
}

impl Functions for EntryFunctions<'_> {
    fn contains(&self, name: &str) -> bool {
        KnownFunctions.contains(name)
    }

    fn call(&self, name: &str, values: &[Value]) -> Answer {
        let arguments = Arguments { name, values };
        match name {
            "__line__" => arguments.expect(0).map(|()| Value::string(self.line)),
            "__timestamp__" => arguments
                .expect(0)
                .map(|()| Value::Time(TimeValue::utc(self.timestamp_ns))),
            _ if number::NAMES.contains(&name) => number::call(&arguments),
            _ if time::NAMES.contains(&name) => time::call(&arguments),
            _ => text::call(&arguments),
        }
    }
}

#[cfg(test)]
pub(crate) fn call_for_test(name: &str, values: &[Value]) -> Answer {
    let functions = EntryFunctions {
        timestamp_ns: 0,
        line: "",
    };
    functions.call(name, values)
}

#[cfg(test)]
mod tests;
