use dbcache::Cached;

#[derive(Cached)]
#[cached(table = "public.users")]
struct User {
    #[cached(id)]
    id: i64,
    #[cached(primary)]
    name: String,
}

fn main() {}
