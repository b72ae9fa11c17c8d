//! What evaluation costs beside the query engine and the store: 5 000 alerting rules in 250 groups,
//! with and without results, over a world that answers at once; and the same rules through the PromQL
//! engine over a store in memory.

use std::hint::black_box;
use std::sync::Arc;

use criterion::{Criterion, criterion_group, criterion_main};
use skopos_core::metric::{AppendReport, MetricBatch, MetricValue, Series};
use skopos_core::{Labels, Matcher, QueryBudget, ReadError, TimeRange, WriteError};
use skopos_promql::{Engine, EngineOptions};
use skopos_rules::memory::MemoryStore;
use skopos_rules::{GroupHandle, PromqlIo, RuleGroups, RuleIo, RuleOptions, RuleQuery, RuleSample, parse_rule_file};

const GROUPS: usize = 250;
const RULES_PER_GROUP: usize = 20;
const SERIES_PER_METRIC: usize = 20;
const START_MS: i64 = 1_700_000_000_000;
const INTERVAL_MS: i64 = 30_000;

/// Answers every query with the same samples.
struct Trivial {
    samples: Vec<RuleSample>,
}

impl RuleIo for Trivial {
    fn query(&self, _query: &RuleQuery, _time_ms: i64) -> Result<Vec<RuleSample>, String> {
        Ok(self.samples.clone())
    }

    fn append(&self, batch: MetricBatch) -> Result<AppendReport, WriteError> {
        black_box(batch);
        Ok(AppendReport::default())
    }

    fn select(&self, _matchers: &[Matcher], _range: TimeRange) -> Result<Vec<Series>, ReadError> {
        Ok(Vec::new())
    }
}

fn samples(count: usize) -> Vec<RuleSample> {
    let sample = |number: usize| RuleSample {
        labels: labels("m", number),
        value: MetricValue::Float(number as f64),
    };
    (0..count).map(sample).collect()
}

fn labels(metric: &str, number: usize) -> Labels {
    let instance = format!("10.0.0.{number}:9100");
    Labels::from_pairs([
        ("__name__", metric),
        ("job", "node"),
        ("instance", &instance),
        ("cluster", "one"),
    ])
}

fn group_text(group: usize) -> String {
    let rules: Vec<String> = (0..RULES_PER_GROUP)
        .map(|rule| rule_text(group * RULES_PER_GROUP + rule))
        .collect();
    format!("- name: g{group}\n  interval: 30s\n  rules:\n{}", rules.concat())
}

fn rule_text(number: usize) -> String {
    format!(
        "  - alert: A{number}
    expr: sum by (job, instance) (rate(m{number}[5m])) > 1000000
    for: 5m
    labels: {{severity: page}}
    annotations: {{summary: '{{{{ $labels.instance }}}} is at {{{{ $value | humanize }}}}'}}
"
    )
}

fn load(io: &dyn RuleIo) -> Vec<GroupHandle> {
    let groups: Vec<String> = (0..GROUPS).map(group_text).collect();
    let text = format!("groups:\n{}", groups.concat());
    let groups = RuleGroups::new();
    let options = RuleOptions {
        restores_state: false,
        ..RuleOptions::default()
    };
    let file = parse_rule_file(&text, "bench.yml").expect("the rules are valid");
    groups
        .load(vec![file], options, START_MS, io)
        .expect("the world takes everything");
    groups.handles()
}

fn round(handles: &[GroupHandle], io: &dyn RuleIo, now_ms: &mut i64) {
    *now_ms += INTERVAL_MS;
    for handle in handles {
        black_box(handle.evaluate_at(*now_ms, io));
    }
}

fn trivial(c: &mut Criterion) {
    let mut group = c.benchmark_group("5000_rules");
    group.sample_size(10);
    for results in [0, 1, 20] {
        let io = Trivial {
            samples: samples(results),
        };
        let handles = load(&io);
        let mut now_ms = START_MS;
        group.bench_function(format!("{results}_results_each"), |b| {
            b.iter(|| round(&handles, &io, &mut now_ms));
        });
    }
    group.finish();
}

/// 5 000 metrics of 20 series are 100 000 series; one sample every 15 s over ten minutes.
fn through_the_engine(c: &mut Criterion) {
    let store = MemoryStore::new();
    for metric in 0..GROUPS * RULES_PER_GROUP {
        let name = format!("m{metric}");
        for number in 0..SERIES_PER_METRIC {
            let series = labels(&name, number);
            for step in 0..40 {
                store.put(&series, START_MS + step * 15_000, step as f64);
            }
        }
    }
    let engine = Engine::new(EngineOptions::default());
    let io = PromqlIo {
        engine: &engine,
        source: &store,
        sink: &store,
        budget: Arc::new(QueryBudget::unbounded),
    };
    let handles = load(&io);
    let mut group = c.benchmark_group("5000_rules");
    group.sample_size(10);
    group.bench_function("over_100k_series_in_memory", |b| {
        b.iter(|| {
            let mut now_ms = START_MS + 500_000;
            round(&handles, &io, &mut now_ms);
        });
    });
    group.finish();
}

criterion_group!(benches, trivial, through_the_engine);
criterion_main!(benches);
