//! Windows of floats as bytes: column by column, each as what it takes least. Columns that are
//! compressed are so together with the same column of neighbouring runs, as floats are.

use skopos_core::metric::FloatWindow;
use skopos_storage::codec::{Reader, Writer};

use super::values::{self, GroupReader};
use super::{MAX_RUN, times};

/// Columns, in the order of a cell.
const COLUMNS: usize = 9;
const COUNT: usize = 0;
const FIRST: usize = 1;
/// Fewest values of a column in a group that are compressed.
const MIN_VALUES: usize = 24;

/// One value for all windows.
const CONSTANT: u64 = 0;
/// The values of an earlier column.
const SAME: u64 = 1;
/// Count times first, window by window.
const PRODUCT: u64 = 2;
/// A page of the column's chunk.
const PAGE: u64 = 3;
/// Floats as they are.
const PLAIN: u64 = 4;

/// A column of a window.
fn value(window: &FloatWindow, column: usize) -> f64 {
    match column {
        COUNT => window.count,
        FIRST => window.first,
        2 => window.last,
        3 => window.sum,
        4 => window.min,
        5 => window.max,
        6 => window.lost,
        7 => window.resets,
        // A marker comes after the last sample, so zero is none.
        _ => window
            .stale_ms
            .map_or(0.0, |stale_ms| (stale_ms - window.last_ms) as f64),
    }
}

/// Runs as bytes: what they share, where they do, and a cell for each.
pub(super) struct Encoded {
    pub(super) shared: Option<Vec<u8>>,
    pub(super) cells: Vec<Vec<u8>>,
}

/// How a column of a run is written.
enum Form {
    Constant(f64),
    Same(usize),
    Product,
    Values(Vec<f64>),
}

fn form(columns: &[Vec<f64>], column: usize) -> Form {
    let values = &columns[column];
    let is = |others: &mut dyn Iterator<Item = f64>| values.iter().zip(others).all(|(a, b)| a.to_bits() == b.to_bits());
    if let Some(same) = (0..column).find(|other| is(&mut columns[*other].iter().copied())) {
        return Form::Same(same);
    }
    if is(&mut std::iter::repeat(values[0])) {
        return Form::Constant(values[0]);
    }
    let mut products = columns[COUNT]
        .iter()
        .zip(&columns[FIRST])
        .map(|(count, first)| count * first);
    if column > FIRST && is(&mut products) {
        return Form::Product;
    }
    Form::Values(values.clone())
}

/// Encodes runs, none of them empty.
pub(super) fn encode(runs: &[&[FloatWindow]]) -> Encoded {
    let mut forms: Vec<Vec<Form>> = Vec::with_capacity(runs.len());
    for run in runs {
        let column = |column| run.iter().map(|window| value(window, column)).collect();
        let columns: Vec<Vec<f64>> = (0..COLUMNS).map(column).collect();
        forms.push((0..COLUMNS).map(|column| form(&columns, column)).collect());
    }
    let mut shared = Writer::default();
    let mut pages: Vec<Vec<Option<Vec<u8>>>> = runs.iter().map(|_| Vec::with_capacity(COLUMNS)).collect();
    let mut has_shared = false;
    for column in 0..COLUMNS {
        let compressed = compress(&forms, column);
        has_shared |= compressed.is_some();
        let (chunk, cells) = compressed.unwrap_or_default();
        shared.bytes(&chunk);
        for pages in &mut pages {
            pages.push(None);
        }
        for (run, page) in cells {
            pages[run][column] = Some(page);
        }
    }
    let cells = forms.iter().zip(&pages).map(|(forms, pages)| cell(forms, pages));
    Encoded {
        cells: cells.collect(),
        shared: has_shared.then(|| shared.into_bytes()),
    }
}

/// A chunk of one column, and with the numbers of runs their pages.
type Compressed = (Vec<u8>, Vec<(usize, Vec<u8>)>);

/// Compresses a column; `None` where too little of it is worth it.
fn compress(forms: &[Vec<Form>], column: usize) -> Option<Compressed> {
    let chosen = forms
        .iter()
        .enumerate()
        .filter_map(|(run, forms)| match &forms[column] {
            Form::Values(values) => Some((run, values.as_slice())),
            _ => None,
        });
    let (runs, slices): (Vec<usize>, Vec<&[f64]>) = chosen.unzip();
    if slices.iter().map(|values| values.len()).sum::<usize>() < MIN_VALUES {
        return None;
    }
    let encoded = values::encode(&slices)?;
    Some((encoded.shared, runs.into_iter().zip(encoded.cells).collect()))
}

fn cell(forms: &[Form], pages: &[Option<Vec<u8>>]) -> Vec<u8> {
    let mut out = Writer::default();
    for (form, page) in forms.iter().zip(pages) {
        match (form, page) {
            (Form::Constant(value), _) => {
                out.u64(CONSTANT);
                out.f64(*value);
            }
            (Form::Same(column), _) => {
                out.u64(SAME);
                out.u64(*column as u64);
            }
            (Form::Product, _) => out.u64(PRODUCT),
            (Form::Values(_), Some(page)) => {
                out.u64(PAGE);
                out.bytes(page);
            }
            (Form::Values(values), None) => {
                out.u64(PLAIN);
                for value in values {
                    out.f64(*value);
                }
            }
        }
    }
    out.into_bytes()
}

/// Times of the last samples, then of the first ones.
pub(super) fn encode_times(windows: &[FloatWindow]) -> Vec<u8> {
    let last: Vec<i64> = windows.iter().map(|window| window.last_ms).collect();
    let first: Vec<i64> = windows.iter().map(|window| window.first_ms).collect();
    let mut out = Writer::default();
    out.bytes(&times::encode(&last));
    out.bytes(&times::encode(&first));
    out.into_bytes()
}

/// Both lists of [`encode_times`], one after the other.
pub(super) fn decode_times(cell: &[u8], count: usize) -> Option<Vec<i64>> {
    let mut input = Reader::new(cell);
    let mut all = times::decode(input.bytes()?, count)?;
    all.extend(times::decode(input.bytes()?, count)?);
    Some(all)
}

/// What the pages of a group share.
pub(super) struct WindowGroup {
    columns: Vec<Option<GroupReader>>,
}

impl WindowGroup {
    pub(super) fn new(shared: &[u8]) -> Option<Self> {
        let mut input = Reader::new(shared);
        let mut columns = Vec::with_capacity(COLUMNS);
        for _ in 0..COLUMNS {
            let chunk = input.bytes()?;
            columns.push(if chunk.is_empty() {
                None
            } else {
                Some(GroupReader::new(chunk)?)
            });
        }
        Some(Self { columns })
    }
}

/// Reads a run of `count` windows; `times_ms` are those of [`decode_times`].
pub(super) fn decode(
    cell: &[u8],
    times_ms: &[i64],
    count: usize,
    resolution_ms: i64,
    mut group: Option<&mut WindowGroup>,
) -> Option<Vec<FloatWindow>> {
    let (last_ms, first_ms) = times_ms.split_at_checked(count)?;
    if count > MAX_RUN || first_ms.len() != count {
        return None;
    }
    let mut input = Reader::new(cell);
    let mut columns: Vec<Vec<f64>> = Vec::with_capacity(COLUMNS);
    for column in 0..COLUMNS {
        let values = match input.u64()? {
            CONSTANT => vec![input.f64()?; count],
            SAME => columns.get(usize::try_from(input.u64()?).ok()?)?.clone(),
            PRODUCT => {
                let pairs = columns.get(COUNT)?.iter().zip(columns.get(FIRST)?);
                pairs.map(|(count, first)| count * first).collect()
            }
            PAGE => {
                let chunk = group.as_mut()?.columns[column].as_mut()?;
                let mut values = Vec::with_capacity(count);
                chunk.read(input.bytes()?, count, &mut values)?;
                values
            }
            PLAIN => (0..count).map(|_| input.f64()).collect::<Option<_>>()?,
            _ => return None,
        };
        columns.push(values);
    }
    let window = |at: usize| {
        let stale = columns[8][at];
        FloatWindow {
            resolution_ms,
            first_ms: first_ms[at],
            last_ms: last_ms[at],
            count: columns[COUNT][at],
            first: columns[FIRST][at],
            last: columns[2][at],
            sum: columns[3][at],
            min: columns[4][at],
            max: columns[5][at],
            lost: columns[6][at],
            resets: columns[7][at],
            stale_ms: (stale > 0.0).then(|| last_ms[at].saturating_add(stale as i64)),
        }
    };
    Some((0..count).map(window).collect())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn window() -> impl Strategy<Value = FloatWindow> {
        let value = prop_oneof![Just(0.0), Just(1.5), any::<f64>(), (0i32..100).prop_map(f64::from)];
        (
            proptest::collection::vec(value, 8),
            0i64..1 << 40,
            0i64..300_000,
            proptest::option::of(1i64..400_000),
        )
            .prop_map(|(values, last_ms, before_ms, stale)| FloatWindow {
                resolution_ms: 300_000,
                first_ms: last_ms - before_ms,
                last_ms,
                count: values[0],
                sum: values[1],
                min: values[2],
                max: values[3],
                first: values[4],
                last: values[5],
                lost: values[6],
                resets: values[7],
                stale_ms: stale.map(|after_ms| last_ms + after_ms),
            })
    }

    fn decoded(encoded: &Encoded, runs: &[Vec<FloatWindow>]) -> Vec<Vec<FloatWindow>> {
        let mut group = encoded
            .shared
            .as_deref()
            .map(|shared| WindowGroup::new(shared).expect("reads"));
        let pairs = runs.iter().zip(&encoded.cells);
        let read = |(run, cell): (&Vec<FloatWindow>, &Vec<u8>)| {
            let times_ms = decode_times(&encode_times(run), run.len()).expect("reads");
            decode(cell, &times_ms, run.len(), 300_000, group.as_mut()).expect("reads")
        };
        pairs.map(read).collect()
    }

    proptest! {
        #[test]
        fn any_windows_come_back(runs in proptest::collection::vec(proptest::collection::vec(window(), 1..40), 1..6)) {
            let slices: Vec<&[FloatWindow]> = runs.iter().map(Vec::as_slice).collect();
            let encoded = encode(&slices);
            // NaN is not equal to itself; its text is.
            prop_assert_eq!(format!("{:?}", decoded(&encoded, &runs)), format!("{runs:?}"));
        }

        #[test]
        fn random_bytes_never_panic(cell in proptest::collection::vec(any::<u8>(), 0..200), count in 0usize..50) {
            let _ = decode_times(&cell, count);
            let mut group = WindowGroup::new(&cell);
            let _ = decode(&cell, &vec![0; 2 * count], count, 1, group.as_mut());
        }
    }

    #[test]
    fn a_series_that_does_not_change_is_a_few_bytes() {
        let run: Vec<FloatWindow> = (1..=288)
            .map(|i| FloatWindow {
                count: 20.0,
                sum: 20.0,
                ..FloatWindow::of_sample(i * 300_000, 1.0)
            })
            .collect();
        let encoded = encode(&[&run]);
        assert!(encoded.cells[0].len() < 60, "{}", encoded.cells[0].len());
        assert_eq!(encoded.shared, None);
    }
}
