//! The directives of the log as a filter of one output of events.

use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::Interest;
use tracing::{Metadata, Subscriber};
use tracing_subscriber::filter::EnvFilter;
use tracing_subscriber::layer::{Context, Filter};

use crate::SetupError;
use crate::settings::Settings;

/// `EnvFilter`, asked no more than it has to say. It keeps locked tables of spans for directives that name one, and looks
/// into them at each span that is made, entered, left or closed, also where no directive does.
#[derive(Debug)]
pub(super) struct Directives {
    filter: EnvFilter,
    name_spans: bool,
}

impl Directives {
    /// The directives of the settings, without these targets.
    pub(super) fn new(settings: &Settings, without: &[&str]) -> Result<Self, SetupError> {
        let filter = EnvFilter::try_new(&settings.log_filter).map_err(|source| SetupError::Filter {
            filter: settings.log_filter.clone(),
            source,
        })?;
        let filter = without.iter().fold(filter, |filter, target| {
            filter.add_directive(format!("{target}=off").parse().expect("a constant directive"))
        });
        Ok(Self {
            filter,
            // `target[span{field=value}]=level`
            name_spans: settings.log_filter.contains('['),
        })
    }

    /// The level beyond which nothing passes.
    pub(super) fn most_verbose(&self) -> LevelFilter {
        self.filter.max_level_hint().unwrap_or(LevelFilter::TRACE)
    }
}

impl<S: Subscriber> Filter<S> for Directives {
    fn enabled(&self, metadata: &Metadata<'_>, context: &Context<'_, S>) -> bool {
        Filter::<S>::enabled(&self.filter, metadata, context)
    }

    fn callsite_enabled(&self, metadata: &'static Metadata<'static>) -> Interest {
        Filter::<S>::callsite_enabled(&self.filter, metadata)
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(self.most_verbose())
    }

    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        if self.name_spans {
            self.filter.on_new_span(attributes, id, context);
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        if self.name_spans {
            self.filter.on_record(id, values, context);
        }
    }

    fn on_enter(&self, id: &Id, context: Context<'_, S>) {
        if self.name_spans {
            self.filter.on_enter(id, context);
        }
    }

    fn on_exit(&self, id: &Id, context: Context<'_, S>) {
        if self.name_spans {
            self.filter.on_exit(id, context);
        }
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        if self.name_spans {
            self.filter.on_close(id, context);
        }
    }
}
