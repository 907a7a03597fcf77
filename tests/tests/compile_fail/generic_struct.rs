use dbcache::Cached;

#[derive(Cached)]
#[cached(table = "public.users")]
struct User<E> {
    #[cached(id)]
    id: i64,
    extra: E,
}

fn main() {}
