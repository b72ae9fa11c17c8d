//! How alike two names are: by edits of characters, and by the words they are made of.

/// Names less alike than this are not worth telling.
const LEAST: f64 = 0.6;
/// Words in another order count a little less than the same text.
const WORDS_WEIGHT: f64 = 0.95;
/// Longest name that is compared by its characters.
const MAX_CHARACTERS: usize = 256;

/// The candidates that are most like one of `wanted`, the nearest first.
pub fn nearest(wanted: &[String], candidates: &[String], max: usize) -> Vec<String> {
    let mut scored: Vec<(f64, &String)> = Vec::new();
    for candidate in candidates {
        let scores = wanted.iter().map(|wanted| similarity(wanted, candidate));
        let score = scores.fold(0.0, f64::max);
        if score >= LEAST {
            scored.push((score, candidate));
        }
    }
    scored.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(b.1)));
    scored
        .into_iter()
        .take(max)
        .map(|(_, candidate)| candidate.clone())
        .collect()
}

/// From 0, nothing in common, to 1, the same.
pub(super) fn similarity(a: &str, b: &str) -> f64 {
    if a == b {
        return 1.0;
    }
    let by_words = WORDS_WEIGHT * shared_words(a, b);
    by_words.max(shared_characters(a, b))
}

/// Dice's coefficient of the words.
fn shared_words(a: &str, b: &str) -> f64 {
    let (a, mut b) = (words(a), words(b));
    let all = a.len() + b.len();
    if all == 0 {
        return 0.0;
    }
    let mut shared = 0;
    for word in &a {
        if let Some(at) = b.iter().position(|other| other == word) {
            b.swap_remove(at);
            shared += 1;
        }
    }
    2.0 * f64::from(shared) / all as f64
}

/// Words in lower case: parted by what is no letter or digit, and where capitals begin.
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut was_lower = false;
    for c in name.chars() {
        if !c.is_alphanumeric() || (c.is_uppercase() && was_lower) {
            words.push(String::new());
        }
        if c.is_alphanumeric()
            && let Some(word) = words.last_mut()
        {
            word.extend(c.to_lowercase());
        }
        was_lower = c.is_lowercase();
    }
    words.retain(|word| !word.is_empty());
    words
}

/// One less the share of characters that must be changed, in either case; a swap of neighbours is one change.
fn shared_characters(a: &str, b: &str) -> f64 {
    let lower = |text: &str| {
        text.chars()
            .take(MAX_CHARACTERS)
            .flat_map(char::to_lowercase)
            .collect::<Vec<char>>()
    };
    let (a, b) = (lower(a), lower(b));
    let longest = a.len().max(b.len());
    // As many edits as the lengths differ are certain.
    if longest == 0 || (longest - a.len().min(b.len())) as f64 > (1.0 - LEAST) * longest as f64 {
        return 0.0;
    }
    1.0 - edits(&a, &b) as f64 / longest as f64
}

/// Optimal string alignment distance.
fn edits(a: &[char], b: &[char]) -> usize {
    let mut before: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, to) in b.iter().enumerate() {
            let replaced = above[j] + usize::from(from != to);
            let mut least = replaced.min(above[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && *from == b[j - 1] && a[i - 1] == *to {
                least = least.min(before[j - 1] + 1);
            }
            row.push(least);
        }
        before = std::mem::replace(&mut above, row);
    }
    above[b.len()]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn edits_of(a: &str, b: &str) -> usize {
        edits(&a.chars().collect::<Vec<_>>(), &b.chars().collect::<Vec<_>>())
    }

    #[test]
    fn edits_are_counted() {
        assert_eq!(edits_of("gatway", "gateway"), 1);
        assert_eq!(edits_of("gaetway", "gateway"), 1);
        assert_eq!(edits_of("", "abc"), 3);
        assert_eq!(edits_of("kitten", "sitting"), 3);
    }

    #[test]
    fn nearest_first() {
        let all = ["http_requests_total", "requests_http_total", "http_request_total", "up"].map(str::to_owned);
        let wanted = ["http_requests_totl".to_owned()];
        assert_eq!(
            nearest(&wanted, &all, 3),
            ["http_requests_total", "http_request_total", "requests_http_total"]
        );
        assert!(nearest(&["zzz".to_owned()], &all, 3).is_empty());
        assert_eq!(words("kafkaConsumer_lag-Max"), ["kafka", "consumer", "lag", "max"]);
    }

    proptest! {
        #[test]
        fn alike_both_ways_and_within_bounds(a in "[a-cA-C_]{0,12}", b in "[a-cA-C_]{0,12}") {
            let (one, other) = (similarity(&a, &b), similarity(&b, &a));
            prop_assert!((one - other).abs() < 1e-12);
            prop_assert!((0.0..=1.0).contains(&one));
            prop_assert_eq!(edits_of(&a, &b) == 0, a == b);
        }
    }
}
