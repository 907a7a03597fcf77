use dbcache::Cached;

#[derive(Cached)]
#[cached(table = "public.users")]
struct User(i64, String);

fn main() {}
