//! The derives, with their documentation. The examples need this crate, on which the derive crate cannot depend.

/// Derives [`Record`](crate::Record) for a struct: a row of a table, with a column for each field.
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
/// The derive also generates a struct `UserColumns`, with the visibility of `User`. It has a
/// [`Column`](crate::column::Column) for each field, with the name of the field.
/// [`User::columns()`](crate::Record::columns) returns it. A column that does not exist, or a result of the wrong type,
/// does not compile.
///
/// The struct must have named fields, and no type parameters or lifetimes. One of the fields must be the primary key.
/// [`ColumnValue`](crate::ColumnValue) lists the types that fields can have. Several structs can have the same table:
/// they share its cached rows, and each requests only its own columns.
///
/// # Attributes of the struct
///
/// | attribute | meaning |
/// |---|---|
/// | `table = "schema.table"` | the table; required, and valid as a [`TableName`](crate::TableName) |
/// | `rename_all = "camelCase"` | converts the names of fields into names of columns, by the rules of serde |
/// | `columns = "Name"` | the name of the struct of columns, if the name `UserColumns` is already taken |
/// | `crate = "path"` | the path of dbcache, if it is not `::dbcache` |
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
/// | `id` | the primary key; its type is a [`Key`](crate::key::Key); required, on exactly one field |
/// | `rename = "name"` | the name of the column, if it is not the name of the field |
/// | `json` | a document: fetched as JSON text or structured values, and stored as nested Parquet columns. The type derives [`CachedJson`] and `serde::Deserialize`, or it is an `Option` or a `Vec` of such a type, or a `Vec` of plain values |
/// | `default` | rows that were stored before the field existed get its `Default`, and are not fetched again |
/// | `default = "path"` | like `default`, with the result of the function at `path` |
/// | `skip` | the field is not a column; rows get its `Default` |
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
/// Omit `json` for a column of plain values, such as an enum, or a `Vec<String>` that is an array in the database: its
/// values are stored as they are fetched. A field of type `serde_json::Value` is JSON text with or without `json`.
pub use dbcache_derive::Cached;

/// Derives [`ColumnValue`](crate::ColumnValue) for a document in a `#[cached(json)]` field, or for an enum in any field.
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
/// A struct with named fields is stored as nested columns, one for each field. Reading a path therefore decodes a single
/// leaf column and parses no JSON. Paths use the names that serde reads:
///
/// | attributes of serde | effect |
/// |---|---|
/// | `rename = "…"`, `rename(deserialize = "…")`, `rename_all`, `skip` | name or omit keys, as in serde |
/// | `default` | replaces a key that the JSON does not contain |
/// | `flatten`, and attributes that change the form of the JSON: `from`, `into`, `try_from`, `remote`, `transparent`, `tag` | rejected |
///
/// In [`Record::columns`](crate::Record::columns), a document is a generated struct, such as `ProfileColumns` for
/// `Profile`. The struct is itself a column, and its fields are the columns below it. Below an `Option`, all of them are
/// `Option`s: `city` above is a `Column<User, Option<String>>`. A `Vec` is a single column without paths into it.
///
/// # Enums
///
/// An enum without values is stored as text: the names that serde gives its variants (`rename`, `rename_all`, `alias`,
/// `other`). An enum whose variants carry values, or with `tag`, `content` or `untagged`, is stored as JSON text, and must
/// implement `serde::Serialize` and `serde::Deserialize`.
///
/// # Attributes
///
/// | attribute of the type | meaning |
/// |---|---|
/// | `crate = "path"` | the path of dbcache, if it is not `::dbcache` |
/// | `columns = "Name"` | the name of the struct of columns of a document |
/// | `rename_all = "…"` | like the attribute of serde, for types that derive nothing of serde; the attribute of serde takes precedence |
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
