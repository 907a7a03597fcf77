use dbcache::Cached;

#[derive(Cached)]
#[cached(table = "public.users")]
struct User {
    number: i64,
    name: String,
}

fn main() {}
