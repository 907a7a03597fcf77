use dbcache::Cached;

#[derive(Cached)]
#[cached(table = "public.users")]
struct User {
    #[cached(id)]
    id: i64,
    since: std::time::Instant,
}

fn main() {}
