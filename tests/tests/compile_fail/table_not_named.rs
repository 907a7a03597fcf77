use dbcache::Cached;

#[derive(Cached)]
struct User {
    #[cached(id)]
    id: i64,
    name: String,
}

fn main() {}
