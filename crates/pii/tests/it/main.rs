//! The filters from outside: what must go is gone, wherever it was planted and however it was written.

mod planted;
mod random;
mod service;
