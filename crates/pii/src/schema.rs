//! What is known of the fields of a Sentry event: their types and whether they hold personal data
//! (develop.sentry.dev, "Event payloads").

/// Names of things that selectors may ask for with `$name`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ValueType {
    String,
    Binary,
    Number,
    Boolean,
    DateTime,
    Array,
    Object,
    Event,
    Attachments,
    Replay,
    Exception,
    Stacktrace,
    Frame,
    Request,
    User,
    LogEntry,
    Message,
    Thread,
    Breadcrumb,
    Span,
    Sdk,
}

impl ValueType {
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "string" | "text" => Self::String,
            "binary" | "minidump" | "heap_memory" | "stack_memory" => Self::Binary,
            "number" => Self::Number,
            "boolean" | "bool" => Self::Boolean,
            "datetime" => Self::DateTime,
            "array" | "list" => Self::Array,
            "object" => Self::Object,
            "event" => Self::Event,
            "attachments" => Self::Attachments,
            "replay" => Self::Replay,
            "error" | "exception" => Self::Exception,
            "stack" | "stacktrace" => Self::Stacktrace,
            "frame" => Self::Frame,
            "http" | "request" => Self::Request,
            "user" => Self::User,
            "logentry" => Self::LogEntry,
            "message" => Self::Message,
            "thread" => Self::Thread,
            "breadcrumb" => Self::Breadcrumb,
            "span" => Self::Span,
            "sdk" => Self::Sdk,
            _ => return None,
        })
    }

    /// Types of JSON, which name nothing in particular.
    pub(crate) fn is_general(self) -> bool {
        matches!(
            self,
            Self::String | Self::Binary | Self::Number | Self::Boolean | Self::DateTime | Self::Array | Self::Object
        )
    }
}

/// Whether a field holds personal data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pii {
    Yes,
    /// Only where a selector names it.
    Maybe,
    No,
}

/// One step from the event to a value.
#[derive(Debug, Clone)]
pub(crate) struct Level {
    pub(crate) key: String,
    pub(crate) types: Vec<ValueType>,
    pub(crate) pii: Pii,
}

/// What stands at a place of the event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Event,
    Request,
    User,
    LogEntry,
    Message,
    Exception,
    Stacktrace,
    Frame,
    Thread,
    Breadcrumb,
    Span,
    Sdk,
    Contexts,
    KnownContext,
    DebugMeta,
    Image,
    /// A path whose last part, the file's name, stays.
    NativePath,
    /// `{"values": […]}`, or the list itself, of one kind.
    List(Item),
    /// Anything; what lies below is like it.
    Free,
}

/// Members of the lists of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Item {
    Exception,
    Thread,
    Breadcrumb,
    Span,
    Frame,
    Image,
}

impl Item {
    fn kind(self) -> Kind {
        match self {
            Self::Exception => Kind::Exception,
            Self::Thread => Kind::Thread,
            Self::Breadcrumb => Kind::Breadcrumb,
            Self::Span => Kind::Span,
            Self::Frame => Kind::Frame,
            Self::Image => Kind::Image,
        }
    }
}

/// Contexts whose members are known; others are whatever the client has put there.
const KNOWN_CONTEXTS: &[&str] = &[
    "device",
    "os",
    "runtime",
    "app",
    "browser",
    "gpu",
    "trace",
    "monitor",
    "profile",
    "replay",
    "feedback",
    "cloud_resource",
    "nel",
    "performance_score",
    "response",
    "otel",
    "reprocessing",
];

impl Kind {
    /// The types beyond those of JSON; none where the value is what it is in JSON.
    pub(crate) fn own_type(self) -> Option<ValueType> {
        Some(match self {
            Self::Event => ValueType::Event,
            Self::Request => ValueType::Request,
            Self::User => ValueType::User,
            Self::LogEntry => ValueType::LogEntry,
            Self::Message => ValueType::Message,
            Self::Exception => ValueType::Exception,
            Self::Stacktrace => ValueType::Stacktrace,
            Self::Frame => ValueType::Frame,
            Self::Thread => ValueType::Thread,
            Self::Breadcrumb => ValueType::Breadcrumb,
            Self::Span => ValueType::Span,
            Self::Sdk => ValueType::Sdk,
            _ => return None,
        })
    }

    /// What stands below a key or index, and whether it is personal; `pii` is that of the value itself.
    pub(crate) fn child(self, key: &str, pii: Pii) -> (Self, Pii) {
        match self {
            Self::Event => event_field(key),
            Self::Request => request_field(key),
            Self::User => (Self::Free, Pii::Yes),
            Self::LogEntry => match key {
                "formatted" | "message" => (Self::Message, Pii::Yes),
                "params" => (Self::Free, Pii::Yes),
                _ => (Self::Free, Pii::No),
            },
            Self::Exception => match key {
                "value" => (Self::Free, Pii::Yes),
                "stacktrace" | "raw_stacktrace" => (Self::Stacktrace, Pii::No),
                "type" | "module" | "thread_id" | "mechanism" => (Self::Free, Pii::No),
                _ => (Self::Free, Pii::Yes),
            },
            Self::Stacktrace if key == "frames" => (Self::List(Item::Frame), Pii::No),
            Self::Frame => match key {
                "vars" => (Self::Free, Pii::Yes),
                "filename" | "abs_path" => (Self::Free, Pii::Yes),
                "context_line" | "pre_context" | "post_context" => (Self::Free, Pii::Maybe),
                _ => (Self::Free, Pii::No),
            },
            Self::Thread if key == "stacktrace" => (Self::Stacktrace, Pii::No),
            Self::Breadcrumb if matches!(key, "message" | "data") => (Self::Free, Pii::Yes),
            Self::Span => match key {
                "description" | "data" => (Self::Free, Pii::Yes),
                "tags" => (Self::Free, Pii::Maybe),
                _ => (Self::Free, Pii::No),
            },
            Self::Sdk if key == "client_ip" => (Self::Free, Pii::Yes),
            Self::Contexts if KNOWN_CONTEXTS.contains(&key) => (Self::KnownContext, Pii::Maybe),
            Self::Contexts => (Self::Free, Pii::Yes),
            Self::KnownContext => match key {
                "data" | "headers" | "cookies" => (Self::Free, Pii::Yes),
                "type" | "trace_id" | "span_id" | "parent_span_id" => (Self::Free, Pii::No),
                _ => (Self::Free, Pii::Maybe),
            },
            Self::DebugMeta if key == "images" => (Self::List(Item::Image), Pii::No),
            Self::Image if matches!(key, "code_file" | "debug_file") => (Self::NativePath, Pii::Maybe),
            Self::List(_) if key == "values" => (self, Pii::No),
            Self::List(item) => (item.kind(), Pii::No),
            Self::Free => (Self::Free, pii),
            _ => (Self::Free, Pii::No),
        }
    }
}

fn event_field(key: &str) -> (Kind, Pii) {
    match key {
        "logentry" => (Kind::LogEntry, Pii::No),
        "request" => (Kind::Request, Pii::No),
        "user" => (Kind::User, Pii::No),
        "exception" => (Kind::List(Item::Exception), Pii::No),
        "threads" => (Kind::List(Item::Thread), Pii::No),
        "breadcrumbs" => (Kind::List(Item::Breadcrumb), Pii::No),
        "spans" => (Kind::List(Item::Span), Pii::No),
        "stacktrace" => (Kind::Stacktrace, Pii::No),
        "sdk" => (Kind::Sdk, Pii::No),
        "contexts" => (Kind::Contexts, Pii::Yes),
        "debug_meta" => (Kind::DebugMeta, Pii::No),
        "tags" | "transaction" | "culprit" => (Kind::Free, Pii::Maybe),
        "extra" | "server_name" | "csp" | "hpkp" | "expectct" | "expectstaple" | "nel" => (Kind::Free, Pii::Yes),
        "event_id" | "type" | "level" | "version" | "logger" | "platform" | "timestamp" | "start_timestamp"
        | "received" | "release" | "dist" | "environment" | "site" | "errors" | "modules" | "fingerprint"
        | "measurements" | "breakdowns" | "key_id" | "project" | "transaction_info" | "grouping_config"
        | "time_spent" | "_metrics" => (Kind::Free, Pii::No),
        _ => (Kind::Free, Pii::Yes),
    }
}

fn request_field(key: &str) -> (Kind, Pii) {
    match key {
        "data" | "query_string" | "cookies" | "headers" | "env" => (Kind::Free, Pii::Yes),
        "url" | "fragment" => (Kind::Free, Pii::Maybe),
        _ => (Kind::Free, Pii::No),
    }
}
