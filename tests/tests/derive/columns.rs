//! Typed columns and selections of them.

use dbcache::column::Column;
use dbcache::polars::prelude::*;
use dbcache::{Record, Selection};

use crate::frames::{Profile, User, profile, stored, users};

/// The frame that answers a selection: the id, then the selected columns.
fn answer(columns: &[&str]) -> DataFrame {
    let frame = stored(&users());
    let mut answer = vec![frame.column("id").expect("the id is there").clone()];
    answer.extend(columns.iter().map(|path| extract(&frame, path)));
    DataFrame::new(frame.height(), answer).expect("the columns are equally long")
}

fn extract(frame: &DataFrame, path: &str) -> dbcache::polars::prelude::Column {
    let mut steps = path.split('.');
    let column = frame.column(steps.next().expect("a column")).expect("the column is there").clone();
    let mut column = column.as_materialized_series().clone();
    for step in steps {
        let documents = column.struct_().expect("a struct").clone();
        column = documents.field_by_name(step).expect("the field is there");
    }
    column.with_name(path.into()).into_column()
}

#[test]
fn columns_know_their_types_when_compiled_and_when_run() {
    let c = User::columns();
    let name: Column<User, String> = c.name;
    let city: Column<User, String> = c.profile.address.city;
    let zip: Column<User, Option<String>> = c.profile.address.zip;
    let tags: Column<User, Vec<String>> = c.profile.tags;
    assert_eq!((name.name(), name.path().steps().len(), name.nullable()), ("name", 0, false));
    assert_eq!((city.column().to_string(), city.nullable()), ("profile.address.city".to_owned(), false));
    assert_eq!((zip.data_type(), zip.nullable()), (&DataType::String, true));
    assert_eq!(tags.data_type(), &DataType::List(Box::new(DataType::String)));
}

#[test]
fn below_an_option_every_column_is_one() {
    let c = User::columns();
    let city: Column<User, Option<String>> = c.former.address.city;
    let zip: Column<User, Option<String>> = c.former.address.zip;
    let tags: Column<User, Option<Vec<String>>> = c.former.tags;
    assert!(city.nullable() && zip.nullable() && tags.nullable());
}

#[test]
fn columns_are_the_same_each_time() {
    let (one, two) = (User::columns(), User::columns());
    assert!(std::ptr::eq(one.profile.address.city.column(), two.profile.address.city.column()));
}

#[test]
fn a_single_column_gives_plain_values() {
    let cities: Vec<String> =
        User::columns().profile.address.city.rows(&answer(&["profile.address.city"])).expect("the types fit");
    assert_eq!(cities, ["Paris", "a city with a long name"]);
}

#[test]
fn a_document_is_a_column_too() {
    let former: Vec<Option<Profile>> = User::columns().former.rows(&answer(&["former"])).expect("the types fit");
    assert_eq!(former, [None, Some(profile("Rome", Some("00118"), &["x"]))]);
    let address: Vec<_> = User::columns().former.address.rows(&answer(&["former.address"])).expect("the types fit");
    assert_eq!(address[1], Some(profile("Rome", Some("00118"), &[]).address));
}

#[test]
fn a_tuple_gives_tuples() {
    let c = User::columns();
    let frame = answer(&["name", "former.address.city", "age"]);
    let rows: Vec<(String, Option<String>, Option<i32>)> =
        (c.name, c.former.address.city, c.age).rows(&frame).expect("the types fit");
    assert_eq!(rows, [("Ann".into(), None, Some(31)), ("Bob".into(), Some("Rome".into()), None)]);
    let one: Vec<(String,)> = (c.name,).rows(&answer(&["name"])).expect("the types fit");
    assert_eq!(one, [("Ann".to_owned(),), ("Bob".to_owned(),)]);
}

#[test]
fn sixteen_columns_are_selected() {
    let n = User::columns().name;
    let rows = (n, n, n, n, n, n, n, n, n, n, n, n, n, n, n, User::columns().id).schema();
    assert_eq!(rows.len(), 16);
    assert_eq!(rows[15].column().column(), "id");
}

#[test]
fn a_selection_says_what_it_selects() {
    let c = User::columns();
    let schema = Selection::<User>::schema(&(c.profile, c.profile.address.zip));
    let shown: Vec<(String, bool)> =
        schema.iter().map(|column| (column.column().to_string(), column.nullable())).collect();
    assert_eq!(shown, [("profile".to_owned(), false), ("profile.address.zip".to_owned(), true)]);
    assert_eq!(schema[0].data_type(), User::schema().columns()[2].data_type());
    assert!(schema[0].parse_json().is_some() && schema[1].parse_json().is_none());
}

#[test]
fn the_schema_lists_columns_and_the_paths_into_them() {
    let paths: Vec<(String, bool)> =
        User::schema().paths().iter().map(|path| (path.column().to_string(), path.nullable())).collect();
    let expected = [
        ("name", false),
        ("age", true),
        ("profile", false),
        ("profile.address", false),
        ("profile.address.city", false),
        ("profile.address.zip", true),
        ("profile.tags", false),
        ("former", true),
        ("former.address", true),
        ("former.address.city", true),
        ("former.address.zip", true),
        ("former.tags", true),
    ];
    assert_eq!(paths, expected.map(|(path, nullable)| (path.to_owned(), nullable)));
}
