use dbcache::Cached;

#[derive(Cached)]
#[cached(table = "users")]
struct User {
    #[cached(id)]
    id: Option<i64>,
    #[cached(id)]
    number: i64,
    #[cached(nmae = "x")]
    name: String,
    email: Option<Option<String>>,
    #[cached(rename = "email")]
    mail: &'static str,
}

fn main() {}
