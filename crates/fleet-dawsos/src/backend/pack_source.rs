//! Which pricing pack a request is served from, asked of the job and remembered for a moment.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use reqwest::{Client, StatusCode};

use super::failure::Failure;
use crate::invocation::PackState;

/// How long an answer holds: every request would ask otherwise.
const HOLDS: Duration = Duration::from_secs(1);
/// What stands for the date where none is asked for.
const LATEST: &str = "the latest date";

#[derive(Debug)]
pub(super) struct PackSource {
    client: Client,
    url: String,
    /// Answers by date. The job knows few, and only its answers are kept.
    known: Mutex<BTreeMap<String, (Instant, PackState)>>,
}

impl PackSource {
    pub(super) fn new(client: Client, base: &str) -> Self {
        Self {
            client,
            url: format!("{}/v1/packs/state", base.trim_end_matches('/')),
            known: Mutex::default(),
        }
    }

    /// The pack of a date; of the latest where none is given.
    pub(super) async fn find(&self, asof_date: Option<&str>) -> Result<PackState, Failure> {
        let key = asof_date.unwrap_or(LATEST);
        let known = self
            .known
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(key)
            .cloned();
        if let Some((_, state)) = known.filter(|(since, _)| since.elapsed() < HOLDS) {
            return Ok(state);
        }
        let state = self.ask(asof_date).await?;
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.insert(key.to_owned(), (Instant::now(), state.clone()));
        Ok(state)
    }

    async fn ask(&self, asof_date: Option<&str>) -> Result<PackState, Failure> {
        let query: Vec<(&str, &str)> = asof_date.map(|date| ("asof_date", date)).into_iter().collect();
        let request = self
            .client
            .get(&self.url)
            .query(&query)
            .headers(crate::context_headers());
        let failed = |error: reqwest::Error| Failure::PackUnavailable(error.without_url().to_string());
        let answer = skopos_sdk::client::send(&self.client, request).await.map_err(failed)?;
        match (answer.status(), asof_date) {
            (StatusCode::NOT_FOUND, Some(date)) => Err(Failure::NoSuchPack(date.to_owned())),
            (StatusCode::NOT_FOUND, None) => Err(Failure::PackUnavailable("none is built yet".to_owned())),
            _ => answer.error_for_status().map_err(failed)?.json().await.map_err(failed),
        }
    }
}
