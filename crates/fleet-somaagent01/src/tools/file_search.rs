//! Search over the documents that ship with the fleet: terms weighed by how rare they are, best sections first.

use std::collections::HashMap;

/// Sections that an answer names.
const MAX_RESULTS: usize = 3;
/// Characters of a section's text in the answer.
const EXCERPT_CHARS: usize = 160;

const DOCUMENTS: [(&str, &str); 4] = [
    ("incidents.md", include_str!("../../assets/documents/incidents.md")),
    (
        "observability.md",
        include_str!("../../assets/documents/observability.md"),
    ),
    ("onboarding.md", include_str!("../../assets/documents/onboarding.md")),
    ("travel.md", include_str!("../../assets/documents/travel.md")),
];

struct Section {
    file: &'static str,
    text: &'static str,
    terms: HashMap<String, usize>,
}

/// The best sections for the query, one a line.
pub(super) fn search(query: &str) -> String {
    let terms: Vec<String> = words(query).collect();
    let sections: Vec<Section> = DOCUMENTS.iter().flat_map(|(file, text)| sections(file, text)).collect();
    let mut hits: Vec<(f64, &Section)> = sections
        .iter()
        .map(|section| (score(section, &terms, &sections), section))
        .filter(|(score, _)| *score > 0.0)
        .collect();
    if hits.is_empty() {
        return format!("no document speaks of \"{query}\"");
    }
    hits.sort_by(|a, b| b.0.total_cmp(&a.0));
    let lines = hits.iter().take(MAX_RESULTS).map(|(score, section)| {
        let excerpt: String = section.text.chars().take(EXCERPT_CHARS).collect();
        format!("{} ({score:.2}): {}", section.file, excerpt.replace('\n', " "))
    });
    lines.collect::<Vec<String>>().join("\n")
}

fn sections(file: &'static str, text: &'static str) -> impl Iterator<Item = Section> {
    text.split("\n\n")
        .map(str::trim)
        .filter(|text| !text.is_empty())
        .map(move |text| {
            let mut terms = HashMap::new();
            for word in words(text) {
                *terms.entry(word).or_default() += 1;
            }
            Section { file, text, terms }
        })
}

/// Sum over the terms of damped frequency times inverse section frequency.
fn score(section: &Section, terms: &[String], all: &[Section]) -> f64 {
    let total = terms.iter().filter_map(|term| {
        let count = *section.terms.get(term)? as f64;
        let having = all.iter().filter(|other| other.terms.contains_key(term)).count() as f64;
        Some(count / (count + 1.0) * (all.len() as f64 / having).ln())
    });
    total.sum()
}

fn words(text: &str) -> impl Iterator<Item = String> {
    text.split(|c: char| !c.is_alphanumeric())
        .filter(|word| word.len() > 2)
        .map(str::to_lowercase)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_section_with_the_rare_term_comes_first() {
        let answer = search("when does the dead letter topic take an event");
        assert!(
            answer.lines().next().is_some_and(|line| line.contains("dead letter")),
            "{answer}"
        );
        assert!(search("xylophone").starts_with("no document"));
    }
}
