//! The fetchers for PostgreSQL, against a server that these tests start: the contract of all fetchers, and what is
//! PostgreSQL's own.
#![expect(clippy::unwrap_used, reason = "a test that unwraps in vain has failed")]

mod blocking;
mod differential;
mod ids;
mod large_answers;
mod pooled;
mod refusals;
mod spellings;
mod sqlx_pool;
mod time_limits;
mod types;
mod within_tokio;

/// A fetcher for PostgreSQL, for the tests that are its own.
trait PostgresAdapter: dbcache_tests::contract::Adapter {
    /// Fetches a batch of records.
    fn fetch_everything(
        &self,
        request: &dbcache::fetch::FetchRequest<'_, i64>,
    ) -> Result<dbcache::fetch::Fetched<types::Everything>, dbcache::error::BoxError>;

    /// Where the database is.
    fn url(&self) -> String;
}

/// Makes a test of each promise that is PostgreSQL's own.
macro_rules! postgres_contract {
    ($adapter:ty) => {
        crate::postgres_contract! { $adapter: types;
            every_type_comes_dynamically
            every_type_comes_in_records
            every_type_is_stored_and_answered_as_it_came
            nulls_of_every_type_stay_null
            domains_come_as_what_they_restrict
            numbers_of_undeclared_length_come_as_text
            the_ends_of_every_type_are_exact
        }
        crate::postgres_contract! { $adapter: ids;
            uuid_columns_are_asked_by_uuids_and_by_text
            numeric_columns_are_asked_by_huge_integers
            numeric_columns_are_asked_by_integers_of_128_bits
            small_integer_columns_are_asked_by_any_integer
            enums_and_padded_text_are_keys
            the_database_may_stand_before_the_schema
            the_index_of_the_key_is_used
        }
        crate::postgres_contract! { $adapter: spellings;
            an_id_under_another_spelling_is_an_error_that_names_both
            rows_that_differ_in_spelling_alone_are_rows_of_their_own
        }
        crate::postgres_contract! { $adapter: refusals;
            a_type_that_cannot_be_cached_is_named_with_its_column
            a_value_that_its_column_cannot_hold_is_named_with_its_row
            an_altered_column_is_read_anew
            a_table_that_may_not_be_read_is_an_error_of_the_server
        }
        crate::postgres_contract! { $adapter: differential;
            every_value_is_what_the_database_writes
        }
        crate::postgres_contract! { shared $adapter: large_answers;
            every_type_comes_beside_megabytes_of_text
            a_type_without_a_column_type_is_refused_by_name
            records_with_an_enum_come_beside_megabytes_of_text
            a_column_that_becomes_an_enum_is_an_error_and_then_read
            columns_of_one_query_may_have_different_collations
        }
    };
    (shared $adapter:ty: $module:ident; $($promise:ident)*) => {$(
        #[test]
        fn $promise() {
            if let Some(database) = <$adapter as dbcache_tests::contract::Adapter>::open() {
                crate::$module::$promise(&std::sync::Arc::new(database));
            }
        }
    )*};
    ($adapter:ty: $module:ident; $($promise:ident)*) => {$(
        #[test]
        fn $promise() {
            if let Some(database) = <$adapter as dbcache_tests::contract::Adapter>::open() {
                crate::$module::$promise(&database);
            }
        }
    )*};
}
use postgres_contract;
