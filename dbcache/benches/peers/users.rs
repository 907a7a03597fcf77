//! Generated users. A number always gives the same user, with a random 64-bit id.

use dbcache::Cached;
use dbcache::polars::prelude::*;

use crate::random::{Random, mix};

/// A row of the table that most cases use.
#[derive(Clone, Debug, PartialEq, Cached)]
#[cached(table = "bench.users")]
pub(crate) struct User {
    #[cached(id)]
    pub(crate) id: i64,
    pub(crate) name: String,
    pub(crate) age: i64,
    pub(crate) amount: f64,
    pub(crate) email: String,
    /// JSON text, as in a text column of a database.
    pub(crate) profile: String,
}

pub(crate) const TABLE: &str = "bench.users";

const FIRST: [&str; 12] =
    ["Ada", "Blaise", "Chen", "Dorothy", "Emmy", "Fatima", "Grace", "Hedy", "Ibrahim", "Joan", "Katherine", "Lise"];
const LAST: [&str; 10] =
    ["Ångström", "Bose", "Curie", "Dijkstra", "Euler", "Franklin", "Gauss", "Hopper", "Lovelace", "Noether"];
pub(crate) const CITIES: [&str; 8] =
    ["Lisbon", "Kyoto", "Zürich", "Nairobi", "Montréal", "Valparaíso", "Wellington", "Reykjavík"];
pub(crate) const TAGS: [&str; 6] = ["reader", "walker", "cook", "climber", "singer", "gardener"];
const PLANS: [&str; 3] = ["free", "plus", "premium"];

/// Returns the id of the user with this number.
pub(crate) fn id(number: u64) -> i64 {
    mix(number).cast_signed()
}

/// Returns the sorted ids of the first `count` users.
pub(crate) fn ids(count: u64) -> Vec<i64> {
    let mut ids: Vec<i64> = (0..count).map(id).collect();
    ids.sort_unstable();
    ids
}

/// Returns sorted, distinct ids of some of the first `rows` users, different for each seed.
pub(crate) fn some_ids(rows: u64, count: u64, seed: u64) -> Vec<i64> {
    let mut random = Random::seeded(mix(seed ^ count.rotate_left(32)));
    let mut ids: Vec<i64> = (0..count).map(|_| id(random.below(rows))).collect();
    ids.sort_unstable();
    ids.dedup();
    ids
}

/// Returns sorted ids of users after the first `rows`, different for each batch.
pub(crate) fn new_ids(rows: u64, count: u64, batch: u64) -> Vec<i64> {
    let first = rows + batch * count;
    let mut ids: Vec<i64> = (first..first + count).map(id).collect();
    ids.sort_unstable();
    ids
}

impl User {
    pub(crate) fn of(id: i64) -> Self {
        let mut random = Random::seeded(id.cast_unsigned());
        let (first, last) = (random.one_of(&FIRST), random.one_of(&LAST));
        let number = random.below(100_000);
        Self {
            id,
            name: format!("{first} {last}"),
            age: random.below(90).cast_signed() + 10,
            amount: random.below(1_000_000) as f64 / 100.0,
            email: format!("{}.{number}@example.com", first.to_lowercase()),
            profile: profile(&mut random),
        }
    }
}

/// About 165 bytes.
fn profile(random: &mut Random) -> String {
    let (city, zip) = (random.one_of(&CITIES), random.below(100_000));
    let (latitude, longitude) = (random.below(180_000) as f64 / 1e3 - 90.0, random.below(360_000) as f64 / 1e3 - 180.0);
    let (tag, other) = (random.one_of(&TAGS), random.one_of(&TAGS));
    let (score, plan, active) = (random.below(10_000), random.one_of(&PLANS), random.below(2) == 0);
    format!(
        r#"{{"address":{{"city":"{city}","zip":"{zip:05}","geo":{{"lat":{latitude:.3},"lon":{longitude:.3}}}}},"tags":["{tag}","{other}"],"score":{score},"plan":"{plan}","active":{active}}}"#
    )
}

/// Returns the rows of these ids as a frame, for all contenders that take columns.
#[derive(Debug, Default)]
pub(crate) struct Columns {
    id: Vec<i64>,
    name: Vec<String>,
    age: Vec<i64>,
    amount: Vec<f64>,
    email: Vec<String>,
    profile: Vec<String>,
}

impl Columns {
    pub(crate) fn push(&mut self, user: User) {
        self.id.push(user.id);
        self.name.push(user.name);
        self.age.push(user.age);
        self.amount.push(user.amount);
        self.email.push(user.email);
        self.profile.push(user.profile);
    }

    pub(crate) fn into_frame(self) -> PolarsResult<DataFrame> {
        df![
            "id" => self.id,
            "name" => self.name,
            "age" => self.age,
            "amount" => self.amount,
            "email" => self.email,
            "profile" => self.profile,
        ]
    }
}

pub(crate) fn frame(ids: &[i64]) -> PolarsResult<DataFrame> {
    let mut columns = Columns::default();
    for id in ids {
        columns.push(User::of(*id));
    }
    columns.into_frame()
}

pub(crate) fn rows(ids: &[i64]) -> Vec<User> {
    ids.iter().map(|id| User::of(*id)).collect()
}

/// Returns a number that all correct results share: the sum of an integer column.
pub(crate) fn digest(frame: &DataFrame) -> PolarsResult<i64> {
    Ok(frame.column("age")?.i64()?.sum().unwrap_or_default())
}
