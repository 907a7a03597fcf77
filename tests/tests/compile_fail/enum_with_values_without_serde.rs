use dbcache::CachedJson;

#[derive(CachedJson)]
enum Shape {
    Circle { radius: f64 },
    Point,
}

fn main() {}
