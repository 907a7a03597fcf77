//! Documents: their names, their types, and JSON text that becomes them.

use dbcache::polars::prelude::*;
use dbcache::record::Record;
use dbcache::{Cached, CachedJson};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::frames::{User, profile, stored};

#[derive(Debug, PartialEq, Cached)]
#[cached(table = "shop.orders", rename_all = "camelCase")]
struct Order {
    #[cached(id, rename = "order_no")]
    id: String,
    #[cached(json)]
    bill_to: Document,
    #[cached(json)]
    first_lines: Vec<Line>,
    #[cached(json)]
    other: Option<Vec<Line>>,
}

#[derive(Debug, Default, PartialEq, Serialize, Deserialize, CachedJson)]
#[serde(rename_all = "SCREAMING-KEBAB-CASE")]
struct Document {
    full_name: String,
    #[serde(rename = "Zip.Code")]
    zip: Option<i64>,
    #[serde(rename(serialize = "written", deserialize = "read"))]
    both: bool,
    #[serde(skip)]
    secret: u8,
    #[serde(default)]
    missing: Vec<f64>,
    r#type: Kind,
    anything: serde_json::Value,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, CachedJson)]
#[serde(rename_all = "snake_case")]
enum Kind {
    #[default]
    PrivateCustomer,
    #[serde(alias = "firm")]
    Company,
    #[serde(other)]
    Unknown,
}

#[derive(Debug, PartialEq, Serialize, Deserialize, CachedJson)]
struct Line {
    item: String,
    prices: Vec<Option<f64>>,
    note: Option<Note>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize, CachedJson)]
struct Note {
    text: String,
}

fn orders() -> Vec<Order> {
    let line = |item: &str, note: Option<&str>| Line {
        item: item.to_owned(),
        prices: vec![Some(1.5), None],
        note: note.map(|text| Note { text: text.to_owned() }),
    };
    let document = Document { full_name: "Ann".to_owned(), zip: Some(1), anything: json!([1]), ..Document::default() };
    vec![
        Order {
            id: "a".into(),
            bill_to: document,
            first_lines: vec![line("x", None), line("y", Some("n"))],
            other: None,
        },
        Order { id: "b".into(), bill_to: Document::default(), first_lines: vec![], other: Some(vec![line("z", None)]) },
    ]
}

fn fields(data_type: &DataType) -> Vec<&str> {
    match data_type {
        DataType::Struct(fields) => fields.iter().map(|field| field.name().as_str()).collect(),
        other => panic!("{other} is no struct"),
    }
}

#[test]
fn documents_come_back_as_they_were() {
    assert_eq!(Order::from_frame(&stored(&orders())).expect("the frame makes rows"), orders());
}

#[test]
fn names_are_those_that_serde_reads() {
    let schema = Order::schema();
    assert_eq!(schema.id().column().column(), "order_no");
    let names: Vec<&str> = schema.columns().iter().map(|column| column.column().column()).collect();
    assert_eq!(names, ["billTo", "firstLines", "other"]);
    assert_eq!(
        fields(schema.columns()[0].data_type()),
        ["FULL-NAME", "Zip.Code", "read", "MISSING", "TYPE", "ANYTHING"]
    );
    assert_eq!(Order::columns().bill_to.zip.path().steps(), ["Zip.Code"]);
}

#[test]
fn json_text_becomes_the_column_of_a_document() {
    let text = [
        Some(r#"{"address": {"city": "Paris", "zip": null, "more": 1}, "tags": ["a"]}"#),
        None,
        Some(r#"{"tags": [], "address": {"city": "Rome", "zip": "00118"}}"#),
    ];
    let parse = User::schema().columns()[2].parse_json().expect("a document is parsed");
    let column = parse(&StringChunked::new("profile".into(), text)).expect("the text parses");
    assert_eq!(column.dtype(), User::schema().columns()[2].data_type());
    assert_eq!(column.is_null().iter().collect::<Vec<_>>(), [Some(false), Some(true), Some(false)]);

    let rows = [profile("Paris", None, &["a"]), profile("Rome", Some("00118"), &[])];
    let typed = stored(&rows.map(|profile| User { id: 1, name: String::new(), age: None, profile, former: None }));
    let typed = typed.column("profile").expect("the column is there").as_materialized_series().clone();
    assert!(column.drop_nulls().equals_missing(&typed), "{column} is not {typed}");
}

#[test]
fn lists_and_aliases_are_parsed_as_serde_does() {
    let text =
        StringChunked::new("billTo".into(), [r#"{"FULL-NAME": "", "read": true, "TYPE": "firm", "ANYTHING": 1}"#]);
    let column = Order::schema().columns()[0].parse_json().expect("a document is parsed")(&text).expect("it parses");
    let kinds = column.struct_().expect("a struct").field_by_name("TYPE").expect("the field is there");
    assert_eq!(kinds.str().expect("text").get(0), Some("company"));

    let text = StringChunked::new("other".into(), ["null", r#"[{"item": "x", "prices": [], "note": {"text": "t"}}]"#]);
    let column = Order::schema().columns()[2].parse_json().expect("a list is parsed")(&text).expect("it parses");
    assert_eq!(column.null_count(), 1);
}

#[test]
fn text_that_is_not_json_is_a_fault_of_its_row() {
    let text = StringChunked::new("profile".into(), [None, Some("{")]);
    let fault =
        User::schema().columns()[2].parse_json().expect("a document is parsed")(&text).expect_err("half a document");
    let shown = format!("{fault:?}");
    assert!(shown.contains("row: 1") && shown.contains("EOF"), "{shown}");
}

#[test]
fn columns_of_text_are_not_parsed() {
    #[derive(Cached)]
    #[cached(table = "test.values")]
    struct Row {
        #[cached(id)]
        id: u8,
        #[cached(json)]
        any: serde_json::Value,
        plain: serde_json::Value,
        name: String,
    }

    assert!(Row::schema().columns().iter().all(|column| column.parse_json().is_none()));
}

/// For each rule: a document and an enum that both serde and dbcache name by it.
macro_rules! same_names_as_serde {
    ($($rule:literal $test:ident;)*) => {$(
        #[test]
        fn $test() {
            #[derive(Debug, Default, PartialEq, Serialize, Deserialize, CachedJson)]
            #[serde(rename_all = $rule)]
            struct Names {
                plain: u8,
                two_words: u8,
                with_2_numbers3: u8,
                _leading: u8,
                trailing_: u8,
                r#type: u8,
            }

            #[derive(Clone, Copy, Debug, Serialize, CachedJson)]
            #[serde(rename_all = $rule)]
            enum Variants {
                Plain,
                TwoWords,
                HTTPServer,
                V2,
            }

            #[derive(Cached)]
            #[cached(table = "test.names")]
            struct Row {
                #[cached(id)]
                id: u8,
                #[cached(json)]
                names: Names,
                variant: Variants,
            }

            let written = serde_json::to_value(Names::default()).expect("the names are written");
            let mut written: Vec<&String> = written.as_object().expect("an object").keys().collect();
            let mut named = fields(Row::schema().columns()[0].data_type());
            written.sort();
            named.sort_unstable();
            assert_eq!(named, written);

            let variants = [Variants::Plain, Variants::TwoWords, Variants::HTTPServer, Variants::V2];
            let rows: Vec<Row> = (0..).zip(variants).map(|(id, variant)| Row { id, names: Names::default(), variant }).collect();
            let frame = stored(&rows);
            let named: Vec<&str> = frame.column("variant").expect("the column").str().expect("text").iter().flatten().collect();
            assert_eq!(json!(named), json!(variants));
        }
    )*};
}

same_names_as_serde! {
    "lowercase" lower_case;
    "UPPERCASE" upper_case;
    "PascalCase" pascal_case;
    "camelCase" camel_case;
    "snake_case" snake_case;
    "SCREAMING_SNAKE_CASE" screaming_snake_case;
    "kebab-case" kebab_case;
    "SCREAMING-KEBAB-CASE" screaming_kebab_case;
}
