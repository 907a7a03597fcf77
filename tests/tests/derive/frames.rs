//! Rows to frames and back.

use dbcache::polars::prelude::*;
use dbcache::record::Record;
use dbcache::{Cached, CachedJson};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Cached)]
#[cached(table = "public.users")]
pub(crate) struct User {
    pub(crate) name: String,
    #[cached(id)]
    pub(crate) id: i64,
    pub(crate) age: Option<i32>,
    #[cached(json)]
    pub(crate) profile: Profile,
    #[cached(json)]
    pub(crate) former: Option<Profile>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, CachedJson)]
pub(crate) struct Profile {
    pub(crate) address: Address,
    pub(crate) tags: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, CachedJson)]
pub(crate) struct Address {
    pub(crate) city: String,
    pub(crate) zip: Option<String>,
}

pub(crate) fn profile(city: &str, zip: Option<&str>, tags: &[&str]) -> Profile {
    Profile {
        address: Address { city: city.to_owned(), zip: zip.map(str::to_owned) },
        tags: tags.iter().map(|tag| (*tag).to_owned()).collect(),
    }
}

pub(crate) fn users() -> Vec<User> {
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

/// The frame of these rows, after it was written as Parquet and read again.
pub(crate) fn stored<T: Record>(rows: &[T]) -> DataFrame {
    let mut frame = T::to_frame(rows).expect("the rows make a frame");
    let mut file = std::io::Cursor::new(Vec::new());
    ParquetWriter::new(&mut file).finish(&mut frame).expect("the frame is written");
    let read = ParquetReader::new(file).finish().expect("the file is read");
    assert!(read.equals_missing(&frame), "{read} is not {frame}");
    read
}

#[test]
fn rows_come_back_as_they_were() {
    assert_eq!(User::from_frame(&stored(&users())).expect("the frame makes rows"), users());
}

#[test]
fn no_rows_make_a_frame_with_all_types() {
    let frame = User::to_frame(&[]).expect("no rows make a frame");
    assert_eq!(frame.schema(), User::to_frame(&users()).expect("the rows make a frame").schema());
    assert_eq!(User::from_frame(&frame).expect("the frame makes no rows"), []);
}

#[test]
fn the_id_column_is_first_and_the_types_are_those_of_the_schema() {
    let frame = User::to_frame(&users()).expect("the rows make a frame");
    assert_eq!(frame.get_column_names(), ["id", "name", "age", "profile", "former"]);
    let schema = User::schema();
    let mut types = vec![schema.id().data_type()];
    types.extend(schema.columns().iter().map(dbcache::record::ColumnSchema::data_type));
    assert_eq!(frame.dtypes().iter().collect::<Vec<_>>(), types);
}

#[test]
fn a_frame_in_several_pieces_gives_the_same_rows() {
    let mut frame = User::to_frame(&users()).expect("the rows make a frame");
    frame.vstack_mut(&frame.clone()).expect("the frames have the same columns");
    let twice: Vec<User> = users().into_iter().chain(users()).collect();
    assert_eq!(User::from_frame(&frame).expect("the frame makes rows"), twice);
    assert_eq!(User::from_frame(&frame.slice(1, 2)).expect("a slice makes rows"), twice[1..3]);
}

#[test]
fn several_threads_give_the_same_rows_of_a_frame_in_several_pieces() {
    let rows: Vec<User> = (0..50_000).map(|id| User { id, ..users()[usize::from(id % 3 == 0)].clone() }).collect();
    let mut frame = User::to_frame(&rows[..30_000]).expect("the rows make a frame");
    frame.vstack_mut(&User::to_frame(&rows[30_000..]).expect("the rows make a frame")).expect("the same columns");
    assert!(User::from_frame(&frame).expect("the frame makes rows") == rows);
}

#[test]
fn two_records_of_one_table_name_the_same_columns() {
    #[derive(Debug, PartialEq, Cached)]
    #[cached(table = "public.users")]
    struct Name {
        #[cached(id)]
        id: i64,
        name: String,
    }

    assert_eq!(Name::schema().table(), User::schema().table());
    let frame = stored(&users()).select(["id", "name"]).expect("the columns are there");
    let names = Name::from_frame(&frame).expect("the frame makes rows");
    assert_eq!(names[1], Name { id: 2, name: "Bob".to_owned() });
}
