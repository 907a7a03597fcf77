use dbcache::CachedJson;

#[derive(CachedJson)]
struct Profile {
    since: std::time::Instant,
}

fn main() {}
