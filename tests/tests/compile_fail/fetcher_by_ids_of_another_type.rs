use dbcache::{Cache, Cached};

#[derive(Cached)]
#[cached(table = "public.users")]
struct User {
    #[cached(id)]
    id: i64,
    name: String,
}

fn users(_: &[String]) -> Result<Vec<User>, std::io::Error> {
    Ok(Vec::new())
}

fn rows(cache: &Cache<User>) {
    let _ = cache.rows(&[1], &users);
}

fn main() {}
