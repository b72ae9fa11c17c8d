//! Builds one pack: rows of the price file into prices in one currency, returns and volatilities, then checks.

use super::price_table::{Header, Row, TableError};
use super::progress::Running;
use super::provider::Provider;
use crate::pack::{self, Pack, Price, annual_volatility};

/// Dates that returns and volatilities are computed from.
const WINDOW: usize = 120;
/// A price that moves further in a day is an error of the file and not of the market.
const LARGEST_MOVE: f64 = 0.5;

/// Why a pack could not be built. It is told to the log, to traces and to error tracking, where neither a security nor a
/// price may stand: a column of the file says which is meant.
#[derive(Debug, thiserror::Error, PartialEq)]
pub(super) enum BuildError {
    #[error(transparent)]
    Table(#[from] TableError),
    #[error("the price file has no row {date}\nask for a date that it has")]
    NoSuchDate { date: String },
    #[error("the price file has no rate for {currency}, the currency of column {column}\nadd the column {currency}USD")]
    NoRate { column: usize, currency: String },
    #[error(
        "column {column} of the price file moves by {percent:.0} % within a day\nask the provider for a corrected file"
    )]
    Jump { column: usize, percent: f64 },
}

/// The last dates of the file, the latest first.
pub(super) fn last_dates(file: &str, count: usize) -> Vec<&str> {
    // From the end: the header is the last line that is met.
    let dates = file.lines().rev().filter_map(|line| line.split(',').next());
    dates.take_while(|date| *date != "date").take(count).collect()
}

/// Builds the pack of a date, row by row as the provider delivers them.
pub(super) async fn build(
    provider: &Provider,
    date: &str,
    version: u64,
    running: &Running,
) -> Result<Pack, BuildError> {
    let file = provider.file();
    let header = Header::parse(file.lines().next().ok_or(TableError::Empty)?)?;
    let lines: Vec<&str> = file.lines().skip(1).collect();
    let is_date = |line: &&str| line.split(',').next() == Some(date);
    let Some(last) = lines.iter().position(is_date) else {
        return Err(BuildError::NoSuchDate { date: date.to_owned() });
    };
    let window = &lines[(last + 1).saturating_sub(WINDOW)..=last];
    let mut rows = Vec::with_capacity(window.len());
    for line in window {
        provider.next_row().await;
        rows.push(header.row(line)?);
        running.row_done(rows.len(), window.len());
    }
    let prices = prices(&header, &rows)?;
    Ok(Pack {
        pack_id: pack::pack_id(date),
        version,
        asof_date: date.to_owned(),
        base_currency: pack::BASE_CURRENCY.to_owned(),
        content_hash: pack::content_hash(&prices),
        prices,
    })
}

fn prices(header: &Header, rows: &[Row]) -> Result<Vec<Price>, BuildError> {
    let columns = header.securities.iter().enumerate();
    columns.map(|(column, _)| price(header, rows, column)).collect()
}

/// The security of a column, in the base currency on every date.
fn price(header: &Header, rows: &[Row], column: usize) -> Result<Price, BuildError> {
    let security = &header.securities[column];
    let no_rate = || BuildError::NoRate {
        column: header.column_of(column),
        currency: security.currency.clone(),
    };
    let mut in_base = Vec::with_capacity(rows.len());
    for row in rows {
        let rate = header.rate(row, &security.currency).ok_or_else(no_rate)?;
        in_base.push(row.prices[column] * rate);
    }
    let returns: Vec<f64> = in_base.windows(2).map(|pair| (pair[1] / pair[0]).ln()).collect();
    if let Some(jump) = returns.iter().find(|change| change.abs() > LARGEST_MOVE) {
        let percent = (jump.exp() - 1.0) * 100.0;
        return Err(BuildError::Jump {
            column: header.column_of(column),
            percent,
        });
    }
    let last = rows.last().ok_or(TableError::Empty)?;
    let fx_rate = header.rate(last, &security.currency).ok_or_else(no_rate)?;
    Ok(Price {
        security: security.name.clone(),
        currency: security.currency.clone(),
        price: last.prices[column],
        fx_rate,
        price_base: last.prices[column] * fx_rate,
        volatility: annual_volatility(&returns),
        returns,
    })
}

#[cfg(test)]
mod tests {
    use prometheus::Registry;
    use skopos_fleet_frame::Fault;

    use super::super::progress::Progress;
    use super::*;

    async fn built(truncated: bool, date: Option<&str>) -> Result<Pack, BuildError> {
        let cut = Fault::default();
        cut.set(truncated);
        let provider = Provider::new(Fault::default(), cut);
        let progress = Progress::register(&Registry::new(), "projected_seconds", "pack_id").expect("a valid name");
        let date = date.unwrap_or(last_dates(provider.file(), 1)[0]);
        build(&provider, date, 1, &progress.start("p")).await
    }

    #[tokio::test]
    async fn the_shipped_file_makes_a_pack_that_can_be_built_again() {
        let pack = built(false, None).await.expect("the file is sound");
        assert_eq!((pack.pack_id.as_str(), pack.prices.len()), ("PP_2026-11-20", 12));
        assert_eq!(pack.content_hash.len(), 64);
        for price in &pack.prices {
            assert_eq!(price.returns.len(), WINDOW - 1);
            assert!((price.price * price.fx_rate - price.price_base).abs() < 1e-9);
            assert!((0.001..1.0).contains(&price.volatility), "{price:?}");
        }
        let again = built(false, None).await.expect("the file is sound");
        assert_eq!(again.content_hash, pack.content_hash);
        let before = built(false, Some("2026-11-19")).await.expect("the day before");
        assert_ne!(before.content_hash, pack.content_hash);
    }

    #[tokio::test]
    async fn a_file_that_is_cut_off_makes_none() {
        let error = built(true, None).await.expect_err("the last row is short");
        assert!(matches!(error, BuildError::Table(TableError::Short { .. })), "{error}");
        let error = built(false, Some("1999-01-01")).await.expect_err("no such row");
        assert!(matches!(error, BuildError::NoSuchDate { .. }), "{error}");
    }

    #[test]
    fn a_foreign_price_is_converted_on_its_own_date() {
        let header = Header::parse("date,EURUSD,B/EUR").expect("a header");
        let rows = ["d1,1.0,10", "d2,1.1,10"].map(|line| header.row(line).expect("a row"));
        let price = price(&header, &rows, 0).expect("sound");
        assert!((price.price_base - 11.0).abs() < 1e-9);
        assert!(
            (price.returns[0] - 1.1_f64.ln()).abs() < 1e-12,
            "the currency moved alone"
        );
        let rows = ["d1,1.0,10", "d2,1.0,100"].map(|line| header.row(line).expect("a row"));
        let error = super::price(&header, &rows, 0).expect_err("a jump");
        assert!(matches!(error, BuildError::Jump { column: 3, .. }), "{error}");
        let header = Header::parse("date,EURUSD,B/CHF").expect("a header");
        let error = super::price(&header, &rows, 0).expect_err("no rate");
        assert!(matches!(error, BuildError::NoRate { column: 3, .. }), "{error}");
    }
}
