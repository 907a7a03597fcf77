use dbcache::Cached;

#[derive(Cached)]
#[cached(table = "public.users")]
struct User {
    id: i64,
    name: String,
}

fn main() {}
