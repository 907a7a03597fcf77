use dbcache::{Cache, Cached};

#[derive(Clone, Cached)]
#[cached(table = "public.users")]
struct User {
    #[cached(id)]
    id: i64,
    name: String,
}

async fn users(ids: Vec<i64>) -> Result<Vec<User>, std::io::Error> {
    let name = std::rc::Rc::new("Ada".to_owned());
    std::future::ready(()).await;
    Ok(ids.into_iter().map(|id| User { id, name: name.to_string() }).collect())
}

async fn rows(cache: &Cache<User>) {
    let _ = cache.rows_async(&[1], &users).await;
}

fn main() {}
