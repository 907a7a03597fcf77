use dbcache::Cached;

#[derive(Cached)]
#[cached(table = "public.users")]
struct User {
    #[cached(id)]
    id: i64,
    name: String,
    #[cached(rename = "name")]
    nick: String,
}

fn main() {}
