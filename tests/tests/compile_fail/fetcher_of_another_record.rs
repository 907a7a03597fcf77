use dbcache::{Cache, Cached};

#[derive(Cached)]
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

fn orders(_: &[i64]) -> Result<Vec<Order>, std::io::Error> {
    Ok(Vec::new())
}

fn rows(cache: &Cache<User>) {
    let _ = cache.rows(&[1], &orders);
}

fn main() {}
