use dbcache::{Cache, Cached};

#[derive(Clone, Cached)]
#[cached(table = "public.users")]
struct User {
    #[cached(id)]
    id: i64,
    name: String,
}

fn users(_: &[i64]) -> Result<Vec<User>, std::io::Error> {
    Ok(Vec::new())
}

async fn rows(cache: &Cache<User>) {
    let _ = cache.rows_async(&[1], &users).await;
}

fn main() {}
