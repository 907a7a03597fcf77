use dbcache::{Cached, CachedJson, Selection};
use serde::{Deserialize, Serialize};

#[derive(Cached)]
#[cached(table = "public.users")]
struct User {
    #[cached(id)]
    id: i64,
    name: String,
    #[cached(json)]
    profile: Profile,
    #[cached(json)]
    former: Option<Profile>,
}

#[derive(Serialize, Deserialize, CachedJson)]
struct Profile {
    city: String,
}

fn select(_: impl Selection<User>) {}

fn main() {
    let n = User::columns().name;
    select((n, n, n, n, n, n, n, n, n, n, n, n, n, n, n, n, n));
}
