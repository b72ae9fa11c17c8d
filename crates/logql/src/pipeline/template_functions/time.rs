//! Functions on times.

use std::time::{SystemTime, UNIX_EPOCH};

use jiff::tz::TimeZone;
use skopos_template::{TimeValue, Value};

use super::{Answer, Arguments};

pub(super) const NAMES: &[&str] = &[
    "now",
    "unixEpoch",
    "unixEpochMillis",
    "unixEpochNanos",
    "toDate",
    "toDateInZone",
    "unixToTime",
    "date",
];

pub(super) fn call(arguments: &Arguments<'_>) -> Answer {
    let epoch = |divisor: i64| -> Answer {
        arguments.expect(1)?;
        let Some(Value::Time(time)) = arguments.values.first() else {
            return Err("wrong type for value; expected time.Time".to_owned());
        };
        Ok(Value::from(
            time.nanoseconds.div_euclid(i128::from(divisor)).to_string(),
        ))
    };
    match arguments.name {
        "now" => {
            arguments.expect(0)?;
            let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            Ok(Value::Time(TimeValue::utc(since.as_nanos() as i64)))
        }
        "unixEpoch" => epoch(1_000_000_000),
        "unixEpochMillis" => epoch(1_000_000),
        "unixEpochNanos" => epoch(1),
        "toDate" => {
            arguments.expect(2)?;
            Ok(to_date(arguments.text(0)?, arguments.text(1)?, TimeZone::UTC))
        }
        "toDateInZone" => {
            arguments.expect(3)?;
            let zone = TimeZone::get(arguments.text(1)?).unwrap_or(TimeZone::UTC);
            Ok(to_date(arguments.text(0)?, arguments.text(2)?, zone))
        }
        "unixToTime" => {
            arguments.expect(1)?;
            unix_to_time(arguments.text(0)?)
        }
        _ => {
            arguments.expect(2)?;
            match &arguments.values[1] {
                Value::Time(time) => Ok(Value::from(time.format(arguments.text(0)?))),
                other => Ok(Value::from(
                    TimeValue::utc(super::number::to_int(other).saturating_mul(1_000_000_000))
                        .format(arguments.text(0)?),
                )),
            }
        }
    }
}

/// The unit follows from the number of digits: days, seconds, milli-, micro-, nanoseconds.
fn unix_to_time(text: &str) -> Answer {
    let failed = || format!("unable to parse time '{text}'");
    let number: i64 = text.parse().map_err(|_| failed())?;
    let unit = match text.len() {
        5 => 86_400_000_000_000,
        10 => 1_000_000_000,
        13 => 1_000_000,
        16 => 1_000,
        19 => 1,
        _ => return Err(failed()),
    };
    let nanoseconds = number.checked_mul(unit).ok_or_else(failed)?;
    Ok(Value::Time(TimeValue::utc(nanoseconds)))
}

/// Reads a time by a layout of Go; what does not fit is the epoch.
fn to_date(layout: &str, text: &str, zone: TimeZone) -> Value {
    let epoch = TimeValue {
        nanoseconds: 0,
        zone: zone.clone(),
    };
    Value::Time(TimeValue::parse(layout, text, zone).unwrap_or(epoch))
}
