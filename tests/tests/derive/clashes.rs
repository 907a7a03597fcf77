//! Names and lints of the user's crate that generated code must not meet.

use dbcache::Record;
use serde::{Deserialize, Serialize};

use crate::frames::stored;

mod odd_fields {
    #![deny(warnings, clippy::pedantic)]
    #![allow(clippy::struct_field_names, reason = "a field called like its struct is one of the clashes")]

    use dbcache::{Cached, CachedJson};
    use serde::{Deserialize, Serialize};

    #[derive(Clone, Debug, PartialEq, Cached)]
    #[cached(table = "test.odd")]
    pub(crate) struct Row {
        #[cached(id)]
        pub(crate) id2: i64,
        pub(crate) self_: String,
        pub(crate) columns: i32,
        pub(crate) r#type: bool,
        pub(crate) rows: u8,
        pub(crate) frame: u8,
        pub(crate) cells: u8,
        pub(crate) row: u8,
        pub(crate) schema: u8,
        #[cached(json)]
        pub(crate) document: Odd,
    }

    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize, CachedJson)]
    pub(crate) struct Odd {
        pub(crate) documents: u8,
        pub(crate) validity: u8,
        pub(crate) rows: u8,
        pub(crate) value: u8,
        pub(crate) place: u8,
        pub(crate) name: u8,
        pub(crate) r#match: u8,
    }
}

#[test]
fn odd_field_names() {
    use odd_fields::{Odd, Row};

    let document = Odd { documents: 1, validity: 2, rows: 3, value: 4, place: 5, name: 6, r#match: 7 };
    let row = Row {
        id2: 1,
        self_: "x".to_owned(),
        columns: 2,
        r#type: true,
        rows: 3,
        frame: 4,
        cells: 5,
        row: 6,
        schema: 7,
        document,
    };
    assert_eq!(Row::from_frame(&stored(std::slice::from_ref(&row))).expect("the frame makes rows"), [row]);
    assert_eq!(Row::columns().r#type.name(), "type");
    assert_eq!(Row::columns().document.r#match.column().to_string(), "document.match");
}

mod own_types {
    //! Types of the user's own with the names of the prelude.

    #![deny(warnings, clippy::pedantic)]

    use dbcache::{Cached, CachedJson};
    use serde::{Deserialize, Serialize};

    pub(crate) type Result = u8;
    #[expect(dead_code, reason = "it is here to be in the way")]
    pub(crate) trait Clone {}
    #[expect(dead_code, reason = "it is here to be in the way")]
    pub(crate) trait Default {}
    #[expect(dead_code, reason = "it is here to be in the way")]
    pub(crate) struct Box;

    #[derive(Debug, PartialEq, Serialize, Deserialize, CachedJson)]
    pub(crate) struct Vec {
        pub(crate) some: u8,
    }

    #[derive(Debug, PartialEq, Serialize, Deserialize, CachedJson)]
    pub(crate) enum Option {
        Some,
        None,
    }

    #[derive(Debug, PartialEq, Serialize, Deserialize, CachedJson)]
    pub(crate) struct String {
        pub(crate) option: Option,
        pub(crate) result: Result,
    }

    #[derive(Debug, PartialEq, Cached)]
    #[cached(table = "test.own")]
    pub(crate) struct Row {
        #[cached(id)]
        pub(crate) id: u64,
        #[cached(json)]
        pub(crate) string: String,
        #[cached(json)]
        pub(crate) vec: Vec,
        #[cached(default = "none")]
        pub(crate) option: Option,
        #[cached(skip)]
        pub(crate) result: Result,
    }

    fn none() -> Option {
        Option::None
    }
}

#[test]
fn own_types_named_like_the_prelude() {
    use own_types::{Option, Row, String, Vec};

    let string = String { option: Option::Some, result: 1 };
    let row = Row { id: 1, string, vec: Vec { some: 2 }, option: Option::None, result: 0 };
    assert_eq!(Row::from_frame(&stored(std::slice::from_ref(&row))).expect("the frame makes rows"), [row]);
}

mod renamed {
    extern crate dbcache as row_cache;

    use row_cache::{Cached, CachedJson};

    #[derive(Cached)]
    #[cached(table = "test.renamed", crate = "row_cache")]
    pub(super) struct Row {
        #[cached(id)]
        pub(super) id: i8,
        pub(super) level: Level,
    }

    #[derive(CachedJson)]
    #[cached(crate = "row_cache")]
    pub(super) enum Level {
        High,
    }
}

#[test]
fn a_renamed_dependency() {
    use renamed::{Level, Row};

    let frame = stored(&[Row { id: 1, level: Level::High }]);
    let rows = Row::from_frame(&frame).expect("the frame makes rows");
    assert!(rows.iter().all(|row| row.id == 1 && matches!(row.level, Level::High)));
}

mod own_columns {
    //! Types of the user's own with the names that the structs of columns would have.

    use dbcache::{Cached, CachedJson};
    use serde::{Deserialize, Serialize};

    #[derive(Debug, PartialEq)]
    pub(super) struct RowColumns(pub(super) u8);
    #[derive(Debug, PartialEq)]
    pub(super) struct InnerColumns(pub(super) u8);

    #[derive(Cached)]
    #[cached(table = "test.own", columns = "RowFields")]
    pub(super) struct Row {
        #[cached(id)]
        pub(super) id: u8,
        #[cached(json)]
        pub(super) inner: Inner,
    }

    #[derive(Serialize, Deserialize, CachedJson)]
    #[cached(columns = "InnerFields")]
    pub(super) struct Inner {
        pub(super) value: u8,
    }
}

#[test]
fn the_structs_of_columns_can_be_renamed() {
    use own_columns::{Inner, InnerColumns, InnerFields, Row, RowColumns, RowFields};

    let fields: RowFields = Row::columns();
    let inner: InnerFields<Row, dbcache::column::Required> = fields.inner;
    assert_eq!(inner.value.column().to_string(), "inner.value");
    assert_eq!((RowColumns(1).0, InnerColumns(2).0), (1, 2));
    let rows = Row::from_frame(&stored(&[Row { id: 1, inner: Inner { value: 2 } }])).expect("the frame makes rows");
    assert!(rows.iter().all(|row| row.id == 1 && row.inner.value == 2));
}

#[test]
fn structs_in_a_function_body() {
    #[derive(Debug, PartialEq, dbcache::Cached)]
    #[cached(table = "test.local")]
    struct Row {
        #[cached(id)]
        id: u16,
        #[cached(json)]
        inner: Inner,
    }

    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize, dbcache::CachedJson)]
    struct Inner {
        x: i8,
    }

    let rows = [Row { id: 1, inner: Inner { x: -1 } }];
    assert_eq!(Row::from_frame(&stored(&rows)).expect("the frame makes rows"), rows);
    assert_eq!(Row::columns().inner.x.column().to_string(), "inner.x");
}

#[test]
fn structs_made_by_a_macro() {
    macro_rules! record {
        ($name:ident { $id:ident: $id_ty:ty, $($field:ident: $ty:ty),* }) => {
            #[derive(Debug, PartialEq, dbcache::Cached)]
            #[cached(table = "test.made")]
            struct $name {
                #[cached(id)]
                $id: $id_ty,
                $($field: $ty,)*
                own: Option<i64>,
            }
        };
    }

    record!(Row { id: i64, name: String, tags: Vec<String> });
    let rows = [Row { id: 1, name: "x".to_owned(), tags: vec![], own: Some(2) }];
    assert_eq!(Row::from_frame(&stored(&rows)).expect("the frame makes rows"), rows);
}

#[test]
fn documented_public_structs_need_no_more_docs() {
    use dbcache_tests::strict::{Inner, Row};

    let rows = [Row { id: 1, inner: Inner { value: 2.5, level: dbcache_tests::strict::Level::Low } }];
    assert_eq!(Row::from_frame(&stored(&rows)).expect("the frame makes rows"), rows);
}
