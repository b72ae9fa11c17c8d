//! Reads a script into commands. What the language is, is described beside the scripts.

use skopos_core::Labels;
use skopos_core::metric::MetricValue;
use skopos_promql::duration::parse_duration;
use skopos_promql::{Expr, parse};

use super::expect::{Expectations, Text};
use skopos_promql::notation::{Values, parse_labels, parse_repeat, parse_series};

/// A command and the line where it begins, counted from 1.
#[derive(Debug)]
pub(super) struct Command {
    pub(super) line: usize,
    pub(super) kind: CommandKind,
}

#[derive(Debug)]
pub(super) enum CommandKind {
    Clear,
    Load(Load),
    Eval(Box<Eval>),
}

/// A `load` block.
#[derive(Debug)]
pub(super) struct Load {
    pub(super) step_ms: i64,
    pub(super) with_custom_buckets: bool,
    pub(super) series: Vec<Loaded>,
}

/// A series of a `load` block.
#[derive(Debug, Clone)]
pub(super) struct Loaded {
    pub(super) labels: Labels,
    pub(super) values: Vec<Option<MetricValue>>,
    /// Start timestamps relative to the samples' own; shorter where none are given.
    pub(super) starts_ms: Vec<Option<i64>>,
}

/// Start, end and step of a range.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::struct_field_names, reason = "the unit is part of the name")]
pub(super) struct RangeTimes {
    pub(super) start_ms: i64,
    pub(super) end_ms: i64,
    pub(super) step_ms: i64,
}

/// When an expression is evaluated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum When {
    Instant(i64),
    Range(RangeTimes),
}

/// An `eval` block.
#[derive(Debug)]
pub(super) struct Eval {
    pub(super) when: When,
    pub(super) query: String,
    pub(super) expectations: Expectations,
    pub(super) scalar: Option<f64>,
    pub(super) series: Vec<(Labels, Values)>,
}

/// Reads all commands; a fault comes with its line.
pub(super) fn parse_script(text: &str) -> Result<Vec<Command>, (usize, String)> {
    let mut commands = Vec::new();
    let mut block: Vec<(usize, &str)> = Vec::new();
    for (at, line) in text.lines().map(str::trim).chain([""]).enumerate() {
        let is_blank = line.is_empty() || line.starts_with('#');
        if !is_blank {
            block.push((at + 1, line));
        }
        // `clear` is the one command that needs no empty line after it.
        if (is_blank || is_clear(&block)) && !block.is_empty() {
            commands.push(parse_block(&block)?);
            block.clear();
        }
    }
    Ok(commands)
}

fn is_clear(block: &[(usize, &str)]) -> bool {
    matches!(block, [(_, line)] if line.eq_ignore_ascii_case("clear"))
}

fn parse_block(block: &[(usize, &str)]) -> Result<Command, (usize, String)> {
    let (line, header) = block[0];
    let word = header
        .split_whitespace()
        .next()
        .unwrap_or_default()
        .to_ascii_lowercase();
    let kind = if word == "clear" {
        CommandKind::Clear
    } else if word.starts_with("load") {
        CommandKind::Load(parse_load(block)?)
    } else if word.starts_with("eval") {
        CommandKind::Eval(Box::new(parse_eval(block)?))
    } else {
        return Err((line, format!("unknown command {word:?}")));
    };
    Ok(Command { line, kind })
}

fn duration(text: &str) -> Result<i64, String> {
    parse_duration(text).map_err(|error| error.to_string())
}

fn parse_load(block: &[(usize, &str)]) -> Result<Load, (usize, String)> {
    let (line, header) = block[0];
    let mut words = header.split_whitespace();
    let with_custom_buckets = match words.next().map(str::to_ascii_lowercase).as_deref() {
        Some("load") => false,
        Some("load_with_nhcb") => true,
        other => return Err((line, format!("unknown command {other:?}"))),
    };
    let step_ms = duration(words.next().unwrap_or_default()).map_err(|error| (line, error))?;
    let mut series: Vec<Loaded> = Vec::new();
    let mut starts: Option<(Labels, Vec<Option<i64>>)> = None;
    for (line, text) in &block[1..] {
        if let Some((labels, offsets)) = split_starts(text) {
            let labels = parse_labels(labels).map_err(|error| (*line, error))?.0;
            starts = Some((labels, parse_starts(offsets).map_err(|error| (*line, error))?));
            continue;
        }
        let (labels, values) = parse_series(text).map_err(|error| (*line, error))?;
        let starts_ms = match starts.take() {
            Some((other, offsets)) if other == labels && offsets.len() == values.len() => offsets,
            Some(_) => return Err((*line, "start timestamps and samples do not fit".to_owned())),
            None => Vec::new(),
        };
        series.retain(|other| other.labels != labels);
        series.push(Loaded {
            labels,
            values,
            starts_ms,
        });
    }
    Ok(Load {
        step_ms,
        with_custom_buckets,
        series,
    })
}

/// Labels and offsets of a line whose series ends in `@st`.
fn split_starts(line: &str) -> Option<(&str, &str)> {
    let (labels, offsets) = line.split_once("@st")?;
    offsets.starts_with(char::is_whitespace).then_some((labels, offsets))
}

fn parse_starts(text: &str) -> Result<Vec<Option<i64>>, String> {
    let mut offsets = Vec::new();
    for item in text.split_whitespace() {
        if let Some(rest) = item.strip_prefix('_') {
            let count = parse_repeat(rest)?.0;
            offsets.extend(std::iter::repeat_n(None, count.unwrap_or(1)));
            continue;
        }
        let (first, rest) = signed_duration(item)?;
        let (step, rest) = if rest.starts_with(['+', '-']) {
            signed_duration(rest)?
        } else {
            (0, rest)
        };
        let count = parse_repeat(rest)?.0.unwrap_or(0);
        let count = i64::try_from(count).unwrap_or(i64::MAX);
        offsets.extend((0..=count).map(|at| Some(first + at * step)));
    }
    Ok(offsets)
}

fn signed_duration(text: &str) -> Result<(i64, &str), String> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let length = unsigned.find(['x', '+', '-']).unwrap_or(unsigned.len());
    let (digits, rest) = unsigned.split_at(length);
    let offset = duration(digits)?;
    Ok((if text.starts_with('-') { -offset } else { offset }, rest))
}

impl RangeTimes {
    /// Reads `from <t> to <t> step <d>` and no more.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let (times, rest) = Self::split(text)?;
        if rest.is_empty() {
            return Ok(times);
        }
        Err(format!("unexpected {rest:?} after the step"))
    }

    fn split(text: &str) -> Result<(Self, &str), String> {
        let (start_ms, rest) = named_duration(text, "from")?;
        let (end_ms, rest) = named_duration(rest, "to")?;
        let (step_ms, rest) = named_duration(rest, "step")?;
        let times = Self {
            start_ms,
            end_ms,
            step_ms,
        };
        Ok((times, rest))
    }
}

fn named_duration<'a>(text: &'a str, name: &str) -> Result<(i64, &'a str), String> {
    let rest = text
        .strip_prefix(name)
        .filter(|rest| rest.starts_with(char::is_whitespace));
    let rest = rest
        .ok_or_else(|| format!("expected {name:?} at {text:?}"))?
        .trim_start();
    let (value, rest) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
    Ok((duration(value)?, rest.trim_start()))
}

fn parse_eval(block: &[(usize, &str)]) -> Result<Eval, (usize, String)> {
    let (line, header) = block[0];
    let mut eval = parse_eval_header(header).map_err(|error| (line, error))?;
    for (line, text) in &block[1..] {
        if parse_result_line(&mut eval, text).map_err(|error| (*line, error))? {
            break;
        }
    }
    Ok(eval)
}

fn parse_eval_header(header: &str) -> Result<Eval, String> {
    let mut expectations = Expectations::default();
    let (command, rest) = header.split_once(char::is_whitespace).unwrap_or((header, ""));
    if let Some((_, word)) = command.split_once('_') {
        expectations.add_legacy(&word.to_ascii_lowercase())?;
    }
    let (kind, rest) = rest.trim_start().split_once(char::is_whitespace).unwrap_or_default();
    let (when, query) = match kind {
        "instant" => {
            let (time_ms, query) = named_duration(rest.trim_start(), "at")?;
            (When::Instant(time_ms), query)
        }
        "range" => {
            let (times, query) = RangeTimes::split(rest.trim_start())?;
            (When::Range(times), query)
        }
        _ => return Err(format!("expected instant or range after {command:?}")),
    };
    Ok(Eval {
        when,
        query: query.to_owned(),
        expectations,
        scalar: None,
        series: Vec::new(),
    })
}

/// Whether the line ends the block.
fn parse_result_line(eval: &mut Eval, line: &str) -> Result<bool, String> {
    if let Some(rest) = line
        .strip_prefix("expect")
        .filter(|rest| rest.starts_with(char::is_whitespace))
    {
        eval.expectations.add(rest)?;
        return Ok(false);
    }
    if let Some(message) = line.strip_prefix("expected_fail_message") {
        eval.expectations.fail = Some(Text::Exactly(message.trim().to_owned()));
        return Ok(true);
    }
    if let Some(pattern) = line.strip_prefix("expected_fail_regexp") {
        eval.expectations.fail = Some(Text::matching(pattern.trim())?);
        return Ok(true);
    }
    if let Ok(Expr::Number(number)) = parse(line) {
        eval.scalar = Some(number.value);
        return Ok(true);
    }
    let (labels, values) = parse_series(line)?;
    if let When::Instant(_) = eval.when
        && eval.expectations.range_vector.is_none()
        && values.len() != 1
    {
        return Err("an instant query expects one value per series".to_owned());
    }
    if eval.series.iter().any(|(other, _)| *other == labels) {
        return Err(format!("{labels} is expected twice"));
    }
    eval.series.push((labels, values));
    Ok(false)
}
