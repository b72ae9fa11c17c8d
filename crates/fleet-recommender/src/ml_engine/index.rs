//! Search for the items nearest to a vector by inner product: exact, and by inverted lists of k-means cells.

use super::linear::dot;

/// Rounds of k-means.
const ROUNDS: usize = 6;

/// An item and its inner product with the query.
pub(super) type Hit = (u32, f64);

/// The exact index: every vector is compared.
#[derive(Debug)]
pub(super) struct Flat {
    vectors: Vec<Vec<f64>>,
}

impl Flat {
    /// Label of metrics, by the name that the field knows it under.
    pub(super) const TYPE: &'static str = "flat";

    pub(super) fn build<'a>(vectors: impl Iterator<Item = &'a [f64]>) -> Self {
        Self {
            vectors: vectors.map(<[f64]>::to_vec).collect(),
        }
    }

    pub(super) fn vector(&self, item: u32) -> Option<&[f64]> {
        self.vectors.get(item as usize).map(Vec::as_slice)
    }

    /// The `count` best items that are `wanted`, best first.
    pub(super) fn search(&self, query: &[f64], count: usize, wanted: impl Fn(u32) -> bool) -> Vec<Hit> {
        let all = self.vectors.iter().enumerate();
        best(
            all.map(|(item, vector)| (item as u32, vector.as_slice())),
            query,
            count,
            wanted,
        )
    }
}

/// Inverted lists: items lie in the cell of the nearest centre, and a search looks into the most promising cells.
#[derive(Debug)]
pub(super) struct Ivf {
    centres: Vec<Vec<f64>>,
    cells: Vec<Vec<(u32, Vec<f64>)>>,
    probes: usize,
}

impl Ivf {
    pub(super) const TYPE: &'static str = "ivf_flat";

    /// As many cells as the square root of the number of vectors; half of them are looked into.
    pub(super) fn build(flat: &Flat) -> Self {
        let count = flat.vectors.len();
        let cells = ((count as f64).sqrt() as usize).max(1);
        Self::with(flat, cells, cells.div_ceil(2))
    }

    fn with(flat: &Flat, count: usize, probes: usize) -> Self {
        let vectors = &flat.vectors;
        // Evenly picked vectors are the first centres: no chance is needed, and each build is the same.
        let mut centres: Vec<Vec<f64>> = (0..count.min(vectors.len()))
            .map(|cell| vectors[cell * vectors.len() / count].clone())
            .collect();
        let mut homes = vec![0; vectors.len()];
        for _ in 0..ROUNDS {
            for (home, vector) in homes.iter_mut().zip(vectors) {
                *home = nearest(&centres, vector);
            }
            for (cell, centre) in centres.iter_mut().enumerate() {
                let members = homes.iter().zip(vectors).filter(|(home, _)| **home == cell);
                mean(members.map(|(_, vector)| vector.as_slice()), centre);
            }
        }
        let mut cells = vec![Vec::new(); centres.len()];
        for (item, vector) in vectors.iter().enumerate() {
            cells[nearest(&centres, vector)].push((item as u32, vector.clone()));
        }
        Self { centres, cells, probes }
    }

    /// The `count` best items that are `wanted` among the cells that are looked into, best first.
    pub(super) fn search(&self, query: &[f64], count: usize, wanted: impl Fn(u32) -> bool) -> Vec<Hit> {
        let centres = self.centres.iter().enumerate();
        let promising = best(
            centres.map(|(cell, centre)| (cell as u32, centre.as_slice())),
            query,
            self.probes,
            |_| true,
        );
        let members = promising.iter().flat_map(|(cell, _)| &self.cells[*cell as usize]);
        best(
            members.map(|(item, vector)| (*item, vector.as_slice())),
            query,
            count,
            wanted,
        )
    }
}

fn best<'a>(
    all: impl Iterator<Item = (u32, &'a [f64])>,
    query: &[f64],
    count: usize,
    wanted: impl Fn(u32) -> bool,
) -> Vec<Hit> {
    let mut hits: Vec<Hit> = all
        .filter(|(number, _)| wanted(*number))
        .map(|(number, vector)| (number, dot(query, vector)))
        .collect();
    hits.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    hits.truncate(count);
    hits
}

fn nearest(centres: &[Vec<f64>], vector: &[f64]) -> usize {
    let distance = |centre: &[f64]| -> f64 { centre.iter().zip(vector).map(|(a, b)| (a - b).powi(2)).sum() };
    let all = centres.iter().enumerate();
    all.min_by(|a, b| distance(a.1).total_cmp(&distance(b.1)))
        .map_or(0, |(cell, _)| cell)
}

/// Writes the mean over `centre`; an empty cell keeps its centre.
fn mean<'a>(members: impl Iterator<Item = &'a [f64]>, centre: &mut [f64]) {
    let (mut sum, mut count) = (vec![0.0; centre.len()], 0.0);
    for member in members {
        count += 1.0;
        for (sum, value) in sum.iter_mut().zip(member) {
            *sum += value;
        }
    }
    if count > 0.0 {
        for (centre, sum) in centre.iter_mut().zip(sum) {
            *centre = sum / count;
        }
    }
}

#[cfg(test)]
mod tests {
    use rand::{Rng, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;

    fn flat() -> Flat {
        let mut random = ChaCha8Rng::seed_from_u64(5);
        let vectors: Vec<Vec<f64>> = (0..200)
            .map(|_| (0..8).map(|_| random.random_range(-1.0..1.0)).collect())
            .collect();
        Flat::build(vectors.iter().map(Vec::as_slice))
    }

    #[test]
    fn the_exact_index_ranks_by_inner_product_and_leaves_out() {
        let flat = Flat::build([[1.0, 0.0].as_slice(), &[0.0, 1.0], &[2.0, 2.0]].into_iter());
        assert_eq!(flat.search(&[1.0, 0.5], 2, |_| true), [(2, 3.0), (0, 1.0)]);
        assert_eq!(flat.search(&[1.0, 0.5], 5, |item| item != 2), [(0, 1.0), (1, 0.5)]);
        assert_eq!(flat.vector(3), None);
    }

    #[test]
    fn inverted_lists_are_exact_where_every_cell_is_looked_into() {
        let flat = flat();
        let ivf = Ivf::with(&flat, 14, 14);
        for item in [0, 77, 199] {
            let query = flat.vector(item).expect("it exists");
            assert_eq!(ivf.search(query, 10, |_| true), flat.search(query, 10, |_| true));
        }
    }

    #[test]
    fn half_of_the_cells_find_nearly_all() {
        let flat = flat();
        let ivf = Ivf::build(&flat);
        let mut found = 0;
        for item in 0..200 {
            let query = flat.vector(item).expect("it exists");
            let exact = flat.search(query, 10, |_| true);
            let near = ivf.search(query, 10, |_| true);
            found += exact.iter().filter(|hit| near.contains(hit)).count();
        }
        assert!(found > 1700, "{found} of 2000");
    }

    #[test]
    fn no_vectors_no_hits() {
        let flat = Flat::build(std::iter::empty());
        assert!(Ivf::build(&flat).search(&[1.0], 3, |_| true).is_empty());
    }
}
