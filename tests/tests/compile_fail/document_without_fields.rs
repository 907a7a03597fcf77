use dbcache::CachedJson;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, CachedJson)]
struct Profile {}

fn main() {}
