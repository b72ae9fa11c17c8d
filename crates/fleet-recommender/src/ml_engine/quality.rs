//! How good a ranking is against what a user did later: NDCG, MAP, precision and recall at a cut.

use std::collections::BTreeSet;

/// The cut of all four.
pub(super) const AT: usize = 10;

/// Means over users.
#[derive(Debug, Clone, Copy, Default, PartialEq, serde::Serialize)]
pub(super) struct Quality {
    pub(super) ndcg: f64,
    pub(super) map: f64,
    pub(super) precision: f64,
    pub(super) recall: f64,
}

/// The four figures of one ranking; `relevant` must not be empty.
///
/// NDCG with binary gains and the discount `1 / log2(1 + rank)` (Järvelin and Kekäläinen, 2002); average precision is
/// divided by the number of relevant items that fit above the cut.
pub(super) fn of_ranking(ranked: &[u32], relevant: &BTreeSet<u32>) -> Quality {
    let best = relevant.len().min(AT);
    let (mut found, mut gain, mut precisions) = (0_usize, 0.0, 0.0);
    for (place, item) in ranked.iter().take(AT).enumerate() {
        if relevant.contains(item) {
            found += 1;
            gain += discount(place);
            precisions += found as f64 / (place + 1) as f64;
        }
    }
    let ideal: f64 = (0..best).map(discount).sum();
    Quality {
        ndcg: gain / ideal,
        map: precisions / best as f64,
        precision: found as f64 / AT as f64,
        recall: found as f64 / relevant.len() as f64,
    }
}

/// Places are counted from 0.
fn discount(place: usize) -> f64 {
    1.0 / ((place + 2) as f64).log2()
}

/// The mean over rankings; all zero where there is none.
pub(super) fn mean(each: &[Quality]) -> Quality {
    let count = each.len().max(1) as f64;
    let mean = |figure: fn(&Quality) -> f64| each.iter().map(figure).sum::<f64>() / count;
    Quality {
        ndcg: mean(|quality| quality.ndcg),
        map: mean(|quality| quality.map),
        precision: mean(|quality| quality.precision),
        recall: mean(|quality| quality.recall),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(got: Quality, want: [f64; 4]) {
        let got = [got.ndcg, got.map, got.precision, got.recall];
        for (got, want) in got.iter().zip(want) {
            assert!((got - want).abs() < 1e-9, "{got} is not {want}");
        }
    }

    #[test]
    fn hits_in_places_one_and_three_of_three_relevant() {
        // By hand: DCG = 1 + 1/log2(4) = 1.5; IDCG = 1 + 1/log2(3) + 1/2 = 2.130929753571457.
        // AP = (1/1 + 2/3) / 3 = 0.555…; P = 2/10; R = 2/3.
        let got = of_ranking(&[7, 1, 8, 2, 3, 4, 5, 6, 10, 11, 9], &BTreeSet::from([7, 8, 9]));
        close(got, [1.5 / 2.130_929_753_571_457, 5.0 / 9.0, 0.2, 2.0 / 3.0]);
    }

    #[test]
    fn a_perfect_and_a_useless_ranking() {
        let relevant: BTreeSet<u32> = (0..10).collect();
        let perfect: Vec<u32> = (0..10).collect();
        close(of_ranking(&perfect, &relevant), [1.0; 4]);
        close(of_ranking(&[90, 91], &relevant), [0.0; 4]);
        close(of_ranking(&[], &relevant), [0.0; 4]);
    }

    #[test]
    fn more_relevant_items_than_places() {
        // 20 relevant, all ten places hit: NDCG, MAP and precision are 1, recall a half.
        let relevant: BTreeSet<u32> = (0..20).collect();
        let ranked: Vec<u32> = (0..20).collect();
        close(of_ranking(&ranked, &relevant), [1.0, 1.0, 1.0, 0.5]);
    }

    #[test]
    fn only_the_last_place_is_hit() {
        let ranked: Vec<u32> = (0..10).collect();
        let got = of_ranking(&ranked, &BTreeSet::from([9]));
        close(got, [1.0 / 11.0_f64.log2(), 0.1, 0.1, 1.0]);
    }

    #[test]
    fn means() {
        let one = Quality {
            ndcg: 1.0,
            map: 0.5,
            precision: 0.2,
            recall: 0.0,
        };
        close(mean(&[one, Quality::default()]), [0.5, 0.25, 0.1, 0.0]);
        close(mean(&[]), [0.0; 4]);
    }
}
