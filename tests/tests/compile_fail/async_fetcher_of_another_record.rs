use dbcache::{Cache, Cached};

#[derive(Clone, Cached)]
#[cached(table = "public.users")]
struct User {
    #[cached(id)]
    id: i64,
    name: String,
}

#[derive(Cached)]
#[cached(table = "public.orders")]
struct Order {
    #[cached(id)]
    id: i64,
    total: f64,
}

async fn orders(_: Vec<i64>) -> Result<Vec<Order>, std::io::Error> {
    Ok(Vec::new())
}

async fn rows(cache: &Cache<User>) {
    let _ = cache.rows_async(&[1], &orders).await;
}

fn main() {}
