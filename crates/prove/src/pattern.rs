//! Texts that match a regular expression, made from its tree.

use regex_syntax::hir::{Class, Hir, HirKind, Repetition};

/// Ways in which each pattern is walked.
const VARIANTS: usize = 12;
/// Characters that are taken from a class where it has them, the plainest first.
const PLAIN: &[char] = &['a', 'x', '1', '0', 'A', '-', '_', '.', '/', ':', ' '];

/// Some texts that are likely to match `pattern` as a whole, the plainest first. The caller checks
/// them: assertions inside the pattern are not looked at.
pub(crate) fn texts(pattern: &str) -> Vec<String> {
    let Ok(tree) = regex_syntax::Parser::new().parse(&format!("(?s:{pattern})")) else {
        return Vec::new();
    };
    let mut found: Vec<String> = Vec::new();
    for variant in 0..VARIANTS {
        let mut text = String::new();
        write(&tree, variant, &mut text);
        if !found.contains(&text) {
            found.push(text);
        }
    }
    found
}

fn write(tree: &Hir, variant: usize, text: &mut String) {
    match tree.kind() {
        HirKind::Empty | HirKind::Look(_) => {}
        HirKind::Literal(literal) => text.push_str(&String::from_utf8_lossy(&literal.0)),
        HirKind::Class(class) => text.push(character(class, variant)),
        HirKind::Repetition(repetition) => repeat(repetition, variant, text),
        HirKind::Capture(capture) => write(&capture.sub, variant, text),
        HirKind::Concat(parts) => parts.iter().for_each(|part| write(part, variant, text)),
        HirKind::Alternation(branches) => {
            if let Some(branch) = branches.get(variant % branches.len().max(1)) {
                write(branch, variant / branches.len().max(1), text);
            }
        }
    }
}

/// The fewest times that are allowed; at least once with odd variants.
fn repeat(repetition: &Repetition, variant: usize, text: &mut String) {
    const MOST: u32 = 64;
    let least = repetition.min.min(MOST);
    let wanted = if variant % 2 == 1 { least.max(1) } else { least };
    let times = repetition.max.map_or(wanted, |most| wanted.min(most));
    for _ in 0..times {
        write(&repetition.sub, variant / 2, text);
    }
}

fn character(class: &Class, variant: usize) -> char {
    let Class::Unicode(class) = class else {
        return 'a';
    };
    let within = |c: &char| class.iter().any(|range| range.start() <= *c && *c <= range.end());
    let plain: Vec<char> = PLAIN.iter().copied().filter(within).collect();
    match plain.get(variant % plain.len().max(1)) {
        Some(c) => *c,
        None => class
            .iter()
            .next()
            .map_or('a', regex_syntax::hir::ClassUnicodeRange::start),
    }
}

#[cfg(test)]
mod tests {
    use skopos_core::matcher::anchored_regex;

    use super::*;

    #[test]
    fn most_texts_match_their_pattern() {
        for pattern in [
            ".*etcd.*",
            "5..",
            "a|b|c",
            "^(fuse.*|tmpfs|cifs|nfs)",
            "4[0-9]{2}",
            "unable to (create|attach) ENI",
            "(?i).*tail.*|/x",
            r"[a-z]+-\d+\.example\.com",
            ".+",
            "",
        ] {
            let regex = anchored_regex(pattern).expect("the pattern compiles");
            let texts = texts(pattern);
            assert!(texts.iter().any(|text| regex.is_match(text)), "{pattern}: {texts:?}");
        }
        assert_eq!(texts(".*etcd.*")[0], "etcd");
    }

    #[test]
    fn broken_patterns_have_no_texts() {
        assert!(texts("a(").is_empty());
    }
}
