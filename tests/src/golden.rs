//! The rows of the cache folders in `tests/golden`, and how such a folder is written.
//!
//! A folder is written once for each version of the format, by `cargo run -p dbcache-tests --bin golden -- FOLDER`
//! with the first release that writes it, and never again: every later version must read it. It is written below a
//! folder of the name [`SPLIT_EARLY`], so that few rows make several files. `v1-readable` has the types that other programs
//! know only in another form.

use std::path::{Path, PathBuf};

use dbcache::error::BoxError;
use dbcache::faults::SPLIT_EARLY;
use dbcache::polars::prelude::*;
use dbcache::{Cache, Cached, CachedJson, DynamicCache, Progress, Record};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::{Row, row};

/// A row of `public.users`, whose files are a base, a segment, and two that replace rows.
#[derive(Clone, Debug, PartialEq, Cached)]
#[cached(table = "public.users")]
pub struct User {
    /// The id.
    #[cached(id)]
    pub id: i64,
    /// A name.
    pub name: String,
    /// An age, which may be unknown.
    pub age: Option<i32>,
    /// A nested column of which only these keys were fetched.
    #[cached(json)]
    pub profile: Profile,
    /// A text.
    pub notes: String,
}

/// What is nested in a user.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, CachedJson)]
pub struct Profile {
    /// A town.
    pub city: String,
    /// Journeys, none or several.
    pub trips: Vec<Trip>,
}

/// A journey.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, CachedJson)]
pub struct Trip {
    /// Where it went.
    pub to: String,
    /// How far that is, if it is known.
    pub km: Option<f64>,
}

/// The users that the first commit stored whole.
pub const FIRST: [i64; 8] = [-4, -1, 0, 1, 2, 3, 5, 1 << 40];
/// The users of whom the second commit stored [`contact`] alone.
pub const CONTACTS: [i64; 4] = [4, 6, 7, 8];
/// The users that the third commit stored anew, whether they were there or not: nothing was carried over.
pub const REPLACED: [i64; 4] = [-1, 5, 6, 9];
/// The users that the fourth commit completed: what it did not bring was carried over from the second.
pub const COMPLETED: [i64; 2] = [7, 8];

/// A user as the commit of this number stored it.
pub fn user(id: i64, version: i64) -> User {
    let trip = |number: i64| Trip { to: format!("place {number}"), km: (number % 2 == 0).then_some(12.5) };
    User {
        id,
        name: format!("user {id} · version {version}"),
        age: (id % 2 == 0).then_some(30),
        profile: Profile { city: format!("city {}", id + version), trips: (0..id.rem_euclid(3)).map(trip).collect() },
        notes: format!("notes on {id}"),
    }
}

/// What the second commit stored of a user: a name, a document, and a column that the others lack.
pub fn contact(id: i64) -> Row {
    let mail = (id != 7).then(|| format!("{id}@example.org"));
    row(json!({ "id": id, "name": format!("contact {id}"), "mail": mail, "settings": { "theme": "dark", "size": id } ,
        "notes": "letters" }))
}

/// An order, by a code of text, in a table whose name is none of a file.
pub fn order(code: &str) -> Row {
    match code {
        "Ärger-1" => row(json!({ "code": code, "total": 12.5, "note": null })),
        "" => row(json!({ "code": code, "total": null })),
        _ => row(json!({ "code": code, "total": 3 })),
    }
}

/// The codes of all orders.
pub const ORDERS: [&str; 4] = ["", "A-1", "a-1", "Ärger-1"];

/// A table with a column of every type that files have, by ids beyond those of `i64`.
///
/// # Panics
///
/// When Polars does not build it.
pub fn kinds() -> DataFrame {
    let frame = df!(
        "id" => [0_u64, 7, u64::MAX],
        "flag" => [Some(true), None, Some(false)],
        "tiny" => [Some(i8::MIN), None, Some(i8::MAX)],
        "short" => [Some(0_u16), None, Some(u16::MAX)],
        "long" => [Some(i64::MIN), None, Some(i64::MAX)],
        "wide" => [Some(u64::MAX), None, Some(1)],
        "single" => [Some(0.1_f32), None, Some(f32::NEG_INFINITY)],
        "double" => [Some(0.1_f64), None, Some(f64::MAX)],
        "text" => [Some("Grüße"), None, Some("")],
        "bytes" => [Some(&b"\0\xff"[..]), None, Some(b"")],
        "nothing" => Series::full_null("nothing".into(), 3, &DataType::Null),
        "list" => [Some(Series::new("".into(), [1_i64, 2])), None, Some(Series::new("".into(), [0_i64; 0]))],
    );
    let mut frame = frame.expect("columns of one length");
    let numbers = Series::new("numbers".into(), [Some(86_399_i64), None, Some(1)]);
    let texts = Series::new("texts".into(), [Some("red"), None, Some("green")]);
    let times = DataType::Datetime(TimeUnit::Microseconds, None);
    let kinds = [
        ("date", &numbers, DataType::Date),
        ("time", &numbers, DataType::Time),
        ("datetime", &numbers, times),
        ("duration", &numbers, DataType::Duration(TimeUnit::Milliseconds)),
        ("decimal", &numbers, DataType::Decimal(12, 2)),
        ("category", &texts, DataType::from_categories(Categories::global())),
    ];
    for (name, values, data_type) in kinds {
        let values = values.cast(&data_type).expect("a cast that fits").with_name(name.into());
        frame.with_column(values.into_column()).expect("a column of the same length");
    }
    let fields: Vec<Series> =
        ["long", "text"].map(|name| frame.column(name).expect("a column").as_materialized_series().clone()).into();
    let nested = StructChunked::from_series("nested".into(), 3, fields.iter()).expect("a struct");
    frame.with_column(nested.into_column()).expect("a column of the same length");
    frame
}

/// The same columns, and those that Parquet has no types for, or few programs read: integers of 128 bits, and times in
/// nanoseconds, of nothing but whole microseconds and of others.
///
/// # Panics
///
/// When Polars does not build it.
pub fn readable() -> DataFrame {
    let mut frame = kinds();
    let wide = Series::new("i128".into(), [Some(i128::MIN), None, Some(7)]);
    let huge = Series::new("u128".into(), [Some(u128::MAX), None, Some(7)]);
    let both = StructChunked::from_series("both_128".into(), 3, [&wide, &huge].into_iter()).expect("a struct");
    let in_order = Series::new("".into(), [Some(1_717_243_200_123_456_000_i64), None, Some(-1_000)]);
    let fine = Series::new("".into(), [Some(1_717_243_200_123_456_789_i64), None, Some(-1)]);
    let of_day = Series::new("".into(), [Some(86_399_999_999_000_i64), None, Some(0)]);
    let of_day_fine = Series::new("".into(), [Some(86_399_999_999_999_i64), None, Some(1)]);
    let moment = DataType::Datetime(TimeUnit::Nanoseconds, None);
    let times = [
        ("moment", in_order, &moment),
        ("moment_fine", fine, &moment),
        ("of_day", of_day, &DataType::Time),
        ("of_day_fine", of_day_fine, &DataType::Time),
    ];
    for (name, values, data_type) in times {
        let values = values.cast(data_type).expect("a cast that fits").with_name(name.into());
        frame.with_column(values.into_column()).expect("a column of the same length");
    }
    for column in [wide, huge, both.into_series()] {
        frame.with_column(column.into_column()).expect("a column of the same length");
    }
    frame
}

/// Writes a cache folder with the table `public.readable`, whose rows are [`readable`].
///
/// # Errors
///
/// An error of the cache.
pub fn write_readable(folder: &Path) -> Result<(), BoxError> {
    let all = readable();
    let ids: Vec<u64> = all.column("id")?.u64()?.into_no_null_iter().collect();
    let fetcher = |_: &[u64], _: &str| Ok::<_, Never>(readable());
    open_dynamic(folder).table("public.readable")?.select(["flag"])?.frame(&ids, &fetcher)?;
    Ok(())
}

/// The cache of a record type in a folder.
///
/// # Panics
///
/// When it does not open.
pub fn open<T: Record>(folder: &Path) -> Cache<T> {
    Cache::builder().folder(folder).progress(Progress::Silent).open().expect("a cache")
}

/// The same cache by string columns.
///
/// # Panics
///
/// When it does not open.
pub fn open_dynamic(folder: &Path) -> DynamicCache {
    DynamicCache::builder().folder(folder).progress(Progress::Silent).open().expect("a cache")
}

/// Writes the cache folder that is checked in below another one, and gives its path.
pub fn write(above: &Path) -> Result<PathBuf, BoxError> {
    let folder = &above.join(SPLIT_EARLY);
    let version =
        |version| move |ids: &[i64]| Ok::<Vec<User>, Never>(ids.iter().map(|id| user(*id, version)).collect());
    open::<User>(folder).rows(&FIRST, &version(1))?;
    let dynamic = open_dynamic(folder);
    let contacts = |ids: &[i64], _: &str| Ok::<Vec<Row>, Never>(ids.iter().map(|id| contact(*id)).collect());
    dynamic.table("public.users")?.select(["mail", "settings"])?.frame(&CONTACTS, &contacts)?;
    open::<User>(folder).all().refresh().rows(&REPLACED, &version(3))?;
    open::<User>(folder).rows(&COMPLETED, &version(4))?;

    let orders = |codes: &[String], _: &str| Ok::<Vec<Row>, Never>(codes.iter().map(|code| order(code)).collect());
    let table = dynamic.table_by("shop.Orders", "code")?;
    for codes in [&ORDERS[..3], &ORDERS[3..]] {
        let codes: Vec<String> = codes.iter().map(|code| (*code).to_owned()).collect();
        table.select(["total"])?.frame(&codes, &orders)?;
    }

    let all = kinds();
    let ids: Vec<u64> = all.column("id")?.u64()?.into_no_null_iter().collect();
    let fetcher = |_: &[u64], _: &str| Ok::<_, Never>(kinds());
    dynamic.table("public.kinds")?.select(["flag"])?.frame(&ids, &fetcher)?;
    Ok(folder.clone())
}

/// How these fetchers fail.
type Never = std::convert::Infallible;
