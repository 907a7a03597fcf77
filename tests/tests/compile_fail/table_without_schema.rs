use dbcache::Cached;

#[derive(Cached)]
#[cached(table = "users")]
struct User {
    #[cached(id)]
    id: i64,
    name: String,
}

fn main() {}
