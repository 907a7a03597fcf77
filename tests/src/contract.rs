//! What every fetcher of a database promises: one suite, which each adapter runs against a database of its own.
//!
//! The SQL is what SQLite and PostgreSQL have in common.

pub mod ids;
pub mod names;
pub mod outage;
pub mod refusals;
pub mod rows;
pub mod spellings;
pub mod through_a_cache;

use dbcache::error::BoxError;
use dbcache::fetch::{Dynamic, FetchRequest, Fetched, Fetcher, RequestedColumn};
use dbcache::key::Key;
use dbcache::polars::prelude::*;
use dbcache::{Cached, CachedJson, TableName};
use serde::{Deserialize, Serialize};

/// A fetcher, and the database behind it, which nobody else uses.
pub trait Adapter: Sized + Send + Sync + 'static {
    /// An empty database with a schema `main`; `None` where this machine has no server for it.
    fn open() -> Option<Self>;

    /// Runs statements past the fetcher.
    fn execute(&self, sql: &str);

    /// Fetches a batch of any table.
    ///
    /// # Errors
    ///
    /// Those of the fetcher.
    fn fetch<K: Key>(&self, request: &FetchRequest<'_, K>) -> Result<Fetched<Dynamic<K>>, BoxError>;

    /// Fetches a batch of records.
    ///
    /// # Errors
    ///
    /// Those of the fetcher.
    fn fetch_items(&self, request: &FetchRequest<'_, i64>) -> Result<Fetched<Item>, BoxError>;

    /// All columns of a table, as far as the fetcher knows.
    fn table_columns(&self, table: &TableName) -> Option<Vec<String>>;

    /// From now on the database answers nobody, and drops the connections that it has.
    fn go_away(&self);

    /// The database is there again.
    fn come_back(&self);
}

/// A record of the table `main.items`.
#[derive(Clone, Debug, PartialEq, Cached)]
#[cfg_attr(feature = "databases", derive(sqlx::FromRow))]
#[cached(table = "main.items")]
pub struct Item {
    /// The key.
    #[cached(id)]
    pub id: i64,
    /// Text.
    pub name: Option<String>,
    /// An integer.
    pub amount: i32,
    /// A float.
    pub price: f64,
    /// A boolean.
    pub active: bool,
    /// A document.
    #[cached(json)]
    #[cfg_attr(feature = "databases", sqlx(json))]
    pub size: Size,
}

/// A document.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, CachedJson)]
pub struct Size {
    /// A number.
    pub width: i64,
    /// A list.
    pub tags: Vec<String>,
}

/// The table of the items.
pub const ITEMS: &str = r#"
    CREATE TABLE main.items (
        id BIGINT PRIMARY KEY, name TEXT, amount INTEGER, price DOUBLE PRECISION, active BOOLEAN, size JSON, secret TEXT
    );
    INSERT INTO main.items VALUES
        (1, 'lamp', 7, 5.5, TRUE, '{"width": 3, "tags": ["new"]}', 'x'),
        (2, NULL, -7, 7, FALSE, '{"width": 4, "tags": []}', 'y');
"#;

/// What is in the table of the items.
pub fn items() -> Vec<Item> {
    let size = |width, tags: &[&str]| Size { width, tags: tags.iter().map(ToString::to_string).collect() };
    vec![
        Item { id: 1, name: Some("lamp".to_owned()), amount: 7, price: 5.5, active: true, size: size(3, &["new"]) },
        Item { id: 2, name: None, amount: -7, price: 7.0, active: false, size: size(4, &[]) },
    ]
}

/// An adapter's fetcher, to be given to a cache.
#[derive(Debug)]
pub struct Of<'a, A>(pub &'a A);

impl<A: Adapter, K: Key> Fetcher<Dynamic<K>> for Of<'_, A> {
    fn fetch(&self, request: &FetchRequest<'_, K>) -> Result<Fetched<Dynamic<K>>, BoxError> {
        self.0.fetch(request)
    }

    fn table_columns(&self, table: &TableName) -> Option<Vec<String>> {
        self.0.table_columns(table)
    }
}

impl<A: Adapter> Fetcher<Item> for Of<'_, A> {
    fn fetch(&self, request: &FetchRequest<'_, i64>) -> Result<Fetched<Item>, BoxError> {
        self.0.fetch_items(request)
    }

    fn table_columns(&self, table: &TableName) -> Option<Vec<String>> {
        self.0.table_columns(table)
    }
}

/// Rows by the ids in `id_column`, sorted.
///
/// # Errors
///
/// Those of the fetcher.
pub fn fetch<K: Key>(
    database: &impl Adapter,
    table: &str,
    id_column: &str,
    ids: &[K],
    columns: Option<&[&str]>,
) -> Result<DataFrame, BoxError> {
    let table = TableName::new(table)?;
    let columns = columns.map(|names| names.iter().copied().map(RequestedColumn::new).collect::<Vec<_>>());
    let request = FetchRequest::new(ids, &table, id_column);
    let request = columns.as_deref().map_or(request, |columns| request.with_columns(columns));
    let rows = database.fetch(&request)?.into_frame(id_column)?;
    Ok(rows.sort([id_column], SortMultipleOptions::default())?)
}

/// All columns of the rows with these ids, sorted.
///
/// # Panics
///
/// When the fetch fails.
pub fn all<K: Key>(database: &impl Adapter, table: &str, ids: &[K]) -> DataFrame {
    fetch(database, table, "id", ids, None).expect("the fetch to succeed")
}

/// Some columns of the rows with these ids, sorted.
///
/// # Panics
///
/// When the fetch fails.
pub fn named<K: Key>(database: &impl Adapter, table: &str, ids: &[K], columns: &[&str]) -> DataFrame {
    fetch(database, table, "id", ids, Some(columns)).expect("the fetch to succeed")
}

/// What a fetch of all columns is refused with.
///
/// # Panics
///
/// When the fetch succeeds.
pub fn refusal<K: Key>(database: &impl Adapter, table: &str, id_column: &str, ids: &[K]) -> BoxError {
    fetch(database, table, id_column, ids, None).expect_err("the fetch to fail")
}

/// Makes a test of each promise, for one adapter.
#[macro_export]
macro_rules! fetcher_contract {
    ($adapter:ty) => {
        $crate::fetcher_contract! { $adapter: rows;
            rows_come_with_the_types_of_their_columns
            null_stays_null
            columns_of_nothing_but_nulls_keep_their_types
            an_answer_without_rows_keeps_the_types_of_its_columns
            only_wanted_columns_come_in_the_order_wanted
            a_wanted_column_that_the_table_lacks_is_left_out
            a_column_that_is_added_later_comes_when_it_is_wanted
            views_are_read_like_tables
        }
        $crate::fetcher_contract! { $adapter: ids;
            unknown_ids_are_left_out
            negative_ids_and_the_ends_of_64_bits_are_found
            ids_above_the_integers_of_the_column_are_not_there
            one_batch_may_ask_ten_thousand_ids
            text_ids_are_bound_and_never_pasted
            text_ids_differ_by_case
            the_id_column_has_the_name_that_is_asked_for
        }
        $crate::fetcher_contract! { $adapter: names;
            hostile_names_are_only_names
            a_dot_in_a_table_name_follows_the_schema
        }
        $crate::fetcher_contract! { $adapter: refusals;
            a_missing_table_is_named_beside_one_that_comes_near
            a_missing_id_column_is_named_beside_one_that_comes_near
            keys_of_the_wrong_type_are_refused_and_not_converted
        }
        $crate::fetcher_contract! { $adapter: through_a_cache;
            records_are_fetched_once
            typed_columns_are_fetched_once
            json_paths_are_fetched_once
            json_documents_come_structured
            nulls_are_hits
            text_keys_are_cached_like_integers
            a_missing_column_is_reported_beside_one_of_the_table
            many_threads_share_one_fetcher
        }
        $crate::fetcher_contract! { $adapter: outage;
            a_database_that_goes_away_fails_the_rest_and_loses_nothing
        }
    };
    ($adapter:ty: $module:ident; $($promise:ident)*) => {$(
        #[test]
        fn $promise() {
            if let Some(database) = <$adapter as $crate::contract::Adapter>::open() {
                $crate::contract::$module::$promise(&std::sync::Arc::new(database));
            }
        }
    )*};
}
