//! Quality gates: whether what an agent brought fits its task. Pure; takes embeddings, asks nobody.

use crate::slm::embedding::cosine;
use crate::text;

/// Least nearness of an answer to its task.
const LEAST_RELEVANCE: f32 = 0.2;
/// Fewest words of an answer.
const LEAST_WORDS: usize = 20;
/// Share of sentences that may be known from the tasks before.
const MOST_REPEATED: f64 = 0.5;

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Gate {
    /// The answer is about the task.
    Relevance,
    /// The answer is long enough to work with.
    Length,
    /// The answer adds to what the tasks before brought.
    Novelty,
}

impl Gate {
    /// All, in the order in which they are passed.
    pub(super) const ALL: [Self; 3] = [Self::Relevance, Self::Length, Self::Novelty];

    /// Its name as a label.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Relevance => "relevance",
            Self::Length => "length",
            Self::Novelty => "novelty",
        }
    }
}

/// What the gates look at.
#[derive(Debug, Clone, Copy)]
pub(super) struct Work<'a> {
    pub(super) sentences: &'a [String],
    /// Sentences of the tasks before.
    pub(super) known: &'a [String],
    /// Embedding of the task.
    pub(super) goal: &'a [f32],
    /// Embedding of the answer.
    pub(super) answer: &'a [f32],
}

impl Work<'_> {
    /// Whether the work passes, with what is wrong where it does not.
    pub(super) fn passes(&self, gate: Gate) -> Result<(), String> {
        match gate {
            Gate::Relevance => {
                let nearness = cosine(self.goal, self.answer);
                verdict(nearness >= LEAST_RELEVANCE, || {
                    format!("the answer is {nearness:.2} near to its task, {LEAST_RELEVANCE} is needed")
                })
            }
            Gate::Length => {
                let words: usize = self.sentences.iter().map(|s| text::words(s).count()).sum();
                verdict(words >= LEAST_WORDS, || {
                    format!("the answer has {words} words, {LEAST_WORDS} are needed")
                })
            }
            Gate::Novelty => {
                let repeated = self.sentences.iter().filter(|s| self.known.contains(s)).count();
                let share = repeated as f64 / self.sentences.len().max(1) as f64;
                verdict(share <= MOST_REPEATED, || {
                    format!(
                        "{repeated} of {} sentences are known from the tasks before",
                        self.sentences.len()
                    )
                })
            }
        }
    }
}

fn verdict(passes: bool, finding: impl FnOnce() -> String) -> Result<(), String> {
    if passes { Ok(()) } else { Err(finding()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::orchestrator::WORKFLOWS;
    use crate::slm::index::Index;
    use crate::traffic::plan::SUBJECTS;

    fn passed(sentences: &[&str], known: &[&str], answer: [f32; 2]) -> [bool; 3] {
        let owned = |list: &[&str]| list.iter().map(|s| (*s).to_owned()).collect::<Vec<_>>();
        let (sentences, known) = (owned(sentences), owned(known));
        let work = Work {
            sentences: &sentences,
            known: &known,
            goal: &[1.0, 0.0],
            answer: &answer,
        };
        Gate::ALL.map(|gate| work.passes(gate).is_ok())
    }

    #[test]
    fn each_gate_sees_its_own_fault() {
        let long = "word ".repeat(LEAST_WORDS);
        assert_eq!(passed(&[&long], &[], [1.0, 0.0]), [true, true, true]);
        assert_eq!(passed(&[&long], &[], [0.1, 0.99]), [false, true, true]);
        assert_eq!(passed(&["short"], &[], [1.0, 0.0]), [true, false, true]);
        assert_eq!(passed(&[&long], &[&long], [1.0, 0.0]), [true, true, false]);
    }

    /// Lets the model and the gates play out one item's stages as agents do; the first task that fails.
    fn first_refusal(index: &Index, stages: &[&str], about: &str) -> Option<String> {
        let mut known: Vec<String> = Vec::new();
        for stage in stages {
            let goal = format!("{stage} {about}");
            let attempt = |attempt: usize| {
                let avoid: &[String] = if attempt == 0 { &[] } else { &known };
                let sentences: Vec<String> = index
                    .extract(&goal, 2 + attempt, avoid)
                    .into_iter()
                    .map(str::to_owned)
                    .collect();
                let embed = |text: &str| index.embedder().embed(text);
                let work = Work {
                    sentences: &sentences,
                    known: &known,
                    goal: &embed(&goal),
                    answer: &embed(&sentences.join(" ")),
                };
                Gate::ALL
                    .iter()
                    .all(|gate| work.passes(*gate).is_ok())
                    .then_some(sentences)
            };
            let Some(sentences) = (0..3).find_map(attempt) else {
                return Some(goal);
            };
            known = sentences;
        }
        None
    }

    #[test]
    fn the_shipped_knowledge_carries_every_project_of_the_traffic() {
        let index = Index::shipped();
        for (workflow, stages) in WORKFLOWS {
            for (_, about) in SUBJECTS {
                assert_eq!(first_refusal(&index, stages, about), None, "{workflow}");
            }
        }
    }

    #[test]
    fn a_stale_index_carries_no_project() {
        let index = Index::shipped().out_of_step();
        for (workflow, stages) in WORKFLOWS {
            for (_, about) in SUBJECTS {
                assert!(first_refusal(&index, stages, about).is_some(), "{workflow}: {about}");
            }
        }
    }
}
