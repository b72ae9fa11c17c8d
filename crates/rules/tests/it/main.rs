//! Rules as a whole: real rule files, and groups over an engine and a store in memory.

mod evidence;
mod files;
mod groups;
mod memory;
