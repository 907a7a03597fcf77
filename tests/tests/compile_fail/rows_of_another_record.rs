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

fn users(_: &[i64]) -> Result<Vec<User>, std::io::Error> {
    Ok(Vec::new())
}

fn rows(cache: &Cache<User>) -> dbcache::Result<()> {
    let _: Vec<Order> = cache.rows(&[1], &users)?;
    Ok(())
}

fn main() {}
