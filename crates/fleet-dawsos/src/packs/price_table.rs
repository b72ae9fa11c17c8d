//! Reads the price file: a header that names currencies and securities, then a row a date.

/// Column of a security: its name and its currency.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Security {
    pub(super) name: String,
    pub(super) currency: String,
}

/// Which column is what.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Header {
    /// Currencies of the rates to the base currency, in order.
    pub(super) currencies: Vec<String>,
    /// Securities, in order, after the rates.
    pub(super) securities: Vec<Security>,
}

/// The prices of one date.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Row {
    pub(super) date: String,
    pub(super) rates: Vec<f64>,
    pub(super) prices: Vec<f64>,
}

/// Why a line is not what it must be, without what stands in it: see [`super::build::BuildError`].
#[derive(Debug, thiserror::Error, PartialEq)]
pub(super) enum TableError {
    #[error("the price file is empty\nfetch it again from the provider")]
    Empty,
    #[error(
        "column {column} of the price file is neither of a rate nor of a security\ncolumns are date, XXXUSD, SECURITY/XXX"
    )]
    Column { column: usize },
    #[error(
        "row {date} of the price file has {found} columns of {expected}\nthe transfer was cut off: fetch the file again"
    )]
    Short {
        date: String,
        found: usize,
        expected: usize,
    },
    #[error(
        "row {date} of the price file has no price in column {column}\nprices are numbers above 0: ask the provider for a corrected file"
    )]
    Price { date: String, column: usize },
}

impl Header {
    pub(super) fn parse(line: &str) -> Result<Self, TableError> {
        let mut header = Self {
            currencies: Vec::new(),
            securities: Vec::new(),
        };
        for (index, column) in line.split(',').enumerate().skip(1) {
            if let Some((name, currency)) = column.split_once('/') {
                header.securities.push(Security {
                    name: name.to_owned(),
                    currency: currency.to_owned(),
                });
            } else if let Some(currency) = column.strip_suffix(crate::pack::BASE_CURRENCY)
                && header.securities.is_empty()
            {
                header.currencies.push(currency.to_owned());
            } else {
                return Err(TableError::Column { column: index + 1 });
            }
        }
        Ok(header)
    }

    pub(super) fn row(&self, line: &str) -> Result<Row, TableError> {
        let cells: Vec<&str> = line.split(',').collect();
        let date = cells[0].to_owned();
        let expected = 1 + self.currencies.len() + self.securities.len();
        if cells.len() != expected {
            return Err(TableError::Short {
                date,
                found: cells.len(),
                expected,
            });
        }
        let mut numbers = cells
            .iter()
            .enumerate()
            .skip(1)
            .map(|(index, text)| match text.parse() {
                Ok(number) if f64::is_finite(number) && number > 0.0 => Ok(number),
                _ => Err(TableError::Price {
                    date: date.clone(),
                    column: index + 1,
                }),
            });
        let rates = numbers.by_ref().take(self.currencies.len()).collect::<Result<_, _>>()?;
        let prices = numbers.collect::<Result<_, _>>()?;
        Ok(Row {
            date: cells[0].to_owned(),
            rates,
            prices,
        })
    }

    /// Column of the file, counted from 1, of the security at this index.
    pub(super) fn column_of(&self, security: usize) -> usize {
        // The date is the first.
        2 + self.currencies.len() + security
    }

    /// Base currency for one unit of `currency` on the date of the row.
    pub(super) fn rate(&self, row: &Row, currency: &str) -> Option<f64> {
        if currency == crate::pack::BASE_CURRENCY {
            return Some(1.0);
        }
        let column = self.currencies.iter().position(|known| known == currency)?;
        row.rates.get(column).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = "date,EURUSD,A/USD,B/EUR";

    #[test]
    fn a_row_is_read_by_its_header() {
        let header = Header::parse(HEADER).expect("a header");
        let row = header.row("2026-01-02,1.5,10,20").expect("a row");
        assert_eq!(
            (row.rates.as_slice(), row.prices.as_slice()),
            (&[1.5][..], &[10.0, 20.0][..])
        );
        assert_eq!(
            (header.rate(&row, "EUR"), header.rate(&row, "USD")),
            (Some(1.5), Some(1.0))
        );
        assert_eq!(header.rate(&row, "CHF"), None);
    }

    #[test]
    fn what_is_wrong_is_named() {
        let header = Header::parse(HEADER).expect("a header");
        let short = header.row("2026-01-02,1.5").expect_err("cut off").to_string();
        assert!(
            short.contains("2026-01-02") && short.contains("2 columns of 4"),
            "{short}"
        );
        for text in ["0", "-1", "NaN", "inf", "x", ""] {
            let line = format!("2026-01-02,1.5,10,{text}");
            let error = header.row(&line).expect_err(text);
            assert!(matches!(error, TableError::Price { column: 4, .. }), "{text}: {error}");
        }
        assert_eq!(
            Header::parse("date,A/USD,EURUSD"),
            Err(TableError::Column { column: 3 }),
            "rates come first"
        );
    }
}
