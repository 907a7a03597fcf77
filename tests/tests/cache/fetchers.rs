//! Types that fetch: for records and for any table, behind pointers, and what a request tells them.

use std::sync::{Arc, Mutex};

use dbcache::error::BoxError;
use dbcache::fetch::{
    AsyncFetcher, BoxAsyncFetcher, BoxFetcher, Dynamic, FetchRequest, Fetched, Fetcher, RequestedColumn, Target,
};
use dbcache::polars::prelude::*;
use dbcache::{Cache, Cached, DynamicCache, Error, Progress, TableName};

use crate::Folder;

#[derive(Clone, Debug, PartialEq, Cached)]
#[cached(table = "public.users")]
struct User {
    #[cached(id)]
    id: i64,
    age: u8,
    address: String,
}

/// Any table of the columns `id`, `age` and `address`, for records and dynamic requests alike.
#[derive(Debug, Default)]
struct Ages {
    requested: Mutex<Vec<RequestedColumn>>,
}

impl Ages {
    fn rows<T: Target>(&self, request: &FetchRequest<'_, T::Id>) -> Result<Fetched<T>, BoxError> {
        self.requested.lock().unwrap().extend(request.columns().unwrap_or_default().iter().cloned());
        let count = request.ids().len();
        let ids: Vec<i64> = (1..).take(count).collect();
        let frame = df!["id" => ids, "age" => vec![36; count], "address" => vec![r#"{"city": "London"}"#; count]]?;
        Ok(Fetched::from(frame).with_json_column("address"))
    }
}

impl<T: Target> Fetcher<T> for Ages {
    fn fetch(&self, request: &FetchRequest<'_, T::Id>) -> Result<Fetched<T>, BoxError> {
        self.rows(request)
    }

    fn max_batch(&self) -> Option<usize> {
        Some(1)
    }

    fn table_columns(&self, _: &TableName) -> Option<Vec<String>> {
        Some(["id", "age", "address"].map(str::to_owned).into())
    }
}

impl<T: Target> AsyncFetcher<T> for Ages {
    async fn fetch(&self, request: &FetchRequest<'_, T::Id>) -> Result<Fetched<T>, BoxError> {
        self.rows(request)
    }

    fn max_batch(&self) -> Option<usize> {
        Some(1)
    }

    async fn table_columns(&self, _: &TableName) -> Option<Vec<String>> {
        Some(["id", "age", "address"].map(str::to_owned).into())
    }
}

fn ada() -> User {
    User { id: 1, age: 36, address: r#"{"city": "London"}"#.to_owned() }
}

fn typed(folder: &Folder) -> Cache<User> {
    Cache::builder().folder(folder.path("")).progress(Progress::Silent).open().unwrap()
}

#[test]
fn one_implementation_fetches_records_and_rows_of_any_table() {
    let fetcher = Ages::default();
    assert_eq!(typed(&Folder::new()).rows(&[1], &fetcher).unwrap(), [ada()]);
    let ages = Folder::new().users().select(["age"]).unwrap().frame(&[1], &fetcher).unwrap();
    assert_eq!(ages, df!["id" => [1_i64], "age" => [36]].unwrap());
}

#[test]
fn pointers_to_a_fetcher_fetch_like_it() {
    fn check<T: Target>(fetcher: &impl Fetcher<T>) {
        let table = TableName::new("public.users").unwrap();
        assert_eq!(fetcher.max_batch(), Some(1));
        assert_eq!(fetcher.table_columns(&table).unwrap(), ["id", "age", "address"]);
    }
    let shared: BoxFetcher<User> = Arc::new(Ages::default());
    let boxed: Box<dyn Fetcher<User>> = Box::new(Ages::default());
    let borrowed: &dyn Fetcher<User> = &Ages::default();
    for rows in [
        typed(&Folder::new()).rows(&[1], &shared),
        typed(&Folder::new()).rows(&[1], &*shared),
        typed(&Folder::new()).rows(&[1], &boxed),
        typed(&Folder::new()).rows(&[1], borrowed),
    ] {
        assert_eq!(rows.unwrap(), [ada()]);
    }
    check::<User>(&shared);
    check::<User>(&boxed);
    check::<User>(&borrowed);
    check::<Dynamic<String>>(&Arc::new(Ages::default()));
}

#[tokio::test]
async fn async_fetchers_of_several_types_stand_in_one_list() {
    let closure = async |_: Vec<i64>| -> Result<Vec<User>, std::io::Error> { Ok(vec![ada()]) };
    let fetchers = [
        BoxAsyncFetcher::<User>::new(Ages::default()),
        BoxAsyncFetcher::new(Arc::new(Ages::default())),
        BoxAsyncFetcher::new(closure),
    ];
    for fetcher in &fetchers {
        let cache = typed(&Folder::new());
        assert_eq!(cache.rows_async(&[1], fetcher).await.unwrap(), [ada()]);
    }
    let [first, second, closure] = fetchers.map(|fetcher| fetcher.max_batch());
    assert_eq!((first, second, closure), (Some(1), Some(1), None));
}

#[tokio::test]
async fn a_boxed_async_fetcher_tells_the_columns_of_the_table() {
    let fetcher = BoxAsyncFetcher::<Dynamic<i64>>::new(Ages::default());
    let folder = Folder::new();
    let refused = folder.users().select(["agee"]).unwrap().frame_async(&[1], &fetcher).await.unwrap_err();
    assert!(matches!(&refused, Error::ColumnsNotFound { columns, .. } if columns[0].suggestions == ["age"]));
}

#[test]
fn a_request_tells_the_types_that_the_record_declares() {
    let fetcher = Ages::default();
    typed(&Folder::new()).rows(&[1], &fetcher).unwrap();
    let requested = fetcher.requested.into_inner().unwrap();
    assert_eq!(requested, RequestedColumn::of_record::<User>());
    let declared = |name, data_type| RequestedColumn::new(name).with_declared(data_type);
    assert_eq!(requested, [declared("age", DataType::UInt8), declared("address", DataType::String)]);
}

#[test]
fn a_request_tells_the_types_that_the_query_pins_until_another_is_stored() {
    let (folder, fetcher) = (Folder::new(), Ages::default());
    let query = folder.users().select(["age"]).unwrap().pin("age", DataType::Int64).unwrap();
    query.frame(&[1], &fetcher).unwrap();
    let requested = fetcher.requested.lock().unwrap().clone();
    assert_eq!(requested, [RequestedColumn::new("age").with_pinned(DataType::Int64)]);
    query.refresh().frame(&[1], &fetcher).unwrap();
    assert_eq!(fetcher.requested.lock().unwrap()[1], RequestedColumn::new("age"));
}

#[test]
fn a_text_column_is_json_only_where_the_fetcher_says_so() {
    let address = |fetched: fn(DataFrame) -> Fetched<Dynamic<i64>>| {
        let fetcher = move |ids: &[i64], _: &str| -> Result<_, PolarsError> {
            Ok(fetched(df!["id" => ids, "address" => vec![r#"{"city": "London"}"#; ids.len()]]?))
        };
        let cache = DynamicCache::builder().folder(Folder::new().path("")).progress(Progress::Silent).open().unwrap();
        let frame = cache.table("public.users").unwrap().select(["address"]).unwrap().frame(&[1], &fetcher).unwrap();
        frame.column("address").unwrap().dtype().clone()
    };
    assert_eq!(address(Fetched::from), DataType::String);
    assert!(address(|frame| Fetched::from(frame).with_json_column("address")).is_struct());
    assert_eq!(address(|frame| Fetched::from(frame).with_json_column("other")), DataType::String);
}

#[test]
fn a_marked_column_that_is_no_text_fails_its_batch() {
    let fetcher = |ids: &[i64], _: &str| -> Result<Fetched<Dynamic<i64>>, PolarsError> {
        Ok(Fetched::from(df!["id" => ids, "age" => vec![36; ids.len()]]?).with_json_column("age"))
    };
    let refused = Folder::new().users().select(["age"]).unwrap().frame(&[1], &fetcher).unwrap_err();
    let Error::FetchFailed { failures, .. } = refused else { panic!("{refused:?}") };
    assert!(format!("{:#}", failures[0]).contains("JSON text"), "{:#}", failures[0]);
}

#[test]
fn rows_in_parts_are_stored_in_the_type_of_the_lowest_id() {
    let fetcher = |_: &[i64], _: &str| -> Result<Fetched<Dynamic<i64>>, PolarsError> {
        let numbers = df!["id" => [1_i64, 3], "size" => [36, 38]]?;
        let texts = df!["id" => [2_i64], "size" => ["medium"]]?;
        Ok(Fetched::in_parts([numbers, texts]))
    };
    let refused = Folder::new().users().select(["size"]).unwrap().frame(&[1, 2, 3], &fetcher).unwrap_err();
    let Error::FetchFailed { rejected, stored, failures, .. } = refused else { panic!("{refused:?}") };
    assert_eq!((stored, failures.len(), rejected[0].id.clone()), (2, 0, 2_i64.into()));
}
