//! Dead letters in a local file while the bus is away: appended, and handed over when it is back.
//!
//! One JSON object a line. The file is bounded; what does not fit is refused. Handing over reads the file, publishes
//! line by line and keeps what did not go out, so that a crash in between repeats a letter and loses none.

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use skopos_log_macros::{self as log, chain};
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

use crate::dead_letter::{DeadLetter, dlq_topic};
use crate::{BusError, BusMetrics, Producer};

/// Bytes of the file at most.
const MAX_BYTES: u64 = 16 * 1024 * 1024;
/// Pause between attempts to hand the file over.
const PAUSE: Duration = Duration::from_secs(2);

/// A letter on its way, with what publishing it needs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Spilled {
    pub(super) key: String,
    pub(super) id: String,
    pub(super) headers: HashMap<String, String>,
    pub(super) letter: DeadLetter,
}

impl Spilled {
    pub(super) async fn publish(&self, producer: &Producer) -> Result<(), BusError> {
        let payload = serde_json::to_vec(&self.letter).expect("a dead letter has text keys only");
        let topic = dlq_topic(&self.letter.source_topic);
        producer
            .publish_with_headers(&topic, &self.key, &self.id, &payload, &self.headers)
            .await
            .map(|_| ())
    }
}

/// The file of one consumer group.
#[derive(Debug)]
pub(super) struct Spill {
    path: PathBuf,
    /// One writer at a time, the handing over among them.
    turn: Mutex<()>,
}

impl Spill {
    /// The file of `group` in `folder`, which is made with the first letter.
    pub(super) fn new(folder: &Path, group: &str) -> Self {
        let name: String = group
            .chars()
            .map(|c| {
                if c.is_ascii_alphanumeric() || matches!(c, '-' | '_') {
                    c
                } else {
                    '_'
                }
            })
            .collect();
        Self {
            path: folder.join(format!("{name}.jsonl")),
            turn: Mutex::default(),
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    fn failed(&self, action: &'static str) -> impl Fn(io::Error) -> BusError {
        let path = self.path.display().to_string();
        move |source| BusError::Spill {
            action,
            path: path.clone(),
            source,
        }
    }

    /// Appends a letter and syncs it to the disk.
    pub(super) async fn keep(&self, spilled: &Spilled) -> Result<(), BusError> {
        let mut line = serde_json::to_vec(spilled).expect("a dead letter has text keys only");
        line.push(b'\n');
        let _turn = self.turn.lock().await;
        append(&self.path, &line).map_err(self.failed("append to"))
    }

    /// Hands letters over whenever there are some, until cancelled.
    pub(super) async fn drain(&self, producer: Producer, metrics: BusMetrics, cancel: CancellationToken) {
        loop {
            tokio::select! {
                () = cancel.cancelled() => return,
                () = tokio::time::sleep(PAUSE) => {}
            }
            if let Err(error) = self.drain_once(&producer, &metrics).await {
                let error: &(dyn std::error::Error + 'static) = &error;
                log::warn!(error, "dead letters in the local file could not be handed over");
            }
        }
    }

    /// Hands over what the file holds; the number of letters that went out.
    async fn drain_once(&self, producer: &Producer, metrics: &BusMetrics) -> Result<usize, BusError> {
        let _turn = self.turn.lock().await;
        let text = match fs::read_to_string(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
            text => text.map_err(self.failed("read"))?,
        };
        let mut left = text.as_str();
        let mut handed_over = 0;
        while let Some((line, rest)) = left.split_once('\n') {
            match serde_json::from_str::<Spilled>(line) {
                Ok(spilled) => {
                    if spilled.publish(producer).await.is_err() {
                        break;
                    }
                    handed_over += 1;
                    metrics
                        .handovers
                        .with_label_values(&[&spilled.letter.source_topic, "handed_over"])
                        .inc();
                }
                Err(error) => log::error!(
                    error = chain(&error),
                    line,
                    "a line of the local file is no dead letter"
                ),
            }
            left = rest;
        }
        replace(&self.path, left.as_bytes()).map_err(self.failed("shorten"))?;
        if handed_over > 0 {
            log::info!(handed_over, "dead letters from the local file handed over");
        }
        Ok(handed_over)
    }
}

fn append(path: &Path, line: &[u8]) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        // Events may be private: nobody else reads them here.
        fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    }
    let mut file = OpenOptions::new().create(true).append(true).mode(0o600).open(path)?;
    if file.metadata()?.len() + line.len() as u64 > MAX_BYTES {
        return Err(io::Error::new(
            io::ErrorKind::StorageFull,
            format!("it holds {MAX_BYTES} bytes at most"),
        ));
    }
    file.write_all(line)?;
    file.sync_data()
}

/// The file with new contents, or no file where there are none.
fn replace(path: &Path, contents: &[u8]) -> io::Result<()> {
    if contents.is_empty() {
        return fs::remove_file(path);
    }
    let beside = path.with_extension("new");
    let mut file: File = OpenOptions::new()
        .create(true)
        .write(true)
        .truncate(true)
        .mode(0o600)
        .open(&beside)?;
    file.write_all(contents)?;
    file.sync_data()?;
    fs::rename(&beside, path)
}
