//! Attributes of resource, scope and data point as the label set of a series
//! (`createAttributes` in Prometheus' `prometheusremotewrite`).

use std::borrow::Cow;

use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::resource::v1::Resource;
use skopos_core::Labels;
use skopos_core::labels::METRIC_NAME;

use super::options::MetricOptions;
use crate::otlp::attributes::{value, value_text};
use crate::otlp::names::{LabelNamer, NameError};

const SERVICE_NAME: &str = "service.name";
const SERVICE_NAMESPACE: &str = "service.namespace";
const SERVICE_INSTANCE: &str = "service.instance.id";
/// Attributes that say which target it is; they become `job` and `instance`.
const IDENTIFYING: [&str; 3] = [SERVICE_NAME, SERVICE_NAMESPACE, SERVICE_INSTANCE];
/// The metric that tells a target's resource attributes.
pub(super) const TARGET_INFO: &str = "target_info";
const JOB: &str = "job";
const INSTANCE: &str = "instance";
/// Joins the values of attributes that fall on one label.
const JOINT: &str = ";";

type Text<'a> = Cow<'a, str>;

/// Label pairs with unique names, in any order.
#[derive(Debug, Clone, Default)]
pub(super) struct LabelSet<'a> {
    pairs: Vec<(Text<'a>, Text<'a>)>,
}

impl<'a> LabelSet<'a> {
    /// Sets a label. An empty value takes it away, as everywhere in Prometheus.
    fn set(&mut self, name: Text<'a>, text: Text<'a>) {
        match self.position(&name) {
            Some(at) if text.is_empty() => {
                self.pairs.swap_remove(at);
            }
            Some(at) => {
                if let Some(pair) = self.pairs.get_mut(at) {
                    pair.1 = text;
                }
            }
            None if text.is_empty() => {}
            None => self.pairs.push((name, text)),
        }
    }

    fn set_if_absent(&mut self, name: Text<'a>, text: Text<'a>) {
        if self.position(&name).is_none() {
            self.set(name, text);
        }
    }

    /// Sets a label, or joins with the value that is there already.
    fn append(&mut self, name: Text<'a>, text: Text<'a>) {
        let known = self.position(&name).and_then(|at| self.pairs.get_mut(at));
        if let Some(pair) = known {
            let joined = pair.1.to_mut();
            joined.push_str(JOINT);
            joined.push_str(&text);
        } else {
            self.set(name, text);
        }
    }

    fn position(&self, name: &str) -> Option<usize> {
        self.pairs.iter().position(|(known, _)| known == name)
    }

    /// Whether there is such a label.
    fn has(&self, name: &str) -> bool {
        self.position(name).is_some()
    }

    /// Sorts the pairs; [`LabelSet::labels`] needs it.
    fn sorted(mut self) -> Self {
        self.pairs.sort_unstable_by(|a, b| a.0.cmp(&b.0));
        self
    }

    /// The labels with a metric name and, where given, one more label. Both replace what stands
    /// under their names.
    pub(super) fn labels(&self, metric: &str, extra: Option<(&str, &str)>) -> Labels {
        let extra = extra.filter(|(_, text)| !text.is_empty());
        let is_replaced = |name: &str| name == METRIC_NAME || extra.is_some_and(|(extra, _)| extra == name);
        let mut pairs: Vec<(&str, &str)> = Vec::with_capacity(self.pairs.len() + 2);
        let own = self.pairs.iter().map(|(name, text)| (name.as_ref(), text.as_ref()));
        pairs.extend(own.filter(|(name, _)| !is_replaced(name)));
        for added in [Some((METRIC_NAME, metric)), extra].into_iter().flatten() {
            let at = pairs.partition_point(|(name, _)| *name < added.0);
            pairs.insert(at, added);
        }
        Labels::from_sorted_pairs(pairs.iter().copied()).unwrap_or_else(|| Labels::from_pairs(pairs))
    }
}

/// What all series of a resource share.
#[derive(Debug)]
pub(super) struct ResourceLabels<'a> {
    attributes: &'a [KeyValue],
    promoted: Vec<(Text<'a>, Text<'a>)>,
    job: Option<Text<'a>>,
    instance: Option<Text<'a>>,
}

impl<'a> ResourceLabels<'a> {
    pub(super) fn new(resource: Option<&'a Resource>, options: &MetricOptions) -> Result<Self, NameError> {
        let attributes = resource.map_or(&[][..], |resource| &resource.attributes);
        let namer = options.label_namer();
        let mut promoted = Vec::new();
        for pair in attributes
            .iter()
            .filter(|pair| options.resource_promotion.takes(&pair.key))
        {
            promoted.push((namer.name(&pair.key)?, text_of(pair.value.as_ref())));
        }
        let find = |key: &str| {
            let found = attributes.iter().find(|pair| pair.key == key);
            found.map(|pair| text_of(pair.value.as_ref()))
        };
        let job = find(SERVICE_NAME).map(|name| match find(SERVICE_NAMESPACE) {
            Some(namespace) => format!("{namespace}/{name}").into(),
            None => name,
        });
        Ok(Self {
            attributes,
            promoted,
            job,
            instance: find(SERVICE_INSTANCE),
        })
    }

    fn identify(&self, set: &mut LabelSet<'a>) {
        if let Some(job) = &self.job {
            set.set(JOB.into(), job.clone());
        }
        if let Some(instance) = &self.instance {
            set.set(INSTANCE.into(), instance.clone());
        }
    }

    /// The labels of `target_info`. `None` where the resource says nothing beyond which target it
    /// is, or not even that.
    pub(super) fn target_info(&self, options: &MetricOptions) -> Result<Option<Labels>, NameError> {
        let is_identifying = |pair: &KeyValue| IDENTIFYING.contains(&pair.key.as_str());
        if self.attributes.iter().all(is_identifying) {
            return Ok(None);
        }
        let keep_all = options.keep_identifying_resource_attributes;
        let told = self.attributes.iter().filter(|pair| keep_all || !is_identifying(pair));
        let mut set = LabelSet::default();
        add_attributes(&mut set, told, options.label_namer())?;
        self.identify(&mut set);
        if !set.has(JOB) && !set.has(INSTANCE) {
            return Ok(None);
        }
        Ok(Some(set.sorted().labels(TARGET_INFO, None)))
    }
}

/// The labels that a scope gives to its series, where that is wanted and the scope has a name.
pub(super) fn scope_labels<'a>(
    scope: Option<&'a InstrumentationScope>,
    schema_url: &'a str,
    options: &MetricOptions,
) -> Result<Vec<(Text<'a>, Text<'a>)>, NameError> {
    let Some(scope) = scope.filter(|scope| options.promote_scope_metadata && !scope.name.is_empty()) else {
        return Ok(Vec::new());
    };
    let namer = options.label_namer();
    let mut pairs: Vec<(Text<'a>, Text<'a>)> = Vec::new();
    for pair in &scope.attributes {
        let name = format!("otel_scope_{}", pair.key);
        let name = namer.name(&name)?.into_owned();
        pairs.push((name.into(), text_of(pair.value.as_ref())));
    }
    // After the attributes, which therefore cannot replace them.
    pairs.push(("otel_scope_name".into(), scope.name.as_str().into()));
    pairs.push(("otel_scope_version".into(), scope.version.as_str().into()));
    pairs.push(("otel_scope_schema_url".into(), schema_url.into()));
    Ok(pairs)
}

/// What a series' labels are made of besides its data point.
#[derive(Debug, Clone, Copy)]
pub(super) struct Surroundings<'s, 'a> {
    pub(super) resource: &'s ResourceLabels<'a>,
    pub(super) scope: &'s [(Text<'a>, Text<'a>)],
    /// `__type__` and `__unit__`, empty where they are not wanted.
    pub(super) kind: &'s [(&'static str, String)],
}

impl<'a> Surroundings<'_, 'a> {
    /// The labels of a data point but for its metric's name.
    pub(super) fn point_labels(
        &self,
        attributes: &'a [KeyValue],
        options: &MetricOptions,
    ) -> Result<LabelSet<'a>, NameError> {
        let mut set = LabelSet::default();
        let pairs = attributes.iter().filter(|pair| pair.key != METRIC_NAME);
        add_attributes(&mut set, pairs, options.label_namer())?;
        for (name, text) in &self.resource.promoted {
            set.set_if_absent(name.clone(), text.clone());
        }
        for (name, text) in self.scope {
            set.set(name.clone(), text.clone());
        }
        self.resource.identify(&mut set);
        for (name, text) in self.kind {
            set.set((*name).into(), text.clone().into());
        }
        Ok(set.sorted())
    }
}

/// Adds attributes in the order of their names; those that fall on one label are joined in it.
fn add_attributes<'a>(
    set: &mut LabelSet<'a>,
    attributes: impl Iterator<Item = &'a KeyValue>,
    namer: LabelNamer,
) -> Result<(), NameError> {
    let mut sorted: Vec<&KeyValue> = attributes.collect();
    sorted.sort_by(|a, b| a.key.cmp(&b.key));
    for pair in sorted {
        let text = text_of(pair.value.as_ref());
        if namer.utf8_allowed {
            set.set(pair.key.as_str().into(), text);
        } else {
            set.append(namer.name(&pair.key)?, text);
        }
    }
    Ok(())
}

/// A value as text, borrowed where it is one.
pub(super) fn text_of(any: Option<&AnyValue>) -> Text<'_> {
    match any.and_then(|any| any.value.as_ref()) {
        Some(Value::StringValue(text)) => text.as_str().into(),
        _ => value_text(&value(any.cloned())).into(),
    }
}
