//! Annotations: texts about an alert, shared by everything that holds the alert.

use std::ops::Deref;
use std::sync::Arc;

/// Annotations, sorted by name. Cloning shares them: an alert, its notifications and its incident hold one copy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Annotations(Arc<[(String, String)]>);

impl Annotations {
    /// The value of an annotation.
    pub fn find(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }
}

impl Default for Annotations {
    /// None.
    fn default() -> Self {
        Self(Arc::new([]))
    }
}

impl Deref for Annotations {
    type Target = [(String, String)];

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl From<Vec<(String, String)>> for Annotations {
    fn from(mut pairs: Vec<(String, String)>) -> Self {
        for (name, value) in &mut pairs {
            name.shrink_to_fit();
            value.shrink_to_fit();
        }
        pairs.sort();
        Self(pairs.into())
    }
}

impl FromIterator<(String, String)> for Annotations {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(pairs: I) -> Self {
        Self::from(pairs.into_iter().collect::<Vec<_>>())
    }
}
