//! Alertmanager: verdicts on configurations, and scenarios of its parts and of the whole.

mod api;
pub mod config_files;
mod config_text;
mod inhibit;
mod matcher;
mod route;
pub mod scenarios;
mod stored;
mod time_interval;
mod timeline;

/// Text with all white space folded into single spaces.
fn folded(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Compares a verdict with the expected one: valid, or an error that contains some words.
fn check_verdict<T>(verdict: &Result<T, String>, is_valid: bool, words: &str) -> Result<(), String> {
    match verdict {
        Ok(_) if is_valid => Ok(()),
        Ok(_) => Err(format!("should be refused with {words:?}")),
        Err(error) if is_valid => Err(format!("should be valid, we say: {error}")),
        Err(error) if folded(error).contains(&folded(words)) => Ok(()),
        Err(error) => Err(format!("should be refused with {words:?}, we say: {error}")),
    }
}
