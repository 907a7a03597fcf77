//! What a fetcher says when it is asked for what is not there.

use std::sync::Arc;

use super::{Adapter, refusal};

pub fn a_missing_table_is_named_beside_one_that_comes_near(database: &Arc<impl Adapter>) {
    database
        .execute("CREATE TABLE main.flights (id BIGINT PRIMARY KEY); CREATE TABLE main.planes (id BIGINT PRIMARY KEY)");
    for missing in ["main.flihgts", "mian.flights"] {
        let text = format!("the database has no table \"{missing}\" (did you mean \"main.flights\"?)");
        assert_eq!(refusal(&**database, missing, "id", &[1_i64]).to_string(), text);
    }
}

pub fn a_missing_id_column_is_named_beside_one_that_comes_near(database: &Arc<impl Adapter>) {
    database.execute("CREATE TABLE main.t (user_id BIGINT PRIMARY KEY)");
    let refused = refusal(&**database, "main.t", "userid", &[1_i64]);
    assert_eq!(refused.to_string(), "the table main.t has no column \"userid\" (did you mean \"user_id\"?)");
}

pub fn keys_of_the_wrong_type_are_refused_and_not_converted(database: &Arc<impl Adapter>) {
    database.execute(
        "CREATE TABLE main.a (id TEXT PRIMARY KEY); INSERT INTO main.a VALUES ('7');
         CREATE TABLE main.b (id BIGINT PRIMARY KEY); INSERT INTO main.b VALUES (7)",
    );
    let refused = refusal(&**database, "main.a", "id", &[7_i64]).to_string().to_lowercase();
    assert_eq!(refused, "the id column \"id\" of main.a holds text, not integer keys");
    let refused = refusal(&**database, "main.b", "id", &["7".to_owned()]).to_string().to_lowercase();
    assert_eq!(refused, "the id column \"id\" of main.b holds bigint, not text keys");
}
