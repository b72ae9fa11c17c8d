//! Which names a search finds, and how good each is, from 0 to 1 (`web/api/v1/search_filters.go`).

use super::subsequence;

/// The score of a name that holds the text, but not at its beginning.
const INSIDE: f64 = 0.9;
/// Characters at the beginning that Winkler's addition looks at, and what each is worth.
const PREFIX_CHARS: usize = 4;
const PREFIX_WEIGHT: f64 = 0.1;

/// How likeness is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Algorithm {
    /// The characters of the text in their order.
    Subsequence,
    /// The text itself; or, with a threshold, likeness after Jaro and Winkler.
    JaroWinkler,
}

/// Whether capital letters differ from small ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Case {
    Kept,
    Folded,
}

/// Finds names that are like any of its texts.
#[derive(Debug)]
pub(super) struct Filter {
    texts: Vec<String>,
    algorithm: Algorithm,
    /// The least score.
    threshold: f64,
    case: Case,
}

impl Filter {
    pub(super) fn new(texts: &[&str], algorithm: Algorithm, threshold: f64, case: Case) -> Self {
        Self {
            texts: texts.iter().map(|text| case.apply(text)).collect(),
            algorithm,
            threshold,
            case,
        }
    }

    /// The score of a name that is found. Without texts all are.
    pub(super) fn score(&self, name: &str) -> Option<f64> {
        if self.texts.is_empty() {
            return Some(1.0);
        }
        let name = self.case.apply(name);
        let scores = self.texts.iter().filter_map(|text| self.likeness(text, &name));
        scores.reduce(f64::max)
    }

    fn likeness(&self, text: &str, name: &str) -> Option<f64> {
        if name.starts_with(text) {
            return Some(1.0);
        }
        match self.algorithm {
            Algorithm::Subsequence => Some(subsequence::score(text, name)).filter(|score| *score > 0.0),
            Algorithm::JaroWinkler if name.contains(text) => return Some(INSIDE),
            Algorithm::JaroWinkler => (self.threshold > 0.0).then(|| jaro_winkler(text, name)),
        }
        .filter(|score| *score >= self.threshold)
    }
}

impl Case {
    fn apply(self, text: &str) -> String {
        match self {
            Self::Kept => text.to_owned(),
            Self::Folded => text.to_lowercase(),
        }
    }
}

/// Jaro's likeness with Winkler's addition, whatever the likeness is; `strsim` itself adds only above
/// 0.7.
fn jaro_winkler(text: &str, name: &str) -> f64 {
    let (shorter, longer) = if text.chars().count() <= name.chars().count() {
        (text, name)
    } else {
        (name, text)
    };
    let jaro = strsim::jaro(shorter, longer);
    if jaro == 0.0 {
        return 0.0;
    }
    let both = text.chars().zip(name.chars()).take(PREFIX_CHARS);
    let same = both.take_while(|(text, name)| text == name).count();
    jaro + same as f64 * PREFIX_WEIGHT * (1.0 - jaro)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, algorithm: Algorithm, threshold: f64, case: Case, name: &str, expect: Option<f64>) {
        let score = Filter::new(&[text], algorithm, threshold, case).score(name);
        let is_near = match (score, expect) {
            (Some(score), Some(expect)) => (score - expect).abs() < 1e-4,
            (score, expect) => score == expect,
        };
        assert!(is_near, "{text} {name}: {score:?}, not {expect:?}");
    }

    #[test]
    fn a_subsequence_is_found_from_its_threshold_on() {
        let check = |text, threshold, name, expect| {
            check(text, Algorithm::Subsequence, threshold, Case::Kept, name, expect);
        };
        check("", 1.0, "up", Some(1.0));
        check("http", 1.0, "http_requests", Some(1.0));
        // One run of 2, a gap of 1 before it, one character after it: (4 - 1/4 - 1/8) / 4.
        check("bc", 0.0, "abcd", Some(0.906_25));
        check("bc", 0.91, "abcd", None);
        check("cb", 0.0, "abcd", None);
        check("HTTP", 0.0, "http_requests", None);
    }

    #[test]
    fn jaro_and_winkler_are_asked_where_there_is_a_threshold() {
        let check = |text, threshold, name, expect| {
            check(text, Algorithm::JaroWinkler, threshold, Case::Kept, name, expect);
        };
        check("request", 0.0, "http_requests", Some(INSIDE));
        check("martha", 0.0, "marhta", None);
        // The examples of Winkler's paper.
        check("martha", 0.9, "marhta", Some(0.9611));
        check("dixon", 0.8, "dicksonx", Some(0.8133));
        check("dixon", 0.9, "dicksonx", None);
        check("abc", 0.1, "xyz", None);
    }

    #[test]
    fn case_is_folded_where_asked_for() {
        check(
            "HTTP",
            Algorithm::Subsequence,
            0.0,
            Case::Folded,
            "http_requests",
            Some(1.0),
        );
        check(
            "http",
            Algorithm::JaroWinkler,
            0.0,
            Case::Folded,
            "X_HTTP",
            Some(INSIDE),
        );
        check("É", Algorithm::Subsequence, 0.0, Case::Folded, "éa", Some(1.0));
    }

    #[test]
    fn the_best_of_several_texts_counts() {
        let filter = Filter::new(&["zz", "bc", "ab"], Algorithm::Subsequence, 0.0, Case::Kept);
        assert_eq!(filter.score("abcd"), Some(1.0));
        assert_eq!(filter.score("nothing"), None);
    }
}
