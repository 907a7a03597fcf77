use dbcache::Cached;

#[derive(Cached)]
#[cached(table = "public.users")]
enum User {
    Guest,
    Member { id: i64 },
}

fn main() {}
