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

#[derive(Cached)]
#[cached(table = "public.orders")]
struct Order {
    #[cached(id)]
    id: i64,
    total: f64,
    #[cached(json)]
    customer: Profile,
}

fn select(_: impl Selection<User>) {}

fn main() {
    select((User::columns().name, Order::columns().total));
}
