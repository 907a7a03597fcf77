use dbcache::{Cache, Cached};

#[derive(Clone, Cached)]
#[cached(table = "public.users")]
struct User {
    #[cached(id)]
    id: i64,
    name: String,
}

async fn rows(cache: &Cache<User>, name: String) {
    let users = async move |ids: Vec<i64>| -> Result<Vec<User>, std::io::Error> {
        Ok(ids.into_iter().map(|id| User { id, name: name.clone() }).collect())
    };
    let _ = cache.rows_async(&[1], &users).await;
}

fn main() {}
