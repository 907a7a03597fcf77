use dbcache::{Cache, Cached, CachedJson};
use serde::{Deserialize, Serialize};

#[derive(Cached)]
#[cached(table = "public.users")]
struct User {
    #[cached(id)]
    id: i64,
    name: String,
    #[cached(json)]
    profile: Profile,
}

#[derive(Serialize, Deserialize, CachedJson)]
struct Profile {
    city: String,
}

fn users(_: &[i64]) -> Result<Vec<User>, std::io::Error> {
    Ok(Vec::new())
}

fn rows(cache: &Cache<User>) -> dbcache::Result<()> {
    let c = User::columns();
    let _ = cache.select((c.name.first, c.profile.city)).rows(&[1], &users)?;
    Ok(())
}

fn main() {}
