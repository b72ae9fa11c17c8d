//! What a configuration may say but hardly means.

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use skopos_config::{Position, format_duration};

use super::{Receiver, RouteSpec};

/// Something allowed that looks wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// Where in the file.
    pub position: Option<Position>,
    /// What looks wrong and how to mend it.
    pub message: String,
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(Position { line, column }) = self.position {
            write!(f, "{line}:{column}: ")?;
        }
        f.write_str(&self.message)
    }
}

/// Adds the warnings of the configuration as a whole, and sorts all by their place.
pub(super) fn collect(route: &RouteSpec, receivers: &[Receiver], retention: Duration, into: &mut Vec<Warning>) {
    let mut used = BTreeSet::new();
    route.walk(&mut |route| {
        used.insert(route.receiver.as_str());
        if route.repeat_interval.is_some_and(|interval| interval > retention) {
            let shown = format_duration(retention);
            into.push(Warning {
                position: Some(route.position),
                message: format!(
                    "repeat_interval is longer than the notification log is kept ({shown}): notifications repeat after {shown}; shorten it or raise --data.retention"
                ),
            });
        }
    });
    let unused = receivers
        .iter()
        .filter(|receiver| !used.contains(receiver.name.as_str()));
    into.extend(unused.map(|receiver| Warning {
        position: Some(receiver.position),
        message: format!("no route names the receiver {:?}: it is never notified", receiver.name),
    }));
    into.sort_by_key(|warning| warning.position.map(|position| (position.line, position.column)));
}
