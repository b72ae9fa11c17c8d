//! Retrieval: the passages of the documents that are nearest to a question.

use std::time::Duration;

use skopos_fleet_frame::{Fault, Faults};
use skopos_sdk::tasks::trace_rag_query;

use crate::failure::Failure;
use crate::faults::RETRIEVAL_SLOW;
use crate::text::Index;

const TEXT: &str = include_str!("../../assets/knowledge.txt");
/// What reading one passage takes while the store is slow.
const SLOW_PASSAGE: Duration = Duration::from_millis(500);

/// The documents, indexed.
#[derive(Debug)]
pub(super) struct Knowledge {
    index: Index,
    slow: Fault,
}

impl Knowledge {
    /// Those that ship with the fleet.
    pub(super) fn shipped(faults: &Faults) -> Self {
        Self {
            index: Index::new(passages().map(str::to_owned).collect()),
            slow: faults.get(RETRIEVAL_SLOW),
        }
    }

    /// The `top_k` nearest passages, the best one first.
    pub(super) async fn retrieve(&self, question: &str, top_k: usize) -> Result<Vec<String>, Failure> {
        let look = async {
            let found = self.index.search(question, top_k);
            if self.slow.is_on() {
                tokio::time::sleep(SLOW_PASSAGE * top_k as u32).await;
            }
            if found.is_empty() {
                return Err(Failure::new("nothing_found", "no document speaks of the question"));
            }
            Ok(found.into_iter().map(str::to_owned).collect())
        };
        trace_rag_query(question, top_k).run(look).await
    }
}

fn passages() -> impl Iterator<Item = &'static str> {
    TEXT.lines().filter(|line| !line.is_empty() && !line.starts_with('#'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::work::rule_question;
    use crate::market::GOODS;

    #[test]
    fn the_documents_know_every_good() {
        let index = Index::new(passages().map(str::to_owned).collect());
        for (good, _) in GOODS {
            let found = index.search(&rule_question(good), 3);
            let word = good.split(' ').next_back().expect("a word");
            assert!(
                found.iter().any(|passage| passage.to_lowercase().contains(word)),
                "{good}: {found:?}"
            );
        }
    }
}
