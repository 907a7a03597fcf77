use dbcache::Cached;

#[derive(Cached)]
#[cached(table = "public.users")]
struct User<'a> {
    #[cached(id)]
    id: i64,
    name: &'a str,
}

fn main() {}
