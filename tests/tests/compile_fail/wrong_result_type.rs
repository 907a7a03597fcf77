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
    let c = User::columns();
    let _: Vec<(String, i64)> = rows((c.name, c.profile.city));
}
