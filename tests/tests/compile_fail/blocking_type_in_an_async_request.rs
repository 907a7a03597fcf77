use dbcache::error::BoxError;
use dbcache::fetch::{FetchRequest, Fetched, Fetcher};
use dbcache::{Cache, Cached};

#[derive(Clone, Cached)]
#[cached(table = "public.users")]
struct User {
    #[cached(id)]
    id: i64,
    name: String,
}

struct Users;

impl Fetcher<User> for Users {
    fn fetch(&self, _: &FetchRequest<'_, i64>) -> Result<Fetched<User>, BoxError> {
        Ok(Vec::new().into())
    }
}

async fn rows(cache: &Cache<User>) {
    let _ = cache.rows_async(&[1], &Users).await;
}

fn main() {}
