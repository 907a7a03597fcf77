use dbcache::Cached;

#[derive(Cached)]
#[cached(table = "public.users", rename_all = "camel_case")]
struct User {
    #[cached(id)]
    id: i64,
    name: String,
}

fn main() {}
