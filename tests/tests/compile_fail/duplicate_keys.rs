use dbcache::CachedJson;

#[derive(CachedJson)]
struct Profile {
    city: String,
    #[serde(rename = "city")]
    town: String,
}

fn main() {}
