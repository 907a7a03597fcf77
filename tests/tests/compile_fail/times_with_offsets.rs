use chrono::{DateTime, FixedOffset};
use dbcache::Cached;

#[derive(Cached)]
#[cached(table = "public.users")]
struct User {
    #[cached(id)]
    id: i64,
    born: DateTime<FixedOffset>,
    seen: Option<chrono::DateTime<FixedOffset>>,
}

fn main() {}
