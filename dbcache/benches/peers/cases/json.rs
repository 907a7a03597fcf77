//! Paths of JSON text, and rows that are fetched as JSON maps.

use std::time::Duration;

use dbcache::DynamicCache;
use dbcache::error::BoxError;
use dbcache::polars::prelude::DataFrame;
use serde_json::{Map, Value, json};

use crate::case::{Case, Outcome, Target};
use crate::child::{PATH, text_digest};
use crate::ground::Ground;
use crate::measure::{Contender, Result, Round, in_turn};
use crate::ours::{self, Memory};
use crate::process::processor_time;
use crate::users::{self, Columns, User};

pub(crate) const CASES: &[Case] = &[
    Case {
        name: "json_paths",
        about: "paths of 1 million JSON texts of about 165 bytes in memory",
        targets: &[
            Target { name: "json_one_path", at_most: 0.2, of: "Polars' json_path_match on the same column" },
            Target { name: "json_one_path_rate", at_most: 1.0, of: "a second of one core for each GB of text" },
            Target { name: "json_four_paths", at_most: 1.6, of: "one path" },
        ],
        run: json_paths,
    },
    Case {
        name: "json_maps",
        about: "15,000 ids from a closure that returns JSON maps, 100 batches, cold cache",
        targets: &[Target { name: "get_data_15000_maps", at_most: 2.0, of: "building one frame of the same maps" }],
        run: json_maps,
    },
];

const FOUR_PATHS: [&str; 4] = [PATH, "profile.score", "profile.tags.0", "profile.address.geo.lat"];
const FOUR: &str = "dbcache, four paths";
const COLUMN: &str = "dbcache, the column itself";

fn json_paths(ground: &Ground) -> Result<Outcome> {
    let table = ground.million();
    let ids = users::ids(table.rows);
    let cache = ours::open_dynamic(&table.cache()?, Memory::LARGE)?;
    let texts = ours::look_up_dynamic(&cache, &["profile"], &ids)?;
    let ask = |columns: &'static [&'static str]| ours::look_up_dynamic(&cache, columns, &ids);
    let cities = |frame: &DataFrame| text_digest(frame.column(PATH)?.str()?.iter());
    let digest = cities(&ask(&[PATH])?)?;
    let contenders = vec![
        Contender::new("dbcache", |_| Round::of(|| ask(&[PATH]), cities)),
        Contender::new(FOUR, |_| Round::of(|| ask(&FOUR_PATHS), cities)),
        Contender::new(COLUMN, |_| Round::of(|| ask(&["profile"]), |_| Ok(digest))),
        #[cfg(feature = "all-peers")]
        Contender::new("json_path_match", |_| Round::of(|| json_path_match(&texts), |found| text_digest(found.iter()))),
    ];
    let samples = in_turn(contenders, ground.pace)?;
    let rate = processor_seconds_a_gigabyte(&texts, || ask(&[PATH]), || ask(&["profile"]))?;
    Ok(Outcome::new(samples).against("json_one_path", "json_path_match").ratio("json_one_path_rate", rate).compare(
        "json_four_paths",
        FOUR,
        "dbcache",
    ))
}

#[cfg(feature = "all-peers")]
fn json_path_match(texts: &DataFrame) -> Result<dbcache::polars::prelude::StringChunked> {
    use dbcache::polars::prelude::*;

    let path = StringChunked::new("path".into(), ["$.address.city"]);
    Ok(texts.column("profile")?.str()?.json_path_match(&path)?)
}

/// Returns the processor time of a path, minus that of reading the column itself.
fn processor_seconds_a_gigabyte(
    texts: &DataFrame,
    path: impl Fn() -> Result<DataFrame>,
    column: impl Fn() -> Result<DataFrame>,
) -> Result<f64> {
    const TIMES: u32 = 10;
    let spent = |work: &dyn Fn() -> Result<DataFrame>| -> Result<Duration> {
        let before = processor_time()?;
        for _ in 0..TIMES {
            work()?;
        }
        Ok(processor_time()?.saturating_sub(before) / TIMES)
    };
    let seconds = spent(&path)?.saturating_sub(spent(&column)?).as_secs_f64();
    let bytes = text_digest(texts.column("profile")?.str()?.iter())?;
    Ok(seconds / (bytes as f64 / 1e9))
}

type Row = Map<String, Value>;

fn json_maps(ground: &Ground) -> Result<Outcome> {
    const IDS: u64 = 15_000;
    let maps: Vec<Row> = users::rows(&users::ids(IDS)).iter().map(map).collect::<Result<_>>()?;
    let contenders = vec![
        Contender::new("dbcache", |_| {
            let scratch = ground.scratch()?;
            Round::of(|| through_cache(&ours::open_dynamic(scratch.path(), Memory::LARGE)?, &maps), digest)
        }),
        Contender::new("one frame", |_| Round::of(|| one_frame(&maps), digest)),
    ];
    Ok(Outcome::new(in_turn(contenders, ground.pace)?).against("get_data_15000_maps", "one frame"))
}

fn digest(frame: &DataFrame) -> Result<i64> {
    Ok(users::digest(frame)?)
}

fn map(user: &User) -> Result<Row> {
    let User { id, name, age, amount, email, profile } = user;
    let row = json!({ "id": id, "name": name, "age": age, "amount": amount, "email": email, "profile": profile });
    row.as_object().cloned().ok_or_else(|| "a row is an object".into())
}

/// The database, which keeps its rows sorted by id.
fn of_ids(maps: &[Row], ids: &[i64]) -> Vec<Row> {
    let find = |id: &i64| maps.binary_search_by_key(&Some(*id), |map| map.get("id").and_then(Value::as_i64)).ok();
    ids.iter().filter_map(find).filter_map(|place| maps.get(place).cloned()).collect()
}

fn ids(maps: &[Row]) -> Vec<i64> {
    maps.iter().filter_map(|map| map.get("id").and_then(Value::as_i64)).collect()
}

fn through_cache(cache: &DynamicCache, maps: &[Row]) -> Result<DataFrame> {
    let fetcher = |ids: &[i64], _: &str| -> std::result::Result<Vec<Row>, BoxError> { Ok(of_ids(maps, ids)) };
    let columns = ["name", "age", "amount", "email", "profile"];
    Ok(cache.table(users::TABLE)?.select(columns)?.frame(&ids(maps), &fetcher)?)
}

/// Builds one frame from the same batches, in a loop that knows the columns.
fn one_frame(maps: &[Row]) -> Result<DataFrame> {
    let mut columns = Columns::default();
    for ids in ids(maps).chunks(150) {
        for row in of_ids(maps, ids) {
            columns.push(user(&row).ok_or("a row lacks a column")?);
        }
    }
    Ok(columns.into_frame()?)
}

fn user(row: &Row) -> Option<User> {
    let text = |name| row.get(name).and_then(Value::as_str).map(str::to_owned);
    Some(User {
        id: row.get("id")?.as_i64()?,
        name: text("name")?,
        age: row.get("age")?.as_i64()?,
        amount: row.get("amount")?.as_f64()?,
        email: text("email")?,
        profile: text("profile")?,
    })
}
