//! The newest canvases in memory, bounded: what is left while the stores are away.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};

use super::Block;

/// Canvases that are kept; the oldest gives way.
const MAX_CANVASES: usize = 500;
/// Blocks of a canvas that are kept.
const MAX_BLOCKS: usize = 20;

#[derive(Debug, Default)]
pub(super) struct Memory {
    all: Mutex<All>,
}

#[derive(Debug, Default)]
struct All {
    by_session: HashMap<String, Vec<Block>>,
    order: VecDeque<String>,
}

impl Memory {
    pub(super) fn add(&self, session: &str, block: Block) {
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        if !all.by_session.contains_key(session) {
            if all.order.len() >= MAX_CANVASES
                && let Some(oldest) = all.order.pop_front()
            {
                all.by_session.remove(&oldest);
            }
            all.order.push_back(session.to_owned());
        }
        let blocks = all.by_session.entry(session.to_owned()).or_default();
        if blocks.len() >= MAX_BLOCKS {
            blocks.remove(0);
        }
        blocks.push(block);
    }

    pub(super) fn read(&self, session: &str) -> Vec<Block> {
        let all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        all.by_session.get(session).cloned().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_bounded_both_ways() {
        let memory = Memory::default();
        let block = |body: usize| Block {
            kind: "note".to_owned(),
            body: body.to_string(),
        };
        for session in 0..=MAX_CANVASES {
            memory.add(&session.to_string(), block(0));
        }
        assert!(memory.read("0").is_empty());
        for body in 1..=MAX_BLOCKS {
            memory.add("1", block(body));
        }
        let blocks = memory.read("1");
        assert_eq!((blocks.len(), &blocks[0]), (MAX_BLOCKS, &block(1)));
    }
}
