use dbcache::CachedJson;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, CachedJson)]
struct Comment {
    text: String,
    answers: Vec<Comment>,
}

fn main() {}
