//! Rows to frames and back.

use dbcache::polars::prelude::*;
use dbcache::record::Record;
use dbcache::{Cached, CachedJson, Selection};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Cached)]
#[cached(table = "public.users")]
struct User {
    name: String,
    #[cached(id)]
    id: i64,
    age: Option<i32>,
    #[cached(json)]
    profile: Profile,
    #[cached(json)]
    former: Option<Profile>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, CachedJson)]
struct Profile {
    address: Address,
    tags: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, CachedJson)]
struct Address {
    city: String,
    zip: Option<String>,
}

fn profile(city: &str, zip: Option<&str>, tags: &[&str]) -> Profile {
    Profile {
        address: Address { city: city.to_owned(), zip: zip.map(str::to_owned) },
        tags: tags.iter().map(|tag| (*tag).to_owned()).collect(),
    }
}

fn users() -> Vec<User> {
    vec![
        User { id: 1, name: "Ann".into(), age: Some(31), profile: profile("Paris", None, &["a", "b"]), former: None },
        User {
            id: 2,
            name: "Bob".into(),
            age: None,
            profile: profile("a city with a long name", Some("75001"), &[]),
            former: Some(profile("Rome", Some("00118"), &["x"])),
        },
    ]
}

#[test]
fn rows_come_back_as_they_were() {
    let frame = User::to_frame(&users()).expect("the rows make a frame");
    assert_eq!(User::from_frame(&frame).expect("the frame makes rows"), users());
}

#[test]
fn the_id_column_is_first_and_documents_are_structs() {
    let frame = User::to_frame(&users()).expect("the rows make a frame");
    assert_eq!(frame.get_column_names(), ["id", "name", "age", "profile", "former"]);
    let types: Vec<&DataType> = User::schema().columns().iter().map(|column| column.data_type()).collect();
    assert_eq!(frame.dtypes().iter().skip(1).collect::<Vec<_>>(), types);
}

#[test]
fn a_selection_gives_tuples() {
    let c = User::columns();
    let frame = User::to_frame(&users()).expect("the rows make a frame");
    let frame = frame.select(["id", "name", "former"]).expect("the columns are there");
    let rows: Vec<(String, Option<Profile>)> = (c.name, c.former).rows(&frame).expect("the types fit");
    assert_eq!(rows, users().into_iter().map(|user| (user.name, user.former)).collect::<Vec<_>>());
}
