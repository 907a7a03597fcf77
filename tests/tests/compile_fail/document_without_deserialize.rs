use dbcache::{Cached, CachedJson};

#[derive(CachedJson)]
struct Profile {
    city: String,
}

#[derive(Cached)]
#[cached(table = "public.users")]
struct User {
    #[cached(id)]
    id: i64,
    #[cached(json)]
    profile: Profile,
}

fn main() {}
