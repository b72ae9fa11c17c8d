//! Templates of notifications: the built-in ones, the files of the configuration over them, and
//! the texts of receivers.

mod data;
mod functions;
mod json;
mod kv;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use sha2::{Digest as _, Sha256};
use skopos_alertmanager::Notification;
use skopos_template::{ExecError, Limits, ParseError, Template, Value};

use self::data::Data;
use self::functions::{NamesOnly, NotificationFunctions};

const BUILT_IN: [(&str, &str); 2] = [
    ("default.tmpl", include_str!("template/default.tmpl")),
    ("email.tmpl", include_str!("template/email.tmpl")),
];

/// Why there is no text.
#[derive(Debug, thiserror::Error)]
pub enum TemplateError {
    /// A pattern of template files is broken.
    #[error("templates: {pattern:?}: {reason}")]
    Pattern {
        /// The pattern.
        pattern: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A template file cannot be read.
    #[error("failed to read the template file {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: std::io::Error,
    },
    /// A template file does not parse.
    #[error("{}:{}: {error}", path.display(), error.line)]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong and in which line.
        error: Box<ParseError>,
    },
    /// A text of a receiver does not parse.
    #[error("{field}: {error}")]
    Parse {
        /// The field of the configuration.
        field: String,
        /// What is wrong.
        error: Box<ParseError>,
    },
    /// A text of a receiver fails on this notification.
    #[error("{field}: {error}")]
    Execute {
        /// The field of the configuration.
        field: String,
        /// What is wrong.
        error: Box<ExecError>,
    },
    /// What a text gives does not fit where it stands.
    #[error("{field}: {reason}")]
    Unfit {
        /// The field of the configuration.
        field: String,
        /// What does not fit.
        reason: String,
    },
}

impl TemplateError {
    /// Says of which receiver the field is.
    pub(crate) fn of_receiver(mut self, receiver: &str) -> Self {
        match &mut self {
            Self::Parse { field, .. } | Self::Execute { field, .. } | Self::Unfit { field, .. } => {
                *field = format!("{receiver}: {field}");
            }
            Self::Pattern { .. } | Self::Read { .. } | Self::File { .. } => {}
        }
        self
    }
}

/// All templates that receivers may name.
#[derive(Debug, Clone)]
pub struct Templates {
    shared: Arc<Template>,
}

impl Templates {
    /// The built-in templates alone.
    pub fn built_in() -> Self {
        let mut shared = Template::default();
        for (name, text) in BUILT_IN {
            shared
                .add(name, text, &NamesOnly)
                .expect("the built-in templates parse: a test runs them all");
        }
        Self {
            shared: Arc::new(shared),
        }
    }

    /// The built-in templates and those of the files that match `patterns`, in the order of the
    /// patterns and then of the files' names. A pattern without a match is fine.
    pub fn load(patterns: &[String]) -> Result<Self, TemplateError> {
        let mut templates = Self::built_in();
        for path in Self::files(patterns)? {
            templates.add_file(&path)?;
        }
        Ok(templates)
    }

    /// The files that match `patterns`, in the order of the patterns and then of their names.
    pub fn files(patterns: &[String]) -> Result<Vec<PathBuf>, TemplateError> {
        let mut files = Vec::new();
        for pattern in patterns {
            let paths = glob::glob(pattern).map_err(|error| TemplateError::Pattern {
                pattern: pattern.clone(),
                reason: error.to_string(),
            })?;
            for path in paths {
                files.push(path.map_err(|error| TemplateError::Read {
                    path: error.path().to_owned(),
                    source: error.into(),
                })?);
            }
        }
        Ok(files)
    }

    fn add_file(&mut self, path: &Path) -> Result<(), TemplateError> {
        let text = std::fs::read_to_string(path).map_err(|source| TemplateError::Read {
            path: path.to_owned(),
            source,
        })?;
        self.add(path, &text)
    }

    /// Adds the templates of a file's text; what it defines replaces what has the same name.
    pub fn add(&mut self, path: &Path, text: &str) -> Result<(), TemplateError> {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        Arc::make_mut(&mut self.shared)
            .add(&name, text, &NamesOnly)
            .map_err(|error| TemplateError::File {
                path: path.to_owned(),
                error: error.into(),
            })
    }

    /// The names of all templates.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.shared.names()
    }

    /// Checks that a text of a receiver parses; `field` says in errors where it stands.
    pub fn check(&self, field: &str, text: &str) -> Result<(), TemplateError> {
        self.parse(field, text).map(|_| ())
    }

    fn parse(&self, field: &str, text: &str) -> Result<Template, TemplateError> {
        let shared = Template::clone(&self.shared);
        shared
            .with_main("", text, &NamesOnly)
            .map_err(|error| TemplateError::Parse {
                field: field.to_owned(),
                error: error.into(),
            })
    }
}

/// One notification ready to be put into texts.
#[derive(Debug)]
pub struct Rendering<'a> {
    templates: &'a Templates,
    data: Arc<Data>,
    group_key: String,
    now_ms: i64,
}

impl<'a> Rendering<'a> {
    /// Prepares the data of a notification. `external_url` is where people reach this server,
    /// without a slash at the end.
    pub fn new(templates: &'a Templates, notification: &Notification, external_url: &str) -> Self {
        Self {
            templates,
            data: Arc::new(Data::new(notification, external_url)),
            group_key: notification.group_key.clone(),
            now_ms: notification.now_ms,
        }
    }

    /// The same with the first `limit` alerts only, and how many are left out; 0 means no limit.
    pub(crate) fn limited(&self, limit: u64) -> (Self, u64) {
        let count = self.data.alerts.0.len() as u64;
        let kept = if limit == 0 { count } else { limit.min(count) };
        let limited = Self {
            templates: self.templates,
            data: Arc::new(self.data.first(kept as usize)),
            group_key: self.group_key.clone(),
            now_ms: self.now_ms,
        };
        (limited, count - kept)
    }

    /// The group's key.
    pub(crate) fn group_key(&self) -> &str {
        &self.group_key
    }

    /// The group's key where other products take a short one: its SHA-256 in hexadecimal.
    pub(crate) fn key_hash(&self) -> String {
        hex::encode(Sha256::digest(&self.group_key))
    }

    /// The time of the group's tick, Unix milliseconds.
    pub(crate) fn now_ms(&self) -> i64 {
        self.now_ms
    }

    /// The text of a template of the configuration; `field` says in errors where it stands.
    pub fn text(&self, field: &str, template: &str) -> Result<String, TemplateError> {
        if !template.contains("{{") {
            return Ok(template.to_owned());
        }
        let template = self.templates.parse(field, template)?;
        let (data, functions) = self.inputs();
        template
            .execute(&data, &functions, &Limits::default())
            .map_err(|error| TemplateError::Execute {
                field: field.to_owned(),
                error: error.into(),
            })
    }

    /// The same as HTML, where values are escaped.
    pub fn html(&self, field: &str, template: &str) -> Result<String, TemplateError> {
        let template = self.templates.parse(field, template)?;
        let (data, functions) = self.inputs();
        template
            .execute_html(&data, &functions, &Limits::default())
            .map_err(|error| TemplateError::Execute {
                field: field.to_owned(),
                error: error.into(),
            })
    }

    /// The data as JSON, as webhooks get it.
    pub(crate) fn data_json(&self) -> serde_json::Map<String, serde_json::Value> {
        json::data(&self.data)
    }

    /// Labels that all alerts have in common, sorted by name.
    pub(crate) fn common_labels(&self) -> impl Iterator<Item = (&str, &str)> {
        self.data.common_labels.iter()
    }

    /// Whether something fires.
    pub(crate) fn is_firing(&self) -> bool {
        self.data.is_firing()
    }

    /// A value of any shape, its texts put through templates. What a text gives is taken by YAML's
    /// rules: numbers, lists and maps become such.
    pub(crate) fn free_form(&self, field: &str, value: &serde_json::Value) -> Result<serde_json::Value, TemplateError> {
        json::free_form(self, field, value)
    }

    fn inputs(&self) -> (Value, NotificationFunctions) {
        let data: Arc<dyn skopos_template::Object> = Arc::clone(&self.data) as _;
        let functions = NotificationFunctions {
            now_ms: self.now_ms,
            data: Arc::clone(&self.data),
        };
        (Value::Object(data), functions)
    }
}

#[cfg(test)]
mod tests;
