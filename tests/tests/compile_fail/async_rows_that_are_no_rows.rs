use dbcache::Table;

async fn names(_: Vec<i64>, _: String) -> Result<Vec<String>, std::io::Error> {
    Ok(Vec::new())
}

async fn frame(users: &Table) {
    let _ = users.select(["name"]).unwrap().frame_async(&[1], &names).await;
}

fn main() {}
