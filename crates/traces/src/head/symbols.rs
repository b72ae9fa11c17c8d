//! Names and resources that many spans share are held once.

use std::sync::Arc;

use hashbrown::HashMap;
use skopos_core::span::{Resource, Scope};

/// Numbers for names of services and operations.
#[derive(Debug, Default)]
pub(super) struct Symbols {
    texts: Vec<Arc<str>>,
    numbers: HashMap<Arc<str>, u32>,
    text_bytes: usize,
}

impl Symbols {
    /// The number of a text, made up if it is new.
    pub(super) fn get(&mut self, text: &str) -> u32 {
        if let Some(number) = self.numbers.get(text) {
            return *number;
        }
        let number = self.texts.len() as u32;
        let shared: Arc<str> = Arc::from(text);
        self.text_bytes += text.len();
        self.texts.push(Arc::clone(&shared));
        self.numbers.insert(shared, number);
        number
    }

    pub(super) fn find(&self, text: &str) -> Option<u32> {
        self.numbers.get(text).copied()
    }

    pub(super) fn text(&self, number: u32) -> &str {
        self.texts.get(number as usize).map_or("", |text| text)
    }

    pub(super) fn size_bytes(&self) -> usize {
        self.text_bytes + self.texts.len() * 64
    }
}

/// Resources and scopes of a head.
#[derive(Debug, Default)]
pub(super) struct Shared {
    pub(super) resources: Pool<Resource>,
    pub(super) scopes: Pool<Scope>,
}

/// Equal values, held once.
#[derive(Debug)]
pub(super) struct Pool<T> {
    by_name: HashMap<String, Vec<Arc<T>>>,
}

impl<T> Default for Pool<T> {
    fn default() -> Self {
        Self {
            by_name: HashMap::new(),
        }
    }
}

/// Most different values under one name that are compared; beyond, a value is not shared.
const MAX_SHARED_PER_NAME: usize = 64;

impl<T: PartialEq + Named> Pool<T> {
    /// The value that equals `own`, or `own` itself, known from now on.
    pub(super) fn get(&mut self, own: &Arc<T>) -> Arc<T> {
        let known = self.by_name.entry_ref(own.name()).or_default();
        if let Some(same) = known.iter().find(|known| known.as_ref() == own.as_ref()) {
            return Arc::clone(same);
        }
        if known.len() < MAX_SHARED_PER_NAME {
            known.push(Arc::clone(own));
        }
        Arc::clone(own)
    }
}

/// What a pool sorts its values by.
pub(super) trait Named {
    fn name(&self) -> &str;
}

impl Named for Resource {
    fn name(&self) -> &str {
        self.service_name()
    }
}

impl Named for Scope {
    fn name(&self) -> &str {
        &self.name
    }
}
