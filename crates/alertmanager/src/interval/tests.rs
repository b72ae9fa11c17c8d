//! Time intervals: containment and reading.

use jiff::Timestamp;
use skopos_config::strict;

use super::TimeInterval;

fn read(spec: &str) -> Result<TimeInterval, String> {
    let node = strict::parse(spec).map_err(|problem| problem.message)?;
    TimeInterval::read(&node, "Europe/Berlin").map_err(|problem| problem.message)
}

fn contains(spec: &str, instant: &str) -> bool {
    let instant: Timestamp = instant.parse().expect("an instant");
    read(spec).expect(spec).contains(instant.as_millisecond())
}

#[test]
fn the_end_of_a_time_is_excluded_and_a_day_ends_at_24() {
    let evening = "times: [{start_time: '22:00', end_time: '24:00'}]";
    assert!(!contains(evening, "2024-01-01T21:59:59Z"));
    assert!(contains(evening, "2024-01-01T22:00:00Z"));
    assert!(contains(evening, "2024-01-01T23:59:59.999Z"));
    assert!(!contains(evening, "2024-01-02T00:00:00Z"));
    let morning = "times: [{start_time: '09:00', end_time: '12:00'}]";
    assert!(contains(morning, "2024-01-01T11:59:59Z"));
    assert!(!contains(morning, "2024-01-01T12:00:00Z"));
}

#[test]
fn clocks_follow_daylight_saving() {
    let office = "{times: [{start_time: '09:00', end_time: '17:00'}], location: Europe/Berlin}";
    assert!(contains(office, "2024-01-10T08:00:00Z"));
    assert!(!contains(office, "2024-01-10T07:00:00Z"));
    assert!(contains(office, "2024-07-10T07:00:00Z"));
    assert!(!contains(office, "2024-07-10T15:00:00Z"));
    assert!(contains(
        "{weekdays: [monday], location: Local}",
        "2024-01-07T23:30:00Z"
    ));
    assert!(!contains("{weekdays: [monday]}", "2024-01-07T23:30:00Z"));
}

#[test]
fn days_are_cut_to_the_month() {
    assert!(contains("days_of_month: ['28:31']", "2023-02-28T12:00:00Z"));
    assert!(!contains("days_of_month: ['29:31']", "2023-02-28T12:00:00Z"));
    assert!(contains("days_of_month: ['-1']", "2024-02-29T12:00:00Z"));
    assert!(contains("days_of_month: ['1:-1']", "2024-02-15T12:00:00Z"));
    // 31 days before the end of a short month is before its first day.
    assert!(contains("days_of_month: ['-31:-20']", "2024-02-01T12:00:00Z"));
}

#[test]
fn an_empty_list_never_holds() {
    assert!(contains("{}", "2024-01-01T00:00:00Z"));
    assert!(contains("times:", "2024-01-01T00:00:00Z"));
    assert!(!contains("times: []", "2024-01-01T00:00:00Z"));
}

#[test]
fn instants_beyond_the_calendar_are_outside() {
    assert!(!read("{}").expect("the empty interval").contains(i64::MAX));
}

#[test]
fn what_is_refused() {
    for (spec, words) in [
        (
            "times: [{start_time: '9:00', end_time: '10:00'}]",
            "couldn't parse timestamp 9:00, invalid format",
        ),
        (
            "times: [{start_time: '09:00'}]",
            "both start and end times must be provided",
        ),
        ("weekdays: ['friday:monday']", "start day cannot be before end day"),
        (
            "weekdays: ['monday:tuesday:friday']",
            "couldn't parse range monday:tuesday:friday, invalid format",
        ),
        ("weekdays: ['1']", "1 is not a valid weekday"),
        (
            "days_of_month: ['32']",
            "32 is not a valid day of the month: out of range",
        ),
        ("days_of_month: ['10:-25']", "end day -25 is always before start day 10"),
        ("days_of_month: [x]", "strconv.Atoi: parsing \"x\": invalid syntax"),
        ("years: ['2021:2020']", "end year 2020 is before start year 2021"),
        ("location: europe/berlin", "unknown time zone europe/berlin"),
        ("hours: []", "field hours not found in type timeinterval.TimeInterval"),
    ] {
        assert_eq!(read(spec), Err(words.to_owned()), "{spec}");
    }
}

#[test]
fn what_is_written_reads_back() {
    let spec = "{times: [{start_time: '00:00', end_time: '24:00'}], weekdays: ['Monday:FRIDAY', sunday], \
                days_of_month: ['1:5', '-3:-1'], months: ['january:3', '12'], years: ['2020:2025', '2030'], location: Asia/Tokyo}";
    let interval = read(spec).expect(spec);
    let written = serde_saphyr::to_string(&interval).expect("plain data");
    assert_eq!(read(&written).expect(&written), interval);
    assert!(
        written.contains("monday:friday") && written.contains("24:00"),
        "{written}"
    );
}
