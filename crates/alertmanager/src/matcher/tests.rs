//! Matchers: grammar, printing, matching.
