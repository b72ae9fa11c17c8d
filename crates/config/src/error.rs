//! What is wrong with a configuration, where, and how to mend it.

use std::fmt;
use std::path::PathBuf;

/// A place in a file; both count from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Position {
    /// Line.
    pub line: usize,
    /// Column in characters.
    pub column: usize,
}

/// A configuration that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    /// The file.
    pub path: PathBuf,
    /// Where in the file, unless the file as a whole is meant.
    pub position: Option<Position>,
    /// What is wrong, in Prometheus' words where it has some.
    pub message: String,
    /// How to mend it.
    pub help: Option<String>,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.path.display())?;
        if let Some(Position { line, column }) = self.position {
            write!(f, ":{line}:{column}")?;
        }
        write!(f, ": {}", self.message)?;
        match &self.help {
            Some(help) => write!(f, "\n  help: {help}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for ConfigError {}

/// A [`ConfigError`] that does not know its file yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Where in the file, unless the file as a whole is meant.
    pub position: Option<Position>,
    /// What is wrong.
    pub message: String,
    /// How to mend it.
    pub help: Option<String>,
    /// Set where the problem lies in another file than the one being read.
    pub path: Option<PathBuf>,
}

/// What reading a part of a file gives.
pub type Result<T> = std::result::Result<T, Problem>;

impl Problem {
    /// A problem of the file as a whole.
    pub fn new(message: impl Into<String>) -> Self {
        Self {
            position: None,
            message: message.into(),
            help: None,
            path: None,
        }
    }

    /// A problem at a place.
    pub fn at(position: Position, message: impl Into<String>) -> Self {
        Self {
            position: Some(position),
            ..Self::new(message)
        }
    }

    /// Adds how to mend it.
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Gives the problem a place if it has none.
    pub fn or_at(mut self, position: Position) -> Self {
        self.position.get_or_insert(position);
        self
    }

    /// Adds to the message.
    pub fn suffixed(mut self, suffix: &str) -> Self {
        self.message.push_str(suffix);
        self
    }

    /// Names the file.
    pub fn in_file(self, path: impl Into<PathBuf>) -> ConfigError {
        ConfigError {
            path: self.path.unwrap_or_else(|| path.into()),
            position: self.position,
            message: self.message,
            help: self.help,
        }
    }
}
