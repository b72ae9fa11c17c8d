//! Matchers as words of the command line, read as amtool reads them.

use anyhow::Context as _;
use skopos_alertmanager::{Matcher, ParserMode};

/// What no bare word has.
const OPERATORS: [char; 3] = ['=', '~', '!'];

/// Reads matchers, one a word; a first word without an operator is the name of an alert.
pub(crate) fn read(words: &[String]) -> anyhow::Result<Vec<Matcher>> {
    let mut matchers = Vec::with_capacity(words.len());
    for (position, word) in words.iter().enumerate() {
        if position == 0 && !word.contains(OPERATORS) {
            matchers.push(Matcher::equal("alertname", word));
            continue;
        }
        let (parsed, _) = ParserMode::default()
            .parse(word)
            .with_context(|| format!("{word:?} is no matcher: write name=value, or with !=, =~ or !~"))?;
        matchers.extend(parsed);
    }
    Ok(matchers)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(words: &[&str]) -> Option<Vec<String>> {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        let matchers = read(&words).ok()?;
        Some(matchers.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn words_as_amtool_reads_them() {
        let expected = vec![r#"alertname="Slow""#.to_owned(), r#"job=~"a|b""#.to_owned()];
        assert_eq!(shown(&["Slow", "job=~a|b"]), Some(expected));
        assert_eq!(shown(&["a!=b"]), Some(vec![r#"a!="b""#.to_owned()]));
        assert_eq!(shown(&["a=b", "Slow"]), None);
        assert_eq!(shown(&["a=~("]), None);
    }
}
