//! An answer that is awaited and decoded on the thread of the query.

use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;
use std::time::Duration;

use skopos_core::metric::Series;
use skopos_core::{BudgetError, QueryBudget};
use skopos_wire::remote_read::{AnswerError, ChunkReader, decode_samples};
use tokio::runtime::Handle;
use tokio::sync::mpsc::{self, Receiver};
use tokio::task::AbortHandle;
use tracing::Instrument as _;

use super::client::{Client, Kind, Piece};

/// Longest answer with samples, packed or not; frames are bounded one by one.
const MAX_ANSWER_BYTES: usize = 512 << 20;
/// Pieces of an answer that wait for the query's thread.
const PIECES: usize = 16;
/// How often it is looked whether the query is still wanted.
const LOOK_EVERY: Duration = Duration::from_millis(50);
const STAGE: &str = "remote read";

/// An answer under way. The request ends with the value.
pub(super) struct Answer {
    pieces: Receiver<Piece>,
    request: AbortHandle,
    frame_limit: u64,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum NoAnswer {
    /// The query is over.
    #[error(transparent)]
    Budget(#[from] BudgetError),
    /// The remote failed.
    #[error("{0}")]
    Remote(String),
}

impl From<AnswerError> for NoAnswer {
    fn from(error: AnswerError) -> Self {
        match error {
            AnswerError::Budget(error) => Self::Budget(error),
            other => Self::Remote(other.to_string()),
        }
    }
}

impl Answer {
    /// Sends the request.
    pub(super) fn begin(client: &Arc<Client>, body: Vec<u8>, runtime: &Handle) -> Self {
        let (sender, pieces) = mpsc::channel(PIECES);
        let frame_limit = client.frame_limit;
        let client = Arc::clone(client);
        let request = runtime.spawn(async move { client.read(body, sender).await }.in_current_span());
        Self {
            pieces,
            request: request.abort_handle(),
            frame_limit,
        }
    }

    /// The series of the answer, as they came.
    pub(super) fn series(mut self, budget: &QueryBudget) -> Result<Vec<Series>, NoAnswer> {
        match self.next(budget)? {
            Piece::Begin(Kind::Samples) => self.samples(budget),
            Piece::Begin(Kind::Chunks) => self.chunks(budget),
            Piece::Failed(text) => Err(NoAnswer::Remote(text)),
            Piece::Bytes(_) | Piece::End => Ok(Vec::new()),
        }
    }

    fn samples(&mut self, budget: &QueryBudget) -> Result<Vec<Series>, NoAnswer> {
        let mut body = Vec::new();
        while let Some(bytes) = self.bytes(budget)? {
            if body.len() + bytes.len() > MAX_ANSWER_BYTES {
                let text = format!("the answer is longer than {MAX_ANSWER_BYTES} bytes");
                return Err(NoAnswer::Remote(text));
            }
            body.extend_from_slice(&bytes);
        }
        Ok(decode_samples(&body, MAX_ANSWER_BYTES, budget)?)
    }

    fn chunks(&mut self, budget: &QueryBudget) -> Result<Vec<Series>, NoAnswer> {
        let (mut reader, mut found) = (ChunkReader::new(self.frame_limit), Vec::<Series>::new());
        while let Some(bytes) = self.bytes(budget)? {
            for mut series in reader.push(&bytes, budget)? {
                match found.last_mut() {
                    Some(last) if last.labels == series.labels => {
                        last.timestamps_ms.append(&mut series.timestamps_ms);
                        last.values.append(&mut series.values);
                        last.histogram_timestamps_ms.append(&mut series.histogram_timestamps_ms);
                        last.histograms.append(&mut series.histograms);
                    }
                    _ => found.push(series),
                }
            }
        }
        reader.finish()?;
        Ok(found)
    }

    /// The next bytes of the body; none at its end.
    fn bytes(&mut self, budget: &QueryBudget) -> Result<Option<bytes::Bytes>, NoAnswer> {
        match self.next(budget)? {
            Piece::Bytes(bytes) => Ok(Some(bytes)),
            Piece::Failed(text) => Err(NoAnswer::Remote(text)),
            Piece::Begin(_) | Piece::End => Ok(None),
        }
    }

    /// Waits for a piece as long as the query may go on.
    fn next(&mut self, budget: &QueryBudget) -> Result<Piece, NoAnswer> {
        let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
        let mut context = Context::from_waker(&waker);
        let mut piece = pin!(self.pieces.recv());
        loop {
            budget.check(STAGE)?;
            match piece.as_mut().poll(&mut context) {
                Poll::Ready(Some(piece)) => return Ok(piece),
                Poll::Ready(None) => return Err(NoAnswer::Remote("the request was ended".to_owned())),
                Poll::Pending => std::thread::park_timeout(LOOK_EVERY),
            }
        }
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        self.request.abort();
    }
}

/// Goes on with a thread that waits.
struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}
