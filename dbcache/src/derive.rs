//! The derives, with their documentation: the derive crate itself cannot run examples that need this one.

/// Makes a struct a record: one row of a table, with a column for each field.
///
/// ```
/// use dbcache::{Cached, CachedJson, Record};
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Clone, Debug, PartialEq, Cached)]
/// #[cached(table = "public.users")]
/// struct User {
///     #[cached(id)]
///     id: i64,
///     name: String,
///     age: Option<i32>,
///     #[cached(json)]
///     profile: Profile,
/// }
///
/// #[derive(Clone, Debug, PartialEq, Serialize, Deserialize, CachedJson)]
/// struct Profile {
///     city: String,
/// }
///
/// let c = User::columns();
/// assert_eq!(c.profile.city.column().to_string(), "profile.city");
/// assert_eq!(User::schema().table().as_str(), "public.users");
/// ```
///
/// It implements [`Record`](crate::Record), and makes a struct `UserColumns` beside `User`, as visible as that, which
/// [`User::columns()`](crate::Record::columns) gives: a [`Column`](crate::column::Column) for each field, under the
/// field's name. A column that does not exist, or a result of the wrong type, does not compile.
///
/// The struct has named fields, one of them the primary key, and neither type parameters nor lifetimes. The types
/// that fields can have are listed at [`ColumnValue`](crate::ColumnValue). Several structs may name one table: they
/// share its cached rows, and each asks only for its own columns.
///
/// # Attributes of the struct
///
/// | attribute | meaning |
/// |---|---|
/// | `table = "schema.table"` | the table; required, and checked as by [`TableName`](crate::TableName) |
/// | `rename_all = "camelCase"` | how columns are called after their fields; the rules are serde's |
/// | `columns = "Name"` | the name of the struct of columns, where there is a `UserColumns` already |
/// | `crate = "path"` | where dbcache is, if not at `::dbcache` |
///
/// ```
/// # extern crate dbcache as row_cache;
/// use row_cache::{Cached, Record};
///
/// #[derive(Cached)]
/// #[cached(table = "warehouse.public.stock_items", rename_all = "camelCase")]
/// #[cached(columns = "StockFields", crate = "row_cache")]
/// struct StockItem {
///     #[cached(id)]
///     item_no: String,
///     unit_price: f64,
/// }
///
/// let fields: StockFields = StockItem::columns();
/// assert_eq!(fields.unit_price.name(), "unitPrice");
/// ```
///
/// # Attributes of a field
///
/// | attribute | meaning |
/// |---|---|
/// | `id` | the primary key, of a type that is a [`Key`](crate::key::Key); required, on one field |
/// | `rename = "name"` | the column's name, where it is not the field's |
/// | `json` | a document: comes from the database as JSON text or structured, and is kept as nested Parquet columns. The type derives [`CachedJson`] and `serde::Deserialize`, or is an `Option` or a `Vec` of such a type, or a `Vec` of plain values |
/// | `default` | rows that were stored before the field existed have its `Default`, and are not fetched again for it |
/// | `default = "path"` | the same with what the function at the path gives |
/// | `skip` | no column; a row that is read has the field's `Default` |
///
/// ```
/// use dbcache::{Cached, Record};
///
/// #[derive(Cached)]
/// #[cached(table = "public.articles")]
/// struct Article {
///     #[cached(id, rename = "article_id")]
///     id: u32,
///     r#type: String,
///     #[cached(json)]
///     keywords: Vec<String>,
///     extra: serde_json::Value,
///     #[cached(default)]
///     comments: u32,
///     #[cached(default = "english")]
///     language: String,
///     #[cached(skip)]
///     scratch: Option<usize>,
/// }
///
/// fn english() -> String {
///     "en".to_owned()
/// }
///
/// let schema = Article::schema();
/// assert_eq!(schema.id().column().column(), "article_id");
/// let names: Vec<&str> = schema.columns().iter().map(|column| column.column().column()).collect();
/// assert_eq!(names, ["type", "keywords", "extra", "comments", "language"]);
/// ```
///
/// A column of plain values, such as an enum or a `Vec<String>` that the database has as an array, takes no `json`:
/// its values are stored as they come. A field of type `serde_json::Value` is JSON text with it or without.
pub use dbcache_derive::Cached;

/// Makes a type a document in a `#[cached(json)]` field, or an enum in any field.
///
/// ```
/// use dbcache::polars::prelude::DataType;
/// use dbcache::{Cached, CachedJson, Record};
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Serialize, Deserialize, CachedJson)]
/// #[serde(rename_all = "camelCase")]
/// struct Profile {
///     home_address: Option<Address>,
///     tags: Vec<String>,
///     level: Level,
///     extra: serde_json::Value,
///     #[serde(default, rename = "n")]
///     visits: u32,
///     #[serde(skip)]
///     scratch: u8,
/// }
///
/// #[derive(Serialize, Deserialize, CachedJson)]
/// struct Address {
///     city: String,
/// }
///
/// #[derive(Serialize, Deserialize, CachedJson)]
/// #[serde(rename_all = "lowercase")]
/// enum Level {
///     Basic,
///     Gold,
/// }
///
/// #[derive(Cached)]
/// #[cached(table = "public.users")]
/// struct User {
///     #[cached(id)]
///     id: i64,
///     #[cached(json)]
///     profile: Profile,
///     level: Level,
/// }
///
/// let city = User::columns().profile.home_address.city;
/// assert_eq!(city.column().to_string(), "profile.homeAddress.city");
/// assert!(city.nullable());
/// assert_eq!(User::columns().level.data_type(), &DataType::String);
/// ```
///
/// # Structs
///
/// A struct with named fields is stored as nested columns, one for each field, so that reading one path decodes one
/// leaf and parses nothing. What a path names is what serde reads: `#[serde(rename = "…")]`,
/// `rename(deserialize = "…")`, `rename_all` and `skip` count, and `default` fills what the JSON lacks. `flatten`,
/// and attributes after which the JSON has another form (`from`, `into`, `try_from`, `remote`, `transparent`,
/// `tag`), are refused.
///
/// [`Record::columns`](crate::Record::columns) has a struct of columns for a document, `ProfileColumns` for
/// `Profile`. It is a column itself, and has the columns below it as fields. Below an `Option` they are all `Option`s:
/// `city` above is a `Column<User, Option<String>>`. A `Vec` is one column, without paths into it.
///
/// # Enums
///
/// An enum without values is stored as text, by the names that serde gives its variants (`rename`, `rename_all`,
/// `alias`, `other`). One whose variants carry values, or with `tag`, `content` or `untagged`, is JSON text, and
/// needs `serde::Serialize` and `serde::Deserialize`.
///
/// # Attributes
///
/// `#[cached(crate = "path")]` on the type says where dbcache is, if not at `::dbcache`.
/// `#[cached(columns = "Name")]` names the struct of columns of a document.
/// `#[cached(rename_all = "…")]` counts where serde's is not given: for types that derive nothing of serde.
///
/// ```
/// # extern crate dbcache as row_cache;
/// use row_cache::{Cached, CachedJson};
///
/// #[derive(CachedJson)]
/// #[cached(crate = "row_cache", rename_all = "snake_case")]
/// enum State {
///     InTransit,
///     Delivered,
/// }
/// ```
pub use dbcache_derive::CachedJson;
