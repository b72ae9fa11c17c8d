//! From discovered labels to a target: defaults of the job, relabelling, URL
//! (`scrape/target.go` in Prometheus).

use std::collections::BTreeMap;
use std::time::Duration;

use skopos_config::{ScrapeConfig, TargetGroup, format_duration, parse_duration};
use skopos_core::{Labels, LabelsBuilder};
use skopos_relabel::{Relabeler, Verdict};
use xxhash_rust::xxh3::xxh3_64;

const ADDRESS: &str = "__address__";
const SCHEME: &str = "__scheme__";
const METRICS_PATH: &str = "__metrics_path__";
const INTERVAL: &str = "__scrape_interval__";
const TIMEOUT: &str = "__scrape_timeout__";
const PARAM_PREFIX: &str = "__param_";

/// What is scraped, how often, and the labels that its series get.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Labels before relabelling.
    pub discovered_labels: Labels,
    /// Labels of its series; none begins with `__`.
    pub labels: Labels,
    /// What is fetched.
    pub url: String,
    /// Time between scrapes.
    pub interval: Duration,
    /// How long a scrape may take.
    pub timeout: Duration,
}

/// What became of a discovered address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Discovered {
    /// A target.
    Target(Box<Target>),
    /// Relabelling drops it.
    Dropped {
        /// Labels before relabelling.
        discovered_labels: Labels,
    },
    /// It cannot be a target.
    Invalid {
        /// Labels before relabelling.
        discovered_labels: Labels,
        /// Why.
        reason: String,
    },
}

/// What makes two targets the same.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct TargetKey {
    pub(crate) labels: Labels,
    pub(crate) url: String,
}

impl Target {
    pub(crate) fn key(&self) -> TargetKey {
        TargetKey {
            labels: self.labels.clone(),
            url: self.url.clone(),
        }
    }

    /// A hash that spreads targets over the interval, the same after each restart.
    pub(crate) fn spread(&self) -> u64 {
        self.labels.fingerprint() ^ xxh3_64(self.url.as_bytes())
    }
}

/// All addresses of a group, each as a target of the job.
pub fn targets_of_group(config: &ScrapeConfig, relabeler: &Relabeler, group: &TargetGroup) -> Vec<Discovered> {
    let mut shared = LabelsBuilder::new();
    for (name, value) in &group.labels {
        shared.set(name, value);
    }
    let targets = group.targets.iter().map(|address| {
        let mut labels = shared.clone();
        labels.set(ADDRESS, address);
        target_of_labels(config, relabeler, labels)
    });
    targets.collect()
}

/// One discovered label set as a target of the job.
pub fn target_of_labels(config: &ScrapeConfig, relabeler: &Relabeler, mut labels: LabelsBuilder) -> Discovered {
    add_defaults(config, &mut labels);
    let discovered_labels = labels.build();
    if relabeler.apply(&mut labels) == Verdict::Drop {
        return Discovered::Dropped { discovered_labels };
    }
    match finish(config, &mut labels, discovered_labels.clone()) {
        Ok(target) => Discovered::Target(Box::new(target)),
        Err(reason) => Discovered::Invalid {
            discovered_labels,
            reason,
        },
    }
}

fn add_defaults(config: &ScrapeConfig, labels: &mut LabelsBuilder) {
    let interval = format_duration(config.scrape_interval);
    let timeout = format_duration(config.scrape_timeout);
    let defaults = [
        ("job", config.job_name.as_str()),
        (INTERVAL, &interval),
        (TIMEOUT, &timeout),
        (METRICS_PATH, &config.metrics_path),
        (SCHEME, &config.scheme),
    ];
    for (name, value) in defaults {
        set_if_absent(labels, name, value);
    }
    for (name, values) in &config.params {
        if let Some(first) = values.first() {
            set_if_absent(labels, &format!("{PARAM_PREFIX}{name}"), first);
        }
    }
}

fn set_if_absent(labels: &mut LabelsBuilder, name: &str, value: &str) {
    if labels.get(name).is_empty() {
        labels.set(name, value);
    }
}

fn finish(config: &ScrapeConfig, labels: &mut LabelsBuilder, discovered_labels: Labels) -> Result<Target, String> {
    let address = labels.get(ADDRESS).to_owned();
    if address.is_empty() {
        return Err("no address".to_owned());
    }
    if address.contains('/') {
        return Err(format!("{address:?} is not a valid hostname"));
    }
    let (interval, timeout) = timing(labels)?;
    set_if_absent(labels, "instance", &address);
    let url = url(config, labels, &address);
    Ok(Target {
        discovered_labels,
        labels: labels.retain(|name| !name.starts_with("__")).build(),
        url,
        interval,
        timeout,
    })
}

fn timing(labels: &LabelsBuilder) -> Result<(Duration, Duration), String> {
    let read = |name, what: &str| {
        let duration =
            parse_duration(labels.get(name)).map_err(|error| format!("error parsing scrape {what}: {error}"))?;
        if duration.is_zero() {
            return Err(format!("scrape {what} cannot be 0"));
        }
        Ok(duration)
    };
    let (interval, timeout) = (read(INTERVAL, "interval")?, read(TIMEOUT, "timeout")?);
    if timeout > interval {
        return Err(format!(
            "scrape timeout cannot be greater than scrape interval ({:?} > {:?})",
            labels.get(TIMEOUT),
            labels.get(INTERVAL)
        ));
    }
    Ok((interval, timeout))
}

fn url(config: &ScrapeConfig, labels: &LabelsBuilder, address: &str) -> String {
    let path = labels.get(METRICS_PATH);
    let slash = if path.starts_with('/') || path.is_empty() {
        ""
    } else {
        "/"
    };
    let mut url = format!("{}://{address}{slash}{path}", labels.get(SCHEME));
    let query = query(config, labels);
    if !query.is_empty() {
        url.push(if path.contains('?') { '&' } else { '?' });
        url.push_str(&query);
    }
    url
}

/// The job's parameters; a `__param_` label replaces the first value of its parameter.
fn query(config: &ScrapeConfig, labels: &LabelsBuilder) -> String {
    let mut params: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (name, values) in &config.params {
        params.insert(name, values.iter().map(String::as_str).collect());
    }
    for (name, value) in labels.iter() {
        if let Some(param) = name.strip_prefix(PARAM_PREFIX) {
            match params.entry(param).or_default() {
                values if values.is_empty() => values.push(value),
                values => values[0] = value,
            }
        }
    }
    let pairs = params
        .iter()
        .flat_map(|(name, values)| values.iter().map(move |value| (name, value)));
    let encoded: Vec<String> = pairs
        .map(|(name, value)| format!("{}={}", encode(name), encode(value)))
        .collect();
    encoded.join("&")
}

/// Percent-encodes as Go's `url.QueryEscape`.
fn encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => out.push(char::from(byte)),
            b' ' => out.push('+'),
            _ => {
                out.push('%');
                out.extend([byte >> 4, byte & 0xf].map(hex_digit));
            }
        }
    }
    out
}

fn hex_digit(nibble: u8) -> char {
    char::from_digit(u32::from(nibble), 16).map_or('0', |digit| digit.to_ascii_uppercase())
}
