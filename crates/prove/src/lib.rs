//! Proves that alerts work: derives from an expression the input that must fire it, and follows it to the receiver.
