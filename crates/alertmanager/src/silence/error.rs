//! Why a silence is refused.

/// Why a silence cannot be made, changed or ended. The texts are those that clients know.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SilenceError {
    /// There is none with that id.
    #[error("silence not found")]
    NotFound,
    /// It does not begin before it ends.
    #[error("Failed to create silence: start time must be before end time")]
    EndsBeforeStart,
    /// It has ended already.
    #[error("Failed to create silence: end time can't be in the past")]
    EndsInPast,
    /// It has no matchers.
    #[error("invalid silence: at least one matcher required")]
    NoMatchers,
    /// A matcher names no label.
    #[error("invalid silence: invalid label matcher {index}: invalid label name {name:?}")]
    LabelName {
        /// The matcher's position.
        index: usize,
        /// The name.
        name: String,
    },
    /// It would hold back everything.
    #[error("invalid silence: at least one matcher must not match the empty string")]
    MatchesEverything,
    /// There are too many silences.
    #[error(
        "exceeded maximum number of silences: {count} (limit: {limit}); expired ones count until the retention ends"
    )]
    TooMany {
        /// How many there would be.
        count: usize,
        /// `--silences.max-silences`
        limit: usize,
    },
    /// It is too large.
    #[error("silence exceeded maximum size: {size} bytes (limit: {limit} bytes)")]
    TooLarge {
        /// Its size in bytes.
        size: usize,
        /// `--silences.max-silence-size-bytes`
        limit: usize,
    },
}
