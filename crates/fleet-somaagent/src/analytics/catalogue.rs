//! The capsules that the marketplace offers.

use serde::{Deserialize, Serialize};

const TEXT: &str = include_str!("../../assets/capsules.txt");

/// A packaged agent that tenants buy and run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Capsule {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) publisher: String,
    pub(crate) category: String,
    pub(crate) kind: CapsuleKind,
    pub(crate) price_cents: i64,
    pub(crate) description: String,
}

/// What a capsule does with its input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum CapsuleKind {
    /// Has the model answer.
    Extract,
    /// Says how near two texts are, which a bar parts.
    Compare,
    /// Makes a task graph of a project.
    Plan,
}

impl CapsuleKind {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Extract => "extract",
            Self::Compare => "compare",
            Self::Plan => "plan",
        }
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        [Self::Extract, Self::Compare, Self::Plan]
            .into_iter()
            .find(|kind| kind.as_str() == text)
    }
}

/// The capsules that ship with the fleet; a line that does not read is named.
pub(crate) fn shipped() -> Result<Vec<Capsule>, String> {
    TEXT.lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| parse(line).ok_or_else(|| format!("capsules.txt does not read at: {line}")))
        .collect()
}

fn parse(line: &str) -> Option<Capsule> {
    let fields: Vec<&str> = line.split('|').map(str::trim).collect();
    let [id, name, publisher, category, kind, price, description] = fields[..] else {
        return None;
    };
    Some(Capsule {
        id: id.to_owned(),
        name: name.to_owned(),
        publisher: publisher.to_owned(),
        category: category.to_owned(),
        kind: CapsuleKind::parse(kind)?,
        price_cents: price.parse().ok()?,
        description: description.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_capsules_read() {
        let capsules = shipped().expect("the shipped file reads");
        assert!(capsules.len() >= 10);
        for kind in [CapsuleKind::Extract, CapsuleKind::Compare, CapsuleKind::Plan] {
            assert!(capsules.iter().any(|capsule| capsule.kind == kind));
        }
        assert_eq!(parse("a | b | c | d | dance | 1 | e"), None);
    }
}
