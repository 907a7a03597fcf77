use dbcache::CachedJson;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, CachedJson)]
struct City(String);

fn main() {}
