//! A bar on stderr while bytes of a source are read.

use indicatif::{ProgressBar, ProgressStyle};

/// A bar of so many bytes; nothing is drawn where stderr is no terminal.
pub(crate) fn bar(bytes: u64) -> ProgressBar {
    let bar = ProgressBar::new(bytes);
    if let Ok(style) = ProgressStyle::with_template("{wide_bar} {bytes}/{total_bytes} {eta} {msg}") {
        bar.set_style(style);
    }
    bar
}
