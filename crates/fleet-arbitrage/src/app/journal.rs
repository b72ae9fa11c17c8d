//! The journal: every task that is taken on is a line on disk first, within a quota; a new file begins when one is full.

use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};
use std::sync::{Mutex, PoisonError};

use serde_json::json;
use skopos_fleet_frame::{Fault, Faults, FleetError};

use super::task::TaskRequest;
use crate::faults::{JOURNAL_FLAKY, JOURNAL_FULL};

/// Bytes of the journal.
const QUOTA_BYTES: u64 = 4 * 1024 * 1024;

/// An open journal. Its file ends with the process: tasks of a demo are not run twice.
#[derive(Debug)]
pub(super) struct Journal {
    state: Mutex<State>,
    full: Fault,
    flaky: Fault,
}

#[derive(Debug)]
struct State {
    file: File,
    written: u64,
    lines: u64,
}

impl Journal {
    pub(super) fn create(faults: &Faults) -> Result<Self, FleetError> {
        let file = tempfile::tempfile().map_err(|source| FleetError::Io {
            action: "make the journal of tasks",
            source,
        })?;
        let state = State {
            file,
            written: 0,
            lines: 0,
        };
        Ok(Self {
            state: Mutex::new(state),
            full: faults.get(JOURNAL_FULL),
            flaky: faults.get(JOURNAL_FLAKY),
        })
    }

    /// Writes a task down.
    pub(super) fn append(&self, id: &str, request: &TaskRequest) -> io::Result<()> {
        let line = format!("{}\n", json!({ "id": id, "task": request }));
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.lines += 1;
        let quota = if self.full.is_on() { 0 } else { QUOTA_BYTES };
        if quota < line.len() as u64 {
            return Err(io::Error::new(
                io::ErrorKind::StorageFull,
                "the quota of the journal is used up",
            ));
        }
        if self.flaky.is_on() && state.lines.is_multiple_of(12) {
            return Err(io::Error::new(io::ErrorKind::StorageFull, "the journal could not grow"));
        }
        if state.written + line.len() as u64 > quota {
            state.file.set_len(0)?;
            state.file.seek(SeekFrom::Start(0))?;
            state.written = 0;
        }
        state.file.write_all(line.as_bytes())?;
        state.written += line.len() as u64;
        Ok(())
    }
}
