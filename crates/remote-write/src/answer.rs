//! What an answer of the receiver means.

use std::time::Duration;

/// How much a request carried, or how much of it was written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sent {
    /// Float samples.
    pub samples: u64,
    /// Native histograms.
    pub histograms: u64,
    /// Exemplars.
    pub exemplars: u64,
}

impl Sent {
    /// All of them.
    pub fn total(self) -> u64 {
        self.samples + self.histograms + self.exemplars
    }
}

/// An answer, as far as it matters.
#[derive(Debug, Clone, Copy, Default)]
pub struct Answer<'a> {
    /// The status code.
    pub status: u16,
    /// The header `Retry-After`.
    pub retry_after: Option<&'a str>,
    /// The headers `X-Prometheus-Remote-Write-{Samples,Histograms,Exemplars}-Written`.
    pub written: [Option<&'a str>; 3],
}

/// Why a receiver will never take a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Refusal {
    /// Status 400: broken, out of order, or too old.
    BadRequest,
    /// Status 401 or 403.
    Unauthorized,
    /// Status 404 or 405.
    NotFound,
    /// Status 413.
    TooLarge,
    /// Status 415: another version of the protocol.
    UnsupportedMessage,
    /// Status 429, where it is not tried again.
    RateLimited,
    /// Another status below 500.
    OtherStatus,
    /// A success by its status, but the receiver does not say that it wrote anything: it does not know
    /// version 2.0.
    NotConfirmed,
}

impl Refusal {
    /// The value of the label `reason`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::BadRequest => "bad_request",
            Self::Unauthorized => "unauthorized",
            Self::NotFound => "not_found",
            Self::TooLarge => "too_large",
            Self::UnsupportedMessage => "unsupported_message",
            Self::RateLimited => "rate_limited",
            Self::OtherStatus => "other_status",
            Self::NotConfirmed => "not_confirmed",
        }
    }
}

/// What becomes of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The receiver has it; of version 2.0, so much of it.
    Taken(Sent),
    /// It may take it later.
    Again {
        /// How long it asked to be left alone.
        after: Option<Duration>,
    },
    /// It will never take it, but for what it says that it wrote.
    Refused(Refusal, Sent),
}

/// Judges the answer to a request with `sent`. `counts_written` says whether the protocol's version has the
/// receiver tell what it wrote (2.0). `now_s` is in seconds since the Unix epoch, for `Retry-After`.
pub fn judge(answer: Answer<'_>, sent: Sent, counts_written: bool, retry_on_429: bool, now_s: i64) -> Verdict {
    match answer.status {
        200..300 if counts_written => confirmed(answer, sent),
        200..300 => Verdict::Taken(sent),
        429 if retry_on_429 => Verdict::Again {
            after: retry_after(answer.retry_after, now_s),
        },
        500.. => Verdict::Again {
            after: retry_after(answer.retry_after, now_s),
        },
        status => Verdict::Refused(refusal(status), written(answer, sent).unwrap_or_default()),
    }
}

fn confirmed(answer: Answer<'_>, sent: Sent) -> Verdict {
    match written(answer, sent) {
        Some(written) => Verdict::Taken(written),
        None if sent.total() == 0 => Verdict::Taken(sent),
        None => Verdict::Refused(Refusal::NotConfirmed, Sent::default()),
    }
}

/// What the headers say, never more than was sent; `None` where there is no such header.
fn written(answer: Answer<'_>, sent: Sent) -> Option<Sent> {
    if answer.written.iter().all(Option::is_none) {
        return None;
    }
    let [samples, histograms, exemplars] = answer
        .written
        .map(|text| text.and_then(|text| text.trim().parse::<u64>().ok()).unwrap_or(0));
    Some(Sent {
        samples: samples.min(sent.samples),
        histograms: histograms.min(sent.histograms),
        exemplars: exemplars.min(sent.exemplars),
    })
}

const fn refusal(status: u16) -> Refusal {
    match status {
        400 => Refusal::BadRequest,
        401 | 403 => Refusal::Unauthorized,
        404 | 405 => Refusal::NotFound,
        413 => Refusal::TooLarge,
        415 => Refusal::UnsupportedMessage,
        429 => Refusal::RateLimited,
        _ => Refusal::OtherStatus,
    }
}

/// Seconds, or a date.
fn retry_after(header: Option<&str>, now_s: i64) -> Option<Duration> {
    let header = header?.trim();
    if let Ok(seconds) = header.parse::<u32>() {
        return Some(Duration::from_secs(u64::from(seconds)));
    }
    let at = jiff::fmt::rfc2822::parse(header).ok()?.timestamp().as_second();
    Some(Duration::from_secs(
        u64::try_from(at.saturating_sub(now_s)).unwrap_or(0),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SENT: Sent = Sent {
        samples: 10,
        histograms: 2,
        exemplars: 1,
    };

    fn of(status: u16, retry_after: Option<&str>) -> Verdict {
        let answer = Answer {
            status,
            retry_after,
            ..Answer::default()
        };
        judge(answer, SENT, false, true, 784_111_777)
    }

    #[test]
    fn servers_errors_are_tried_again_and_others_are_not() {
        assert_eq!(of(204, None), Verdict::Taken(SENT));
        assert_eq!(of(503, None), Verdict::Again { after: None });
        let after = |seconds| Verdict::Again {
            after: Some(Duration::from_secs(seconds)),
        };
        assert_eq!(of(503, Some("120")), after(120));
        assert_eq!(of(429, Some("Sun, 06 Nov 1994 08:49:39 GMT")), after(2));
        assert_eq!(of(500, Some("Sun, 06 Nov 1994 08:49:00 GMT")), after(0));
        assert_eq!(of(500, Some("soon")), Verdict::Again { after: None });
        for (status, refusal) in [
            (400, Refusal::BadRequest),
            (403, Refusal::Unauthorized),
            (404, Refusal::NotFound),
            (413, Refusal::TooLarge),
            (302, Refusal::OtherStatus),
            (418, Refusal::OtherStatus),
        ] {
            assert_eq!(of(status, None), Verdict::Refused(refusal, Sent::default()));
        }
        let limited = Answer {
            status: 429,
            ..Answer::default()
        };
        assert_eq!(
            judge(limited, SENT, false, false, 0),
            Verdict::Refused(Refusal::RateLimited, Sent::default())
        );
    }

    #[test]
    fn version_2_says_what_was_written() {
        let answer = |status, written| Answer {
            status,
            retry_after: None,
            written,
        };
        let some = [Some("7"), Some("2"), Some("99")];
        let written = Sent {
            samples: 7,
            histograms: 2,
            exemplars: 1,
        };
        assert_eq!(judge(answer(204, some), SENT, true, false, 0), Verdict::Taken(written));
        assert_eq!(
            judge(answer(400, some), SENT, true, false, 0),
            Verdict::Refused(Refusal::BadRequest, written)
        );
        assert_eq!(
            judge(answer(200, [None; 3]), SENT, true, false, 0),
            Verdict::Refused(Refusal::NotConfirmed, Sent::default())
        );
        assert_eq!(
            judge(answer(200, [None; 3]), Sent::default(), true, false, 0),
            Verdict::Taken(Sent::default())
        );
    }
}
