use dbcache::CachedJson;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, CachedJson)]
struct Address {
    city: String,
}

#[derive(Serialize, Deserialize, CachedJson)]
struct Profile {
    #[serde(flatten)]
    address: Address,
}

fn main() {}
