//! What a supervisor says to a running service: one line on its standard input.

use std::fmt;
use std::str::FromStr;

/// An order to a running service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Order {
    /// Switch a fault on or off.
    Fault {
        /// Its name.
        name: String,
        /// Whether it shall be on.
        is_on: bool,
    },
}

impl fmt::Display for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self::Fault { name, is_on } = self;
        write!(f, "fault {name} {}", if *is_on { "on" } else { "off" })
    }
}

impl FromStr for Order {
    type Err = String;

    fn from_str(line: &str) -> Result<Self, String> {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words[..] {
            ["fault", name, state @ ("on" | "off")] => Ok(Self::Fault {
                name: name.to_owned(),
                is_on: state == "on",
            }),
            _ => Err(format!("expected: fault NAME on|off; got: {}", line.trim())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_reads_back() {
        for is_on in [true, false] {
            let order = Order::Fault {
                name: "slm-slow".to_owned(),
                is_on,
            };
            assert_eq!(order.to_string().parse(), Ok(order));
        }
        assert!("fault slm-slow maybe".parse::<Order>().is_err());
    }
}
