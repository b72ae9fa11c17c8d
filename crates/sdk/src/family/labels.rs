//! Labels as keys: hashed without an allocation, compared with what is kept, and found in front of the table.

use std::hash::{BuildHasher, Hasher};
use std::sync::{Arc, OnceLock};

use hashbrown::DefaultHashBuilder;

/// Places of the front; a power of two.
const PLACES: usize = 64;

/// Labels that are kept.
#[derive(Debug, Clone)]
pub(super) struct Key<const N: usize>(Arc<[Box<str>; N]>);

impl<const N: usize> Key<N> {
    pub(super) fn of(labels: &[&str; N]) -> Self {
        Self(Arc::new(labels.map(Box::from)))
    }

    pub(super) fn is(&self, labels: &[&str; N]) -> bool {
        self.0.iter().zip(labels).all(|(kept, asked)| **kept == **asked)
    }
}

/// Hashes labels, with a seed of the family's own.
#[derive(Debug, Default)]
pub(super) struct Hashing(DefaultHashBuilder);

impl Hashing {
    pub(super) fn of<const N: usize>(&self, labels: &[&str; N]) -> u64 {
        self.hash(labels.iter().copied())
    }

    pub(super) fn of_key<const N: usize>(&self, key: &Key<N>) -> u64 {
        self.hash(key.0.iter().map(|label| &**label))
    }

    fn hash<'a>(&self, labels: impl Iterator<Item = &'a str>) -> u64 {
        let mut state = self.0.build_hasher();
        for label in labels {
            // No mark between them: labels that run into each other at worst share a hash, and are compared.
            state.write(label.as_bytes());
        }
        state.finish()
    }
}

/// The first series of each place. A place is written once, so that looking at it costs no lock and no count of readers;
/// series that find their place taken are looked up in the table.
pub(super) struct Front<M, const N: usize> {
    places: Box<[OnceLock<(Key<N>, M)>; PLACES]>,
}

impl<M, const N: usize> Default for Front<M, N> {
    fn default() -> Self {
        Self {
            places: Box::new([const { OnceLock::new() }; PLACES]),
        }
    }
}

impl<M: Clone, const N: usize> Front<M, N> {
    fn place(&self, hash: u64) -> &OnceLock<(Key<N>, M)> {
        // The table uses the hash's other end.
        &self.places[(hash >> 32) as usize % PLACES]
    }

    pub(super) fn find(&self, hash: u64, labels: &[&str; N]) -> Option<&M> {
        let (key, metric) = self.place(hash).get()?;
        key.is(labels).then_some(metric)
    }

    /// Puts a series in its place, if that is free.
    pub(super) fn offer(&self, hash: u64, key: &Key<N>, metric: &M) {
        self.place(hash).get_or_init(|| (key.clone(), metric.clone()));
    }
}
