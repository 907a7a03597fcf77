use dbcache::{Cache, Cached};

#[derive(Clone, Cached)]
#[cached(table = "public.users")]
struct User {
    #[cached(id)]
    id: i64,
    name: String,
}

async fn rows(cache: &Cache<User>) {
    let users = async |_: Vec<String>| -> Result<Vec<User>, std::io::Error> { Ok(Vec::new()) };
    let _ = cache.rows_async(&[1], &users).await;
}

fn main() {}
