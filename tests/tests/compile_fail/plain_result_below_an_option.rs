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

fn rows<S: Selection<User>>(_: S) -> Vec<S::Row> {
    Vec::new()
}

fn main() {
    let _: Vec<String> = rows(User::columns().former.city);
}
