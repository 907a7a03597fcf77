use dbcache::{Cached, CachedJson};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, CachedJson)]
struct Profile {
    city: String,
}

#[derive(Cached)]
#[cached(table = "public.users")]
struct User {
    #[cached(id)]
    id: i64,
    profile: Profile,
}

fn main() {}
