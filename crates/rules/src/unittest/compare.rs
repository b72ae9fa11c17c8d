//! What differs between what a test expects and what came.

/// Names and values, sorted by name.
pub type Pairs = Vec<(String, String)>;

/// An alert or a sample, as far as tests look at it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Shown {
    pub(super) labels: Pairs,
    pub(super) annotations: Pairs,
    /// The value of a sample.
    pub(super) value: Option<String>,
}

/// One difference between expected and got.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Difference {
    /// Expected, but nothing like it came.
    Missing(String),
    /// It came, but nothing like it was expected.
    Surplus(String),
    /// The two belong together, and a part differs.
    Part {
        /// What it is about: the labels that both have.
        about: String,
        /// `label x`, `annotation x` or `value`.
        part: String,
        /// `None` where it is not expected.
        expected: Option<String>,
        /// `None` where it is not there.
        got: Option<String>,
    },
}

impl Shown {
    /// One line.
    pub(super) fn line(&self) -> String {
        let mut line = labels(&self.labels);
        if !self.annotations.is_empty() {
            line.push_str(" annotations ");
            line.push_str(&labels(&self.annotations));
        }
        if let Some(value) = &self.value {
            line.push(' ');
            line.push_str(value);
        }
        line
    }

    /// How unlike two are: parts that differ.
    fn distance(&self, other: &Self) -> usize {
        unlike(&self.labels, &other.labels).len()
            + unlike(&self.annotations, &other.annotations).len()
            + usize::from(self.value != other.value)
    }

    /// Most parts that two may differ in and still be told apart part by part.
    fn is_like(&self, other: &Self) -> bool {
        let shared = self.labels.iter().filter(|pair| other.labels.contains(pair)).count();
        let fewer = self.labels.len().min(other.labels.len());
        fewer == 0 || 2 * shared >= fewer
    }
}

/// `name{a="b"}`
pub(super) fn labels(pairs: &[(String, String)]) -> String {
    let name = pairs.iter().find(|(name, _)| name == "__name__");
    let others = pairs.iter().filter(|(name, _)| name != "__name__");
    let inside: Vec<String> = others.map(|(name, value)| format!("{name}={value:?}")).collect();
    let name = name.map_or("", |(_, value)| value.as_str());
    if inside.is_empty() && !name.is_empty() {
        return name.to_owned();
    }
    format!("{name}{{{}}}", inside.join(", "))
}

/// A name with the value on either side.
type Unlike<'a> = (&'a str, Option<&'a str>, Option<&'a str>);

fn unlike<'a>(expected: &'a [(String, String)], got: &'a [(String, String)]) -> Vec<Unlike<'a>> {
    let find = |pairs: &'a [(String, String)], name: &str| {
        let pair = pairs.iter().find(|(other, _)| other == name);
        pair.map(|(_, value)| value.as_str())
    };
    let own = expected
        .iter()
        .map(|(name, value)| (name.as_str(), Some(value.as_str()), find(got, name)));
    let others = got.iter().filter(|(name, _)| find(expected, name).is_none());
    let others = others.map(|(name, value)| (name.as_str(), None, Some(value.as_str())));
    own.chain(others).filter(|(_, expected, got)| expected != got).collect()
}

/// Pairs up what is most alike and says what differs. `same` decides whether two values are equal.
pub(super) fn differences(expected: &[Shown], got: &[Shown]) -> Vec<Difference> {
    let mut left: Vec<&Shown> = got.iter().collect();
    let mut open: Vec<&Shown> = Vec::new();
    for want in expected {
        match left.iter().position(|have| *have == want) {
            Some(at) => drop(left.remove(at)),
            None => open.push(want),
        }
    }
    let mut found = Vec::new();
    for want in open {
        let nearest = left.iter().enumerate().filter(|(_, have)| want.is_like(have));
        match nearest.min_by_key(|(_, have)| want.distance(have)).map(|(at, _)| at) {
            Some(at) => parts(want, left.remove(at), &mut found),
            None => found.push(Difference::Missing(want.line())),
        }
    }
    found.extend(left.into_iter().map(|have| Difference::Surplus(have.line())));
    found
}

fn parts(want: &Shown, have: &Shown, found: &mut Vec<Difference>) {
    let shared = want.labels.iter().filter(|pair| have.labels.contains(pair));
    let about = labels(&shared.cloned().collect::<Pairs>());
    let mut add = |part: String, expected: Option<&str>, got: Option<&str>| {
        found.push(Difference::Part {
            about: about.clone(),
            part,
            expected: expected.map(str::to_owned),
            got: got.map(str::to_owned),
        });
    };
    for (name, expected, got) in unlike(&want.labels, &have.labels) {
        add(format!("label {name}"), expected, got);
    }
    for (name, expected, got) in unlike(&want.annotations, &have.annotations) {
        add(format!("annotation {name}"), expected, got);
    }
    if want.value != have.value {
        add("value".to_owned(), want.value.as_deref(), have.value.as_deref());
    }
}
