//! Functions of one float: mathematics and dates.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

/// The function of that name over single floats, if it is one.
pub(crate) fn math(name: &str) -> Option<fn(f64) -> f64> {
    Some(match name {
        "abs" => f64::abs,
        "acos" => f64::acos,
        "acosh" => f64::acosh,
        "asin" => f64::asin,
        "asinh" => f64::asinh,
        "atan" => f64::atan,
        "atanh" => f64::atanh,
        "ceil" => f64::ceil,
        "cos" => f64::cos,
        "cosh" => f64::cosh,
        "deg" => |value| value * 180.0 / std::f64::consts::PI,
        "exp" => f64::exp,
        "floor" => f64::floor,
        "ln" => f64::ln,
        "log10" => f64::log10,
        "log2" => f64::log2,
        "rad" => |value| value * std::f64::consts::PI / 180.0,
        "sgn" => |value| {
            if value < 0.0 {
                -1.0
            } else if value > 0.0 {
                1.0
            } else {
                value
            }
        },
        "sin" => f64::sin,
        "sinh" => f64::sinh,
        "sqrt" => f64::sqrt,
        "tan" => f64::tan,
        "tanh" => f64::tanh,
        _ => return None,
    })
}

/// The function of that name over seconds since the Unix epoch in UTC, if it is one.
pub(crate) fn date(name: &str) -> Option<fn(f64) -> f64> {
    Some(match name {
        "day_of_month" => |seconds| on_date(seconds, |date| f64::from(date.day())),
        "day_of_week" => |seconds| on_date(seconds, |date| f64::from(date.weekday().to_sunday_zero_offset())),
        "day_of_year" => |seconds| on_date(seconds, |date| f64::from(date.day_of_year())),
        "days_in_month" => |seconds| on_date(seconds, |date| f64::from(date.days_in_month())),
        "hour" => |seconds| on_date(seconds, |date| f64::from(date.hour())),
        "minute" => |seconds| on_date(seconds, |date| f64::from(date.minute())),
        "month" => |seconds| on_date(seconds, |date| f64::from(date.month())),
        "year" => |seconds| on_date(seconds, |date| f64::from(date.year())),
        _ => return None,
    })
}

/// NaN for what no calendar of ours reaches.
fn on_date(seconds: f64, part: impl Fn(DateTime) -> f64) -> f64 {
    let time = Timestamp::from_second(seconds as i64);
    time.map_or(f64::NAN, |time| part(time.to_zoned(TimeZone::UTC).datetime()))
}
