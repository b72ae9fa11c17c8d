//! Panics become one JSON log line with location and backtrace, in the span in which they happened.

use std::backtrace::Backtrace;
use std::error::Error;
use std::fmt;
use std::panic::{self, PanicHookInfo};
use std::sync::Once;

static INSTALLED: Once = Once::new();

/// A panic as the error of its event, so that its line has the shape of any other with an exception.
#[derive(Debug)]
pub(crate) struct Panic {
    message: String,
    /// Where it happened, frame by frame.
    pub(crate) stack: String,
}

impl fmt::Display for Panic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error for Panic {}

/// Logs every panic of the process, then lets the hook that was there before run.
pub(crate) fn install() {
    INSTALLED.call_once(|| {
        let previous = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            log_panic(info);
            previous(info);
        }));
    });
}

fn log_panic(info: &PanicHookInfo<'_>) {
    let message = info
        .payload()
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| info.payload().downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "panic with a payload that is no text".to_owned());
    let location = info.location().map(ToString::to_string).unwrap_or_default();
    let panic = Panic {
        message,
        stack: Backtrace::force_capture().to_string(),
    };
    tracing::error!(
        exception = &panic as &(dyn Error + 'static),
        error_type = "panic",
        location = location,
        "panic: {panic}"
    );
}
