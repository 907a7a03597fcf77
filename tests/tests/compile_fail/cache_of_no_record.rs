use dbcache::Cache;

struct User {
    id: i64,
}

fn main() {
    let _ = Cache::<User>::open("cache");
}
