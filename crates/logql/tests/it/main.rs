//! LogQL against the shared cases, a naive source of lines and broken queries.

mod engine;
mod parsing;
mod patterns;
mod robust;
mod source;
mod stages;
mod suite;
