//! Whole configurations: verdicts, inheritance, writing back.
