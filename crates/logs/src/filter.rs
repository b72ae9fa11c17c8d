//! Filters that tell which granules of a part cannot contain a text.
//!
//! A run of at least eight word characters is represented by minimizers: of each four neighbouring
//! five-grams the one with the least hash. A text that contains a literal contains the minimizers
//! of the literal's runs, wherever the literal begins and ends, so skipping keeps the meaning of
//! `|=`, which is substring and not word. Shorter runs say nothing.

use std::collections::BTreeSet;

/// Bytes of a gram.
const GRAM: usize = 5;
/// Grams of a window.
const WINDOW: usize = 4;
/// Least word characters in a row that are represented.
pub(crate) const MIN_RUN: usize = GRAM + WINDOW - 1;
/// Bits of the filter for each minimizer.
const BITS_PER_ENTRY: usize = 12;
/// Bits set for each minimizer.
const PROBES: u64 = 4;

/// Calls `emit` with the minimizers of a text.
fn minimizers(text: &[u8], mut emit: impl FnMut(u64)) {
    let is_word = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_' || *byte >= 0x80;
    for run in text.split(|byte| !is_word(byte)).filter(|run| run.len() >= MIN_RUN) {
        let mut window = [u64::MAX; WINDOW];
        let mut previous = None;
        for (at, gram) in run.windows(GRAM).enumerate() {
            window[at % WINDOW] = hash(gram);
            let least = window.iter().copied().min();
            if at + 1 >= WINDOW && least != previous {
                previous = least;
                least.into_iter().for_each(&mut emit);
            }
        }
    }
}

/// Mixes five bytes (the finalizer of splitmix64).
fn hash(gram: &[u8]) -> u64 {
    let mut value = gram.iter().fold(0u64, |value, byte| value << 8 | u64::from(*byte));
    value = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

/// The bits of a minimizer in a filter of so many bits.
fn probes(minimizer: u64, bits: u64) -> impl Iterator<Item = u64> {
    let step = (minimizer >> 32) | 1;
    (0..PROBES).map(move |probe| minimizer.wrapping_add(probe.wrapping_mul(step)) % bits)
}

/// Collects the texts of a granule.
#[derive(Debug, Default)]
pub(crate) struct FilterBuilder {
    minimizers: BTreeSet<u64>,
}

impl FilterBuilder {
    /// Adds a text.
    pub(crate) fn add(&mut self, text: &str) {
        minimizers(text.as_bytes(), |minimizer| {
            self.minimizers.insert(minimizer);
        });
    }

    /// The filter's bytes; the builder is empty afterwards.
    pub(crate) fn finish(&mut self) -> Vec<u8> {
        let minimizers = std::mem::take(&mut self.minimizers);
        let mut filter = vec![0u8; (minimizers.len() * BITS_PER_ENTRY).div_ceil(8).max(1)];
        let bits = filter.len() as u64 * 8;
        for bit in minimizers.into_iter().flat_map(|minimizer| probes(minimizer, bits)) {
            filter[(bit / 8) as usize] |= 1 << (bit % 8);
        }
        filter
    }
}

/// What a query looks for, ready to be asked of many filters.
#[derive(Debug, Default)]
pub(crate) struct Needles {
    minimizers: Vec<u64>,
}

impl Needles {
    /// Texts that must all be there.
    pub(crate) fn new<'t>(texts: impl IntoIterator<Item = &'t str>) -> Self {
        let mut needles = Self::default();
        for text in texts {
            minimizers(text.as_bytes(), |minimizer| needles.minimizers.push(minimizer));
        }
        needles
    }

    /// Whether filters can skip anything.
    pub(crate) fn is_empty(&self) -> bool {
        self.minimizers.is_empty()
    }

    /// Whether the granule of this filter may contain all texts.
    pub(crate) fn may_be_in(&self, filter: &[u8]) -> bool {
        let bits = filter.len() as u64 * 8;
        let is_set = |bit: u64| filter[(bit / 8) as usize] & (1 << (bit % 8)) != 0;
        bits == 0
            || self
                .minimizers
                .iter()
                .all(|minimizer| probes(*minimizer, bits).all(is_set))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn substrings_are_never_missed(lines in prop::collection::vec("[a-z0-9_é ]{0,60}", 1..20), pick in any::<prop::sample::Index>(), from in any::<prop::sample::Index>(), to in any::<prop::sample::Index>()) {
            let mut builder = FilterBuilder::default();
            for line in &lines { builder.add(line); }
            let filter = builder.finish();
            let line: Vec<char> = pick.get(&lines).chars().collect();
            let (mut from, mut to) = (from.index(line.len() + 1), to.index(line.len() + 1));
            if from > to { std::mem::swap(&mut from, &mut to); }
            let part: String = line[from..to].iter().collect();
            prop_assert!(Needles::new([part.as_str()]).may_be_in(&filter));
        }
    }

    #[test]
    fn absent_ids_are_mostly_skipped() {
        let mut builder = FilterBuilder::default();
        let id = |i: u64| format!("{:016x}{:016x}", hash(&i.to_le_bytes()[..5]), i);
        (0..1000).for_each(|i| builder.add(&format!("request {} done", id(i))));
        let filter = builder.finish();
        let hits = (1000..3000)
            .filter(|i| Needles::new([id(*i).as_str()]).may_be_in(&filter))
            .count();
        assert!(hits < 20, "{hits} of 2000");
        assert!(Needles::new(["short", "a.b.c"]).is_empty());
    }
}
