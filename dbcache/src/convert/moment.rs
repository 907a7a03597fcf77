//! Dates and times as text: ISO 8601 as databases write it, and back.

use polars::prelude::{AnyValue, TimeUnit, TimeZone};

use super::decide::is_utc_or_none;

const NANOS_PER_SECOND: i64 = 1_000_000_000;
const SECONDS_PER_DAY: i64 = 86_400;
const NANOS_PER_DAY: i64 = SECONDS_PER_DAY * NANOS_PER_SECOND;

/// A date and a time of day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Moment {
    /// Since 1970-01-01.
    days: i64,
    /// Since midnight; `24:00` is a day.
    nanos: i64,
    /// The seconds by which the clock is ahead of UTC's, where that is said.
    offset: Option<i64>,
}

impl Moment {
    pub(super) fn read(text: &str) -> Option<Self> {
        let (text, is_before_christ) = match text.strip_suffix(" BC").or_else(|| text.strip_suffix(" (BC)")) {
            Some(text) => (text, true),
            None => (text, false),
        };
        let mut rest = Rest(text);
        let days = rest.date(is_before_christ)?;
        let mut moment = Self { days, nanos: 0, offset: None };
        if !rest.is_done() {
            rest.one_of(&['T', 't', ' '])?;
            moment.nanos = rest.time()?;
            moment.offset = rest.offset().ok()?;
        }
        rest.is_done().then_some(moment)
    }

    pub(super) fn midnight(days: i32) -> Self {
        Self { days: days.into(), nanos: 0, offset: None }
    }

    pub(super) fn at(count: i64, unit: TimeUnit) -> Self {
        let (days, rest) = days_and_rest(count, unit);
        Self { days, nanos: rest * (NANOS_PER_SECOND / per_second(unit)), offset: None }
    }

    /// The day, if it is its midnight.
    pub(super) fn date(self) -> Option<i32> {
        (self.nanos == 0 && self.offset.is_none_or(|offset| offset == 0)).then(|| i32::try_from(self.days).ok())?
    }

    /// The units since 1970 of a type with a zone or without one: without one an offset is nothing that it holds, and
    /// what has no offset itself has UTC's.
    pub(super) fn of_clock(self, unit: TimeUnit, zone: Option<&TimeZone>) -> Option<i64> {
        let fits = match (zone, self.offset) {
            (None, offset) => offset.is_none_or(|offset| offset == 0),
            (zone, None) => is_utc_or_none(zone),
            (Some(_), Some(_)) => true,
        };
        if fits { self.in_units(unit) } else { None }
    }

    /// The units since 1970, if there is no fraction of one.
    pub(super) fn in_units(self, unit: TimeUnit) -> Option<i64> {
        let offset = i128::from(self.offset.unwrap_or(0)) * i128::from(NANOS_PER_SECOND);
        let nanos = i128::from(self.days) * i128::from(NANOS_PER_DAY) + i128::from(self.nanos) - offset;
        let size = i128::from(NANOS_PER_SECOND / per_second(unit));
        (nanos % size == 0).then(|| i64::try_from(nanos / size).ok())?
    }
}

/// The nanoseconds since midnight of a time of day.
pub(super) fn time_of_day(text: &str) -> Option<i64> {
    let mut rest = Rest(text);
    let nanos = rest.time()?;
    (rest.is_done() && nanos < NANOS_PER_DAY).then_some(nanos)
}

/// A count of one unit in another, if there is no fraction of it.
pub(super) fn in_other_units(count: i64, from: TimeUnit, to: TimeUnit) -> Option<i64> {
    let (from, to) = (per_second(from), per_second(to));
    if to >= from {
        return count.checked_mul(to / from);
    }
    let size = from / to;
    (count % size == 0).then_some(count / size)
}

fn per_second(unit: TimeUnit) -> i64 {
    match unit {
        TimeUnit::Milliseconds => 1_000,
        TimeUnit::Microseconds => 1_000_000,
        TimeUnit::Nanoseconds => NANOS_PER_SECOND,
    }
}

fn days_and_rest(count: i64, unit: TimeUnit) -> (i64, i64) {
    let per_day = SECONDS_PER_DAY * per_second(unit);
    (count.div_euclid(per_day), count.rem_euclid(per_day))
}

/// A date, time of day or datetime as text; `None` for other values.
pub(crate) fn text(value: &AnyValue<'_>) -> Option<String> {
    let zoned = |count, unit, is_zoned| datetime_text(count, unit) + if is_zoned { "+00:00" } else { "" };
    match value {
        AnyValue::Date(days) => Some(date_text(*days)),
        AnyValue::Time(nanos) => Some(time_text(*nanos).unwrap_or_else(|| format!("{nanos} ns after midnight"))),
        AnyValue::Datetime(count, unit, zone) => Some(zoned(*count, *unit, zone.is_some())),
        AnyValue::DatetimeOwned(count, unit, zone) => Some(zoned(*count, *unit, zone.is_some())),
        _ => None,
    }
}

pub(super) fn date_text(days: i32) -> String {
    calendar_text(days.into())
}

pub(super) fn datetime_text(count: i64, unit: TimeUnit) -> String {
    let (days, rest) = days_and_rest(count, unit);
    format!("{} {}", calendar_text(days), clock_text(rest * (NANOS_PER_SECOND / per_second(unit))))
}

/// `None` where a day has no such time.
pub(super) fn time_text(nanos: i64) -> Option<String> {
    (0..NANOS_PER_DAY).contains(&nanos).then(|| clock_text(nanos))
}

fn calendar_text(days: i64) -> String {
    let (year, month, day) = date_of(days);
    match year {
        0..=9999 => format!("{year:04}-{month:02}-{day:02}"),
        _ => format!("{year:+05}-{month:02}-{day:02}"),
    }
}

/// With the fewest of 0, 3, 6 and 9 digits after the point that it needs.
fn clock_text(nanos: i64) -> String {
    let (seconds, fraction) = (nanos / NANOS_PER_SECOND, nanos % NANOS_PER_SECOND);
    let clock = format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
    match fraction {
        0 => clock,
        _ if fraction % 1_000_000 == 0 => format!("{clock}.{:03}", fraction / 1_000_000),
        _ if fraction % 1_000 == 0 => format!("{clock}.{:06}", fraction / 1_000),
        _ => format!("{clock}.{fraction:09}"),
    }
}

/// The days from 1970-01-01 to a date. Years are counted from March in cycles of 400, so that a leap day is the last of
/// its year.
fn days_to(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (cycle, year) = (year.div_euclid(400), year.rem_euclid(400));
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    cycle * DAYS_PER_CYCLE + year * 365 + year / 4 - year / 100 + day_of_year - EPOCH
}

/// The year, month and day that are so many days after 1970-01-01.
fn date_of(days: i64) -> (i64, i64, i64) {
    let days = days + EPOCH;
    let (cycle, day) = (days.div_euclid(DAYS_PER_CYCLE), days.rem_euclid(DAYS_PER_CYCLE));
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day_of_year = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (cycle * 400 + year + i64::from(month <= 2), month, day)
}

const DAYS_PER_CYCLE: i64 = 146_097;
/// The days from 0000-03-01 to 1970-01-01.
const EPOCH: i64 = 719_468;

/// Text that is no offset stands where one may stand.
struct Malformed;

/// What is left of a text.
struct Rest<'a>(&'a str);

impl Rest<'_> {
    fn is_done(&self) -> bool {
        self.0.is_empty()
    }

    fn one_of(&mut self, characters: &[char]) -> Option<char> {
        let character = self.0.chars().next().filter(|character| characters.contains(character))?;
        self.0 = self.0.strip_prefix(character)?;
        Some(character)
    }

    /// The number that so many digits say.
    fn number(&mut self, least: usize, most: usize) -> Option<i64> {
        let length = self.0.bytes().take(most).take_while(u8::is_ascii_digit).count();
        let (digits, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        if length >= least { digits.parse().ok() } else { None }
    }

    fn date(&mut self, is_before_christ: bool) -> Option<i64> {
        let sign = self.one_of(&['+', '-']);
        let year = self.number(4, 9)?;
        self.one_of(&['-'])?;
        let month = self.number(2, 2)?;
        self.one_of(&['-'])?;
        let day = self.number(2, 2)?;
        let year = match (sign, is_before_christ) {
            (Some('-'), false) => -year,
            (_, false) => year,
            (None, true) if year > 0 => 1 - year,
            _ => return None,
        };
        let days = days_to(year, month, day);
        // A day that its month does not have is one of the next month, and so is one of a month that is none.
        (date_of(days) == (year, month, day)).then_some(days)
    }

    /// Nanoseconds since midnight.
    fn time(&mut self) -> Option<i64> {
        let hours = self.number(2, 2)?;
        self.one_of(&[':'])?;
        let minutes = self.number(2, 2)?;
        let (mut seconds, mut nanos) = (0, 0);
        if self.one_of(&[':']).is_some() {
            seconds = self.number(2, 2)?;
            if self.one_of(&['.', ',']).is_some() {
                nanos = self.fraction()?;
            }
        }
        let is_clock = hours < 24 && minutes < 60 && seconds < 60;
        let is_end = (hours, minutes, seconds, nanos) == (24, 0, 0, 0);
        let seconds = hours * 3600 + minutes * 60 + seconds;
        (is_clock || is_end).then_some(seconds * NANOS_PER_SECOND + nanos)
    }

    /// The nanoseconds of a fraction of a second, which may have more digits if they are zeros.
    fn fraction(&mut self) -> Option<i64> {
        let before = self.0.len();
        let digits = self.number(1, 9)?;
        let missing = 9_usize.checked_sub(before - self.0.len())?;
        let zeros = self.0.bytes().take_while(|byte| *byte == b'0').count();
        self.0 = self.0.get(zeros..)?;
        Some(digits * 10_i64.pow(u32::try_from(missing).ok()?))
    }

    /// The seconds that a clock is ahead of UTC's, if the text says so.
    fn offset(&mut self) -> Result<Option<i64>, Malformed> {
        let is_apart = self.one_of(&[' ']).is_some();
        if matches!(self.0, "Z" | "z" | "UTC") {
            self.0 = "";
            return Ok(Some(0));
        }
        let Some(sign) = self.one_of(&['+', '-']) else {
            return if is_apart { Err(Malformed) } else { Ok(None) };
        };
        let ahead = self.ahead().ok_or(Malformed)?;
        Ok(Some(if sign == '-' { -ahead } else { ahead }))
    }

    fn ahead(&mut self) -> Option<i64> {
        let hours = self.number(2, 2).filter(|hours| *hours < 24)?;
        let minutes = self.sixtieths()?;
        let seconds = self.sixtieths()?;
        Some(hours * 3600 + minutes * 60 + seconds)
    }

    /// Minutes or seconds of an offset, 0 where there are none.
    fn sixtieths(&mut self) -> Option<i64> {
        if self.one_of(&[':']).is_none() && self.is_done() {
            return Some(0);
        }
        self.number(2, 2).filter(|number| *number < 60)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MICROS: TimeUnit = TimeUnit::Microseconds;

    fn naive(text: &str) -> Option<i64> {
        Moment::read(text)?.of_clock(MICROS, None)
    }

    fn zoned(text: &str) -> Option<i64> {
        Moment::read(text)?.of_clock(MICROS, Some(&TimeZone::UTC))
    }

    #[test]
    fn every_day_is_written_as_it_is_read() {
        let far = (-1_000_000..1_000_000).step_by(37).chain([i32::MIN, i32::MIN + 1, i32::MAX]);
        for days in far {
            assert_eq!(Moment::read(&date_text(days)).and_then(Moment::date), Some(days), "{}", date_text(days));
        }
        assert_eq!(date_text(0), "1970-01-01");
        assert_eq!(date_text(-719_529), "-0001-12-31");
        assert_eq!(date_text(-719_528), "0000-01-01");
        assert_eq!(date_text(2_932_897), "+10000-01-01");
    }

    #[test]
    fn days_that_no_calendar_has_are_refused() {
        for text in
            ["2023-02-29", "1900-02-29", "2024-13-01", "2024-00-01", "2024-04-31", "2024-01-00", "2024-1-1", "20240101"]
        {
            assert_eq!(Moment::read(text), None, "{text}");
        }
        assert!(Moment::read("2024-02-29").is_some());
        assert!(Moment::read("2000-02-29").is_some());
        assert!(Moment::read("0000-02-29").is_some());
    }

    #[test]
    fn years_before_christ_are_written_in_two_ways() {
        assert_eq!(Moment::read("0044-03-15 BC"), Moment::read("-0043-03-15"));
        assert_eq!(Moment::read("0001-01-01 00:00:00 BC"), Moment::read("0000-01-01 00:00:00"));
        assert_eq!(Moment::read("0000-01-01 BC"), None);
    }

    #[test]
    fn a_datetime_is_read_in_every_form_that_databases_write() {
        let noon = 1_704_110_400_000_000;
        for text in
            ["2024-01-01 12:00:00", "2024-01-01T12:00:00", "2024-01-01 12:00", "2024-01-01T12:00:00.000000000000"]
        {
            assert_eq!(naive(text), Some(noon), "{text}");
            assert_eq!(zoned(text), Some(noon), "{text}");
        }
        for text in
            ["2024-01-01T12:00:00Z", "2024-01-01 12:00:00+00", "2024-01-01 12:00:00 UTC", "2024-01-01 12:00:00-00:00"]
        {
            assert_eq!(naive(text), Some(noon), "{text}");
            assert_eq!(zoned(text), Some(noon), "{text}");
        }
        for text in [
            "2024-01-01T14:00:00+02:00",
            "2024-01-01 14:00:00+02",
            "2024-01-01 06:30:00 -0530",
            "2024-01-01T12:00:01+00:00:01",
        ] {
            assert_eq!(naive(text), None, "{text}");
            assert_eq!(zoned(text), Some(noon), "{text}");
        }
        assert_eq!(naive("2023-12-31 24:00"), naive("2024-01-01"));
        for text in [
            "2024-01-01 24:00:01",
            "2024-01-01 12:00:60",
            "2024-01-01 12",
            "2024-01-01T12:00:00+24:00",
            "2024-01-01 ",
            "infinity",
            "",
        ] {
            assert_eq!(zoned(text), None, "{text}");
        }
    }

    #[test]
    fn a_fraction_is_read_to_the_unit_and_no_further() {
        let in_units = |text: &str, unit| Moment::read(text)?.of_clock(unit, None);
        let text = "1970-01-01 00:00:00.1234567";
        assert_eq!(in_units(text, TimeUnit::Nanoseconds), Some(123_456_700));
        assert_eq!(in_units(text, MICROS), None);
        assert_eq!(in_units("1970-01-01 00:00:00.1234560", MICROS), Some(123_456));
        assert_eq!(in_units("1970-01-01 00:00:00.1234560001", TimeUnit::Nanoseconds), None);
        assert_eq!(in_units("1969-12-31 23:59:59.999", TimeUnit::Milliseconds), Some(-1));
    }

    #[test]
    fn every_moment_is_written_as_it_is_read() {
        for unit in [TimeUnit::Milliseconds, MICROS, TimeUnit::Nanoseconds] {
            for count in [i64::MIN, i64::MIN + 1, -1, 0, 1, 999, 1_000_000, 123_456_789_012, i64::MAX - 1, i64::MAX] {
                let text = datetime_text(count, unit);
                assert_eq!(Moment::read(&text).and_then(|moment| moment.in_units(unit)), Some(count), "{text}");
            }
        }
        assert_eq!(datetime_text(i64::MAX, MICROS), "+294247-01-10 04:00:54.775807");
    }

    #[test]
    fn a_time_of_day_ends_before_midnight() {
        assert_eq!(time_of_day("12:00:00"), Some(43_200 * NANOS_PER_SECOND));
        assert_eq!(time_of_day("23:59:59.999999999"), Some(NANOS_PER_DAY - 1));
        for text in ["24:00", "12", "12:00:00Z", "1:00", "2024-01-01 12:00:00"] {
            assert_eq!(time_of_day(text), None, "{text}");
        }
        assert_eq!(time_text(NANOS_PER_DAY), None);
        assert_eq!(time_text(NANOS_PER_DAY - 1).as_deref(), Some("23:59:59.999999999"));
    }
}
