//! Moments that a database keeps as numbers, as SQLite's programs often do.

use std::borrow::Cow;

use chrono::{DateTime, NaiveDateTime, Utc};

use super::StoreAs;
use crate::error::BoxError;

/// Moments that are stored as a count since 1970-01-01 in UTC.
macro_rules! counts {
    ($($(#[doc = $doc:literal])+ $name:ident: $unit:literal, $per_second:literal, $count:ident, $from:expr;)*) => {$(
        $(#[doc = $doc])+
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name {
            time: DateTime<Utc>,
            count: i64,
        }

        impl $name {
            #[doc = concat!("A moment, unless it has a fraction of a ", $unit, ".")]
            pub fn new(time: DateTime<Utc>) -> Option<Self> {
                let is_whole = time.timestamp_subsec_nanos().is_multiple_of(1_000_000_000 / $per_second);
                is_whole.then(|| Self { time, count: time.$count() })
            }

            /// The moment.
            pub fn time(self) -> DateTime<Utc> {
                self.time
            }
        }

        impl StoreAs for $name {
            type As = i64;

            fn store(&self) -> Cow<'_, i64> {
                Cow::Borrowed(&self.count)
            }

            fn load(count: i64) -> Result<Self, BoxError> {
                let time: Option<DateTime<Utc>> = $from(count);
                let time = time.ok_or_else(|| format!(concat!("{} ", $unit, "s after 1970-01-01 are out of range"), count))?;
                Ok(Self { time, count })
            }
        }
    )*};
}

counts! {
    /// A moment that is stored as the seconds since 1970-01-01 in UTC, like SQLite's `unixepoch()`.
    ///
    /// It is read from columns of integers, and of whole floats.
    ///
    /// ```
    /// use dbcache::Cached;
    /// use dbcache::value::UnixSeconds;
    ///
    /// #[derive(Cached)]
    /// #[cached(table = "public.users")]
    /// struct User {
    ///     #[cached(id)]
    ///     id: i64,
    ///     created: UnixSeconds,
    /// }
    ///
    /// let noon = "2024-01-01T12:00:00Z".parse()?;
    /// let user = User { id: 1, created: UnixSeconds::new(noon).ok_or("a fraction of a second")? };
    /// assert_eq!(user.created.time(), noon);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    UnixSeconds: "second", 1, timestamp, |count| DateTime::from_timestamp(count, 0);
    /// A moment that is stored as the milliseconds since 1970-01-01 in UTC, like JavaScript's `Date.now()`.
    ///
    /// It is read from columns of integers, and of whole floats.
    ///
    /// ```
    /// use dbcache::Cached;
    /// use dbcache::value::UnixMillis;
    ///
    /// #[derive(Cached)]
    /// #[cached(table = "public.users")]
    /// struct User {
    ///     #[cached(id)]
    ///     id: i64,
    ///     created: UnixMillis,
    /// }
    ///
    /// let noon = "2024-01-01T12:00:00.5Z".parse()?;
    /// let user = User { id: 1, created: UnixMillis::new(noon).ok_or("a fraction of a millisecond")? };
    /// assert_eq!(user.created.time(), noon);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    UnixMillis: "millisecond", 1_000, timestamp_millis, DateTime::from_timestamp_millis;
    /// A moment that is stored as the microseconds since 1970-01-01 in UTC.
    ///
    /// It is read from columns of integers, and of whole floats.
    ///
    /// ```
    /// use dbcache::Cached;
    /// use dbcache::value::UnixMicros;
    ///
    /// #[derive(Cached)]
    /// #[cached(table = "public.users")]
    /// struct User {
    ///     #[cached(id)]
    ///     id: i64,
    ///     created: UnixMicros,
    /// }
    ///
    /// let noon = "2024-01-01T12:00:00.000001Z".parse()?;
    /// let user = User { id: 1, created: UnixMicros::new(noon).ok_or("a fraction of a microsecond")? };
    /// assert_eq!(user.created.time(), noon);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    UnixMicros: "microsecond", 1_000_000, timestamp_micros, DateTime::from_timestamp_micros;
}

/// A moment that is stored as the seconds since 1970-01-01 in UTC with a fraction, like SQLite's `unixepoch('subsec')` or
/// Python's `time.time()`. Its float is kept as it is.
///
/// ```
/// use dbcache::Cached;
/// use dbcache::value::UnixTime;
///
/// #[derive(Cached)]
/// #[cached(table = "public.users")]
/// struct User {
///     #[cached(id)]
///     id: i64,
///     created: UnixTime,
/// }
///
/// let noon = "2024-01-01T12:00:00.25Z".parse()?;
/// let user = User { id: 1, created: UnixTime::at(noon).ok_or("a fraction of a microsecond")? };
/// assert_eq!((user.created.seconds(), user.created.time()), (1_704_110_400.25, noon));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct UnixTime {
    seconds: f64,
    time: DateTime<Utc>,
}

const MICROS_PER_SECOND: f64 = 1_000_000.0;

impl UnixTime {
    /// The seconds of a moment, unless that has a fraction of a microsecond, or is too far from 1970 for a float to tell
    /// its microseconds.
    #[expect(clippy::cast_precision_loss, reason = "what a float does not tell is refused")]
    pub fn at(time: DateTime<Utc>) -> Option<Self> {
        let seconds = time.timestamp_micros() as f64 / MICROS_PER_SECOND;
        Self::load(seconds).ok().filter(|read| read.time == time)
    }

    /// The seconds, with their fraction.
    pub fn seconds(self) -> f64 {
        self.seconds
    }

    /// The moment, to the microsecond.
    pub fn time(self) -> DateTime<Utc> {
        self.time
    }
}

impl StoreAs for UnixTime {
    type As = f64;

    fn store(&self) -> Cow<'_, f64> {
        Cow::Borrowed(&self.seconds)
    }

    #[expect(clippy::cast_possible_truncation, reason = "what is beyond the range is refused")]
    fn load(seconds: f64) -> Result<Self, BoxError> {
        let micros = (seconds * MICROS_PER_SECOND).round();
        let time = DateTime::from_timestamp_micros(micros as i64).filter(|_| seconds.is_finite());
        let time = time.ok_or_else(|| format!("{seconds:?} s after 1970-01-01 is out of range"))?;
        Ok(Self { seconds, time })
    }
}

/// A moment that is stored as a Julian day, like SQLite's `julianday()`: the days since noon of 24 November 4714 BC, with
/// a fraction. Its float is kept as it is.
///
/// ```
/// use dbcache::Cached;
/// use dbcache::value::JulianDay;
///
/// #[derive(Cached)]
/// #[cached(table = "public.users")]
/// struct User {
///     #[cached(id)]
///     id: i64,
///     created: JulianDay,
/// }
///
/// let noon = "2024-01-01T12:00:00".parse()?;
/// let user = User { id: 1, created: JulianDay::at(noon).ok_or("a fraction of a millisecond")? };
/// assert_eq!((user.created.days(), user.created.time()), (2_460_311.0, noon));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct JulianDay {
    days: f64,
    time: NaiveDateTime,
}

const MILLIS_PER_DAY: f64 = 86_400_000.0;
/// The milliseconds from the beginning of Julian days to 1970-01-01.
const MILLIS_TO_1970: i64 = 210_866_760_000_000;

impl JulianDay {
    /// The Julian day of a moment, unless that has a fraction of a millisecond.
    #[expect(clippy::cast_precision_loss, reason = "the milliseconds of chrono's range are below 2^53")]
    pub fn at(time: NaiveDateTime) -> Option<Self> {
        let millis = time.and_utc().timestamp_millis() + MILLIS_TO_1970;
        let is_whole = time.and_utc().timestamp_subsec_nanos().is_multiple_of(1_000_000);
        is_whole.then_some(Self { days: millis as f64 / MILLIS_PER_DAY, time })
    }

    /// The day, with its fraction.
    pub fn days(self) -> f64 {
        self.days
    }

    /// The moment, to the millisecond, as SQLite reads it.
    pub fn time(self) -> NaiveDateTime {
        self.time
    }
}

impl StoreAs for JulianDay {
    type As = f64;

    fn store(&self) -> Cow<'_, f64> {
        Cow::Borrowed(&self.days)
    }

    #[expect(clippy::cast_possible_truncation, reason = "what is beyond the range is refused")]
    fn load(days: f64) -> Result<Self, BoxError> {
        let millis = (days * MILLIS_PER_DAY + 0.5).floor() as i64;
        let time = millis.checked_sub(MILLIS_TO_1970).and_then(DateTime::from_timestamp_millis);
        let time = time.filter(|_| days.is_finite()).ok_or_else(|| format!("the Julian day {days} is out of range"))?;
        Ok(Self { days, time: time.naive_utc() })
    }
}
