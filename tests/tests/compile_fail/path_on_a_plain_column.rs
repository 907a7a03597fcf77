use dbcache::{Cached, CachedJson};
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

fn main() {
    let c = User::columns();
    c.name.first;
}
