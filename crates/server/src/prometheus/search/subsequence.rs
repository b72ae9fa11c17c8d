//! How well the characters of a text stand, in their order, in a name (`util/strutil/subsequence.go`).

/// From 0, where they do not, to 1, where the name is the text: the squares of the lengths of unbroken
/// runs, less the share of the name that is passed over (half of it after the last run), over the
/// square of the text's length. The best beginning counts; from there on each character is the next
/// that fits.
pub(super) fn score(text: &str, name: &str) -> f64 {
    let text: Vec<char> = text.chars().collect();
    let name: Vec<char> = name.chars().collect();
    let Some(first) = text.first() else {
        return 1.0;
    };
    let beginnings = (0..name.len()).filter(|at| name.get(*at) == Some(first));
    // Where one beginning comes to no end, later ones come to none either.
    let scores = beginnings.map_while(|at| score_from(&text, &name, at));
    let best = scores.fold(0.0, f64::max);
    best / (text.len() * text.len()) as f64
}

fn score_from(text: &[char], name: &[char], beginning: usize) -> Option<f64> {
    let (mut next, mut run) = (beginning, 0usize);
    let (mut squares, mut gaps) = (0usize, beginning);
    for wanted in text {
        let gap = name.get(next..)?.iter().position(|c| c == wanted)?;
        if gap > 0 {
            squares += run * run;
            run = 0;
            gaps += gap;
        }
        run += 1;
        next += gap + 1;
    }
    squares += run * run;
    let passed_over = gaps as f64 + (name.len() - next) as f64 / 2.0;
    Some(squares as f64 - passed_over / name.len() as f64)
}

#[cfg(test)]
mod tests {
    use super::score;

    #[test]
    fn runs_are_worth_more_than_single_characters() {
        assert_eq!(score("abc", "abc"), 1.0);
        assert_eq!(score("abc", "acb"), 0.0);
        assert_eq!(score("abcd", "abc"), 0.0);
        // Runs of 1 and 1, a gap of 1 between them: (2 - 1/3) / 4.
        assert_eq!(score("ac", "abc"), (2.0 - 1.0 / 3.0) / 4.0);
        // The second beginning has the run of 2 and a gap of 2 before it: (4 - 2/4) / 4.
        assert_eq!(score("ab", "axab"), (4.0 - 2.0 / 4.0) / 4.0);
        assert_eq!(score("é", "xé"), 1.0 - 1.0 / 2.0);
    }

    #[test]
    fn a_text_of_one_character_may_be_worth_nothing() {
        // One run of 1, 3 characters before it and 0 after: 1 - 3/4.
        assert_eq!(score("d", "abcd"), 0.25);
        assert_eq!(score("x", ""), 0.0);
    }
}
