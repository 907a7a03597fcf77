//! The records of the typed cases: ten columns, with strings, options and a nested document.

use std::fs::File;
use std::path::Path;

use dbcache::error::BoxError;
use dbcache::polars::prelude::*;
use dbcache::{BatchPolicy, Cache, Cached, CachedJson};
use serde::{Deserialize, Serialize};

use crate::baselines::naive_polars;
use crate::child::text_digest;
use crate::measure::{Result, Round};
use crate::ours::{self, Memory};
use crate::random::Random;
use crate::users::{CITIES, TAGS, ids};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Cached)]
#[cached(table = "bench.people")]
pub(crate) struct Person {
    #[cached(id)]
    pub(crate) id: i64,
    pub(crate) name: String,
    pub(crate) email: String,
    pub(crate) nickname: Option<String>,
    pub(crate) age: Option<i32>,
    pub(crate) visits: i64,
    pub(crate) amount: f64,
    pub(crate) discount: Option<f64>,
    pub(crate) active: bool,
    #[cached(json)]
    pub(crate) profile: Profile,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, CachedJson)]
pub(crate) struct Profile {
    pub(crate) address: Address,
    pub(crate) tags: Vec<String>,
    pub(crate) score: i64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, CachedJson)]
pub(crate) struct Address {
    pub(crate) city: String,
    pub(crate) zip: Option<String>,
    pub(crate) lat: f64,
    pub(crate) lon: f64,
}

const CHUNK: usize = 250_000;

impl Person {
    fn of(id: i64) -> Self {
        let mut random = Random::seeded(id.cast_unsigned());
        let number = random.below(100_000);
        Self {
            id,
            name: format!("Person {number}"),
            email: format!("person.{number}@example.com"),
            nickname: (random.below(3) == 0).then(|| format!("P{number}")),
            age: (random.below(10) > 0).then(|| i32::try_from(random.below(90)).unwrap_or(0)),
            visits: random.below(1_000).cast_signed(),
            amount: random.below(1_000_000) as f64 / 100.0,
            discount: (random.below(4) == 0).then(|| random.below(50) as f64),
            active: random.below(2) == 0,
            profile: Profile::of(&mut random),
        }
    }
}

impl Profile {
    fn of(random: &mut Random) -> Self {
        let address = Address {
            city: random.one_of(&CITIES).to_owned(),
            zip: (random.below(3) > 0).then(|| format!("{:05}", random.below(100_000))),
            lat: random.below(180_000) as f64 / 1e3 - 90.0,
            lon: random.below(360_000) as f64 / 1e3 - 180.0,
        };
        let tags = (0..random.below(4)).map(|_| random.one_of(&TAGS).to_owned()).collect();
        Self { address, tags, score: random.below(10_000).cast_signed() }
    }
}

pub(crate) fn people(rows: u64) -> Vec<Person> {
    ids(rows).into_iter().map(Person::of).collect()
}

pub(crate) fn fill_cache(folder: &Path, rows: u64) -> Result<()> {
    let builder = Cache::<Person>::builder().batches(BatchPolicy::Fixed(CHUNK));
    let cache = ours::settings(builder, folder, Memory::SMALL).open()?;
    let fetcher = |ids: &[i64]| -> std::result::Result<Vec<Person>, BoxError> {
        Ok(ids.iter().map(|id| Person::of(*id)).collect())
    };
    cache.all().warm(&ids(rows), &fetcher)?;
    Ok(cache.compact()?)
}

/// The documents as JSON text.
pub(crate) fn fill_parquet(path: &Path, rows: u64) -> Result<()> {
    let people = people(rows);
    let profiles = people.iter().map(|person| serde_json::to_string(&person.profile));
    let profiles = profiles.collect::<std::result::Result<Vec<String>, _>>()?;
    let mut frame = Person::to_frame(&people)?;
    frame.with_column(Column::new("profile".into(), profiles))?;
    ParquetWriter::new(File::create(path)?).finish(&mut frame)?;
    Ok(())
}

/// Reads one path of the nested column in all rows.
pub(crate) fn cities_from_cache(folder: &Path, rows: u64) -> Result<Round> {
    let ids = ids(rows);
    let work = || {
        let cache = ours::settings(Cache::<Person>::builder(), folder, Memory::LARGE).open()?;
        let fetcher = |_: &[i64]| -> std::result::Result<Vec<Person>, BoxError> { Err("all rows are cached".into()) };
        let cities: Vec<(String,)> = cache.select((Person::columns().profile.address.city,)).rows(&ids, &fetcher)?;
        Ok(cities)
    };
    Round::of(work, |cities| text_digest(cities.iter().map(|(city,)| Some(city.as_str()))))
}

/// Reads the same path from documents that are text.
pub(crate) fn cities_from_text(path: &Path) -> Result<Round> {
    let work = || {
        let frame = naive_polars::read_columns(path, &["id", "profile"])?;
        let mut cities = Vec::with_capacity(frame.height());
        for text in frame.column("profile")?.str()?.iter().flatten() {
            cities.push(serde_json::from_str::<Profile>(text)?.address.city);
        }
        Ok(cities)
    };
    Round::of(work, |cities| text_digest(cities.iter().map(|city| Some(city.as_str()))))
}
