//! The dead letters of a bus as the API and the command line see them: a question in, JSON out.
//!
//! The server answers with it under `/api/skopos/dlq`; `skopos dlq --bus` answers itself with the same. Nothing is
//! connected before the first question, and a bus that is away is an error of that question alone.

mod choice;
mod jobs;
mod shown;

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use anyhow::Context as _;
use prometheus::Registry;
use prometheus::proto::MetricFamily;
use serde_json::{Value, json};
use skopos_bus::dead_letters::{Action, Filter, LetterId, watch_depth};
use skopos_bus::{BusConfig, BusError, BusMetrics, DeadLetters};
use skopos_server::{DeadLettersAnswer, DeadLettersCall, DeadLettersError, DeadLettersView, LetterFilter, LetterWork};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::telemetry::SELF_NAME;

use jobs::Jobs;

/// How often waiting letters are counted for the metrics.
const COUNT_EVERY: Duration = Duration::from_secs(15);
/// Readings of the bus at once; more wait. Each holds a connection and a thread.
const MAX_READINGS: usize = 2;
/// How long a request waits for its job before it is told how far the job is.
const PATIENCE: Duration = Duration::from_secs(2);

/// Answers what is asked of the dead letters of one bus.
#[derive(Debug)]
pub(crate) struct Desk {
    address: String,
    config: BusConfig,
    metrics: BusMetrics,
    /// Its own, so that it can be shown beside what the process counts anyway.
    registry: Registry,
    letters: OnceLock<DeadLetters>,
    readings: Semaphore,
    jobs: Jobs,
}

impl Desk {
    /// A desk for the bus at `kafka://HOST:PORT[,HOST:PORT]`. Does not connect.
    pub(crate) fn open(address: &str) -> anyhow::Result<Self> {
        let config = BusConfig::from_env(address, SELF_NAME).context("--bus")?;
        let registry = Registry::new();
        let metrics = BusMetrics::register(&registry)?;
        Ok(Self {
            address: address.to_owned(),
            config,
            metrics,
            registry,
            letters: OnceLock::new(),
            readings: Semaphore::new(MAX_READINGS),
            jobs: Jobs::default(),
        })
    }

    /// Counts the letters that wait until asked to stop; then ends the job that runs, between two letters.
    pub(crate) async fn keep(self: Arc<Self>, asked_to_stop: CancellationToken) {
        let counting = async {
            let letters = self.letters().map_err(anyhow::Error::new)?;
            watch_depth(letters, &self.registry, COUNT_EVERY, asked_to_stop.clone()).await?;
            anyhow::Ok(())
        };
        if let Err(error) = counting.await {
            tracing::error!(
                error = format!("{error:#}"),
                bus = self.address,
                "dead letters are not counted"
            );
        }
        asked_to_stop.cancelled().await;
        self.jobs.close().await;
    }

    fn letters(&self) -> Result<DeadLetters, DeadLettersError> {
        if let Some(letters) = self.letters.get() {
            return Ok(letters.clone());
        }
        let made = DeadLetters::new(&self.config, self.metrics.clone()).map_err(|error| self.trouble(&error))?;
        Ok(self.letters.get_or_init(|| made).clone())
    }

    /// An error of the bus, with what can be done about it here.
    fn trouble(&self, error: &BusError) -> DeadLettersError {
        let said = error.to_string();
        let (first, rest) = said.split_once('\n').unwrap_or((&said, ""));
        let cause = std::error::Error::source(error).map(|source| format!(": {source}"));
        let text = format!("{first}{}\n{rest}", cause.unwrap_or_default());
        let text = text.trim_end();
        DeadLettersError::Unavailable(format!("{text}\n--bus {} names it", self.address))
    }

    async fn list(&self, asked: &LetterFilter) -> Result<Value, DeadLettersError> {
        let page = choice::page(asked)?;
        let survey = self.read(|letters| async move { letters.survey(&page.filter).await });
        let survey = survey.await?;
        let letters: Vec<Value> = survey.letters.iter().skip(page.offset).map(shown::line).collect();
        Ok(json!({
            "bus": self.address,
            "queues": survey.queues,
            "reasons": survey.reasons,
            "matched": survey.matched,
            "offset": page.offset,
            "limit": page.limit,
            "letters": letters,
        }))
    }

    async fn counts(&self) -> Result<Value, DeadLettersError> {
        let nothing = Filter {
            limit: 0,
            ..Filter::default()
        };
        let survey = self.read(|letters| async move { letters.survey(&nothing).await });
        let survey = survey.await?;
        Ok(json!({
            "bus": self.address,
            "waiting": survey.queues.iter().map(|queue| queue.waiting).sum::<u64>(),
            "queues": survey.queues,
            "reasons": survey.reasons,
        }))
    }

    async fn show(&self, id: &str) -> Result<Value, DeadLettersError> {
        let id: LetterId = choice::id(id)?;
        let asked = id.clone();
        let found = self.read(|letters| async move { letters.show(&asked).await });
        match found.await? {
            Some(letter) => Ok(shown::whole(&letter)),
            None => Err(DeadLettersError::NotFound(format!(
                "there is no dead letter {id} at {}: its topic may have dropped it; `skopos dlq list` lists those that wait",
                self.address
            ))),
        }
    }

    async fn read<T, F: Future<Output = Result<T, BusError>>>(
        &self,
        ask: impl FnOnce(DeadLetters) -> F,
    ) -> Result<T, DeadLettersError> {
        let letters = self.letters()?;
        let _turn = self.readings.acquire().await;
        ask(letters).await.map_err(|error| self.trouble(&error))
    }

    async fn work(&self, action: Action, work: &LetterWork) -> Result<Value, DeadLettersError> {
        let (filter, order) = choice::order(action, work)?;
        self.jobs.start(self.letters()?, filter, order, work, PATIENCE).await
    }
}

impl DeadLettersView for Desk {
    fn answer(&self, call: DeadLettersCall) -> DeadLettersAnswer<'_> {
        Box::pin(async move {
            match call {
                DeadLettersCall::List(filter) => self.list(&filter).await,
                DeadLettersCall::Show(id) => self.show(&id).await,
                DeadLettersCall::Counts => self.counts().await,
                DeadLettersCall::Replay(work) => self.work(Action::Replayed, &work).await,
                DeadLettersCall::Discard(work) => self.work(Action::Discarded, &work).await,
                DeadLettersCall::Jobs => Ok(self.jobs.all()),
                DeadLettersCall::Job(id) => self.jobs.show(id),
                DeadLettersCall::Cancel(id) => self.jobs.cancel(id, PATIENCE).await,
            }
        })
    }

    fn metrics(&self) -> Vec<MetricFamily> {
        self.registry.gather()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An address where nobody listens: it was free a moment ago.
    fn nobody() -> String {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        format!("kafka://{}", listener.local_addr().expect("an address"))
    }

    #[tokio::test]
    async fn a_bus_that_is_away_is_named_with_what_to_do() {
        let address = nobody();
        let desk = Desk::open(&address).expect("an address");
        let error = desk.answer(DeadLettersCall::Counts).await.expect_err("nobody listens");
        let DeadLettersError::Unavailable(text) = &error else {
            panic!("{error:?}");
        };
        assert!(text.contains(&address) && text.contains("is it running"), "{text}");
        assert!(text.contains("refused"), "{text}");
        assert!(Desk::open("localhost:9092").is_err());
    }

    #[tokio::test]
    async fn a_job_without_a_bus_fails_and_is_kept() {
        let desk = Desk::open(&nobody()).expect("an address");
        let work = LetterWork {
            filter: Some(LetterFilter::default()),
            by: "ada".to_owned(),
            ..LetterWork::default()
        };
        let job = desk.answer(DeadLettersCall::Replay(work)).await.expect("a job");
        assert_eq!((&job["state"], &job["total"]), (&json!("failed"), &json!(0)));
        assert!(
            job["error"].as_str().is_some_and(|text| text.contains("connect")),
            "{job}"
        );
        let id = job["id"].as_u64().expect("a number");
        assert_eq!(desk.answer(DeadLettersCall::Job(id)).await, Ok(job.clone()));
        let all = desk.answer(DeadLettersCall::Jobs).await.expect("a list");
        assert_eq!(all["jobs"], json!([job]));
        let none = desk.answer(DeadLettersCall::Job(99)).await;
        assert!(matches!(none, Err(DeadLettersError::NotFound(_))), "{none:?}");
    }
}
