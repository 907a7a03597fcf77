use dbcache::Cached;

#[derive(Cached)]
#[cached(table = "public.users")]
struct User {
    #[cached(id)]
    id: i64,
    #[cached(rename)]
    name: String,
}

fn main() {}
