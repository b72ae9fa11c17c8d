//! A remote that is read, and what of a query it is asked.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use skopos_config::{PrometheusConfig, RemoteReadConfig};
use skopos_core::metric::Series;
use skopos_core::{Labels, MatchOp, Matcher, TimeRange};

use super::super::remote_write::{name_of, shown_url};
use super::client::Client;
use super::metrics::RemoteMetrics;

/// Added to the time of the oldest own sample, as by Prometheus: just after it not all that was there is stored yet.
const LOCAL_START_MARGIN: Duration = Duration::from_hours(4);

/// A remote that is read.
#[derive(Debug)]
pub(super) struct Remote {
    /// The name in metrics.
    name: String,
    config: RemoteReadConfig,
    /// Added to what is asked for, and removed from what is answered.
    external_labels: Labels,
    pub(super) client: Arc<Client>,
}

/// What a remote is asked.
#[derive(Debug)]
pub(super) struct Question {
    pub(super) matchers: Vec<Matcher>,
    pub(super) range: TimeRange,
    /// Labels that the answer has because matchers were added.
    pub(super) added: Vec<String>,
}

/// The remotes of a configuration; those of `before` that stay as they are, are used on.
pub(super) fn all_of(config: &PrometheusConfig, before: &[Arc<Remote>]) -> anyhow::Result<Vec<Arc<Remote>>> {
    let mut names = BTreeSet::new();
    let mut remotes: Vec<Arc<Remote>> = Vec::new();
    for section in &config.remote_read {
        if remotes.iter().any(|other| other.config == *section) {
            bail!(
                "{}: duplicate remote read configs are not allowed, found duplicate for URL {}: remove one of them",
                config.path.display(),
                shown_url(&section.url)
            );
        }
        let name = name_of(&section.name, &section.url, &names);
        names.insert(name.clone());
        let external_labels = if section.filter_external_labels {
            Labels::from_pairs(&config.global.external_labels)
        } else {
            Labels::empty()
        };
        let is_same = |remote: &&Arc<Remote>| {
            remote.name == name && remote.config == *section && remote.external_labels == external_labels
        };
        let remote = match before.iter().find(is_same) {
            Some(remote) => Arc::clone(remote),
            None => Arc::new(
                Remote::new(name, section, external_labels.clone(), config)
                    .with_context(|| format!("remote_read of {}", shown_url(&section.url)))?,
            ),
        };
        remotes.push(remote);
    }
    Ok(remotes)
}

impl Remote {
    fn new(
        name: String,
        section: &RemoteReadConfig,
        external_labels: Labels,
        config: &PrometheusConfig,
    ) -> anyhow::Result<Self> {
        let url = shown_url(&section.url);
        let metrics = RemoteMetrics::new(&name, &url);
        Ok(Self {
            name,
            config: section.clone(),
            external_labels,
            client: Arc::new(Client::new(section, &config.folder(), url, metrics)?),
        })
    }

    /// What it is asked of a selection; nothing where a required matcher is missing, or where the own store, whose
    /// oldest sample `oldest_ms` gives, holds the whole range.
    pub(super) fn question(
        &self,
        matchers: &[Matcher],
        range: TimeRange,
        oldest_ms: impl FnOnce() -> i64,
    ) -> Option<Question> {
        let has = |(name, value): (&String, &String)| {
            let is_met = |matcher: &Matcher| {
                matcher.op() == MatchOp::Equal && matcher.name() == name && matcher.value() == value
            };
            matchers.iter().any(is_met)
        };
        if !self.config.required_matchers.iter().all(has) {
            return None;
        }
        let mut range = range;
        if !self.config.read_recent {
            let local_ms = oldest_ms().saturating_add(LOCAL_START_MARGIN.as_millis() as i64);
            if range.start_ms > local_ms {
                return None;
            }
            range.end_ms = range.end_ms.min(local_ms);
        }
        let (mut matchers, mut added) = (matchers.to_vec(), Vec::new());
        for (name, value) in &self.external_labels {
            if matchers.iter().all(|matcher| matcher.name() != name) {
                matchers.push(Matcher::equal(name, value));
                added.push(name.to_owned());
            }
        }
        Some(Question { matchers, range, added })
    }
}

impl Question {
    /// The series of an answer without the labels that were asked for in addition, cut to the range, in order.
    pub(super) fn cleaned(&self, found: Vec<Series>) -> Vec<Series> {
        let mut found: Vec<Series> = found
            .into_iter()
            .map(|series| self.cut(series))
            .filter(|series| !series.is_empty())
            .collect();
        found.sort_by(|a, b| a.labels.cmp(&b.labels));
        found
    }

    /// A chunk reaches beyond the range; and what is not in order is put in order.
    fn cut(&self, mut series: Series) -> Series {
        if !self.added.is_empty() {
            series.labels = series.labels.without(&self.added);
        }
        sorted_within(&mut series.timestamps_ms, &mut series.values, self.range);
        sorted_within(&mut series.histogram_timestamps_ms, &mut series.histograms, self.range);
        series
    }
}

fn sorted_within<T>(times: &mut Vec<i64>, values: &mut Vec<T>, range: TimeRange) {
    let is_fine = times.is_sorted_by(|a, b| a < b) && times.iter().all(|time| range.contains(*time));
    if is_fine {
        return;
    }
    let mut pairs: Vec<(i64, T)> = times.drain(..).zip(values.drain(..)).collect();
    pairs.retain(|pair| range.contains(pair.0));
    pairs.sort_by_key(|pair| pair.0);
    pairs.dedup_by_key(|pair| pair.0);
    (*times, *values) = pairs.into_iter().unzip();
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn remote(section: &str) -> Arc<Remote> {
        drop(rustls::crypto::ring::default_provider().install_default());
        let text = format!(
            "global: {{external_labels: {{site: here, zone: a}}}}\nremote_read: [{{url: 'http://a/'{section}}}]"
        );
        let config = PrometheusConfig::parse(&text, Path::new("p.yml")).expect("good");
        all_of(&config, &[]).expect("good").remove(0)
    }

    const HOUR_MS: i64 = 3_600_000;

    #[test]
    fn what_the_own_store_holds_is_not_asked() {
        let (near, far) = (remote(", read_recent: true"), remote(""));
        let oldest = || 10 * HOUR_MS;
        let ask = |remote: &Remote, start: i64, end: i64| {
            let question = remote.question(&[], TimeRange::new(start * HOUR_MS, end * HOUR_MS), oldest);
            question.map(|question| (question.range.start_ms / HOUR_MS, question.range.end_ms / HOUR_MS))
        };
        assert_eq!(ask(&near, 20, 30), Some((20, 30)));
        assert_eq!(ask(&far, 20, 30), None);
        assert_eq!(ask(&far, 14, 30), Some((14, 14)));
        assert_eq!(ask(&far, 5, 30), Some((5, 14)));
        assert_eq!(ask(&far, 5, 6), Some((5, 6)));
    }

    #[test]
    fn required_matchers_must_be_there() {
        let remote = remote(", read_recent: true, required_matchers: {job: a, env: b}");
        let ask = |matchers: &[Matcher]| remote.question(matchers, TimeRange::ALL, || 0).is_some();
        let (job, env) = (Matcher::equal("job", "a"), Matcher::equal("env", "b"));
        assert!(ask(&[env.clone(), job.clone()]));
        assert!(!ask(std::slice::from_ref(&job)));
        let pattern = Matcher::new(MatchOp::Regex, "env", "b").expect("a pattern");
        assert!(!ask(&[job, pattern]));
    }

    #[test]
    fn external_labels_are_asked_for_and_removed() {
        let remote = remote(", read_recent: true");
        let asked = [Matcher::equal("zone", "b")];
        let question = remote.question(&asked, TimeRange::new(0, 5), || 0).expect("is asked");
        assert_eq!(question.added, ["site"]);
        assert_eq!(question.matchers.len(), 2);
        let found = Series {
            labels: Labels::from_pairs([("site", "here"), ("zone", "b")]),
            timestamps_ms: vec![-1, 3, 2, 9],
            values: vec![1.0, 2.0, 3.0, 4.0],
            ..Series::default()
        };
        let cleaned = question.cleaned(vec![found]);
        assert_eq!(cleaned[0].labels, Labels::from_pairs([("zone", "b")]));
        assert_eq!(
            (&*cleaned[0].timestamps_ms, &*cleaned[0].values),
            (&[2, 3][..], &[3.0, 2.0][..])
        );
        let as_is = self::remote(", read_recent: true, filter_external_labels: false");
        let question = as_is.question(&asked, TimeRange::ALL, || 0).expect("is asked");
        assert_eq!((question.matchers.len(), question.added.len()), (1, 0));
    }
}
