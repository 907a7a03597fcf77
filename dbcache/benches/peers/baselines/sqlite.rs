//! A table in SQLite.

use std::path::Path;

use rusqlite::{Connection, Row, Transaction, params};

use crate::measure::Result;
use crate::users::{self, Columns, User};

const CHUNK: usize = 500_000;

const TABLE: &str = "CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT NOT NULL, age INTEGER NOT NULL,
    amount REAL NOT NULL, email TEXT NOT NULL, profile TEXT NOT NULL)";
const INSERT: &str = "INSERT OR REPLACE INTO users VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
const SCALARS: &str =
    "SELECT id, name, age, amount FROM users WHERE id IN (SELECT value FROM json_each(?1)) ORDER BY id";
const PATH: &str =
    "SELECT id, json_extract(profile, ?2) FROM users WHERE id IN (SELECT value FROM json_each(?1)) ORDER BY id";
const WHOLE: &str =
    "SELECT id, name, age, amount, email, profile FROM users WHERE id IN (SELECT value FROM json_each(?1))";

/// Opens an existing database, in the mode that users choose for durability.
pub(crate) fn open(path: &Path) -> Result<Connection> {
    let connection = Connection::open(path)?;
    connection.pragma_update(None, "journal_mode", "wal")?;
    connection.pragma_update(None, "synchronous", "full")?;
    Ok(connection)
}

pub(crate) fn create(path: &Path) -> Result<Connection> {
    let connection = open(path)?;
    connection.execute_batch(TABLE)?;
    Ok(connection)
}

/// Stores the first `rows` users.
pub(crate) fn fill(path: &Path, rows: u64) -> Result<()> {
    let mut connection = create(path)?;
    let transaction = connection.transaction()?;
    for ids in users::ids(rows).chunks(CHUNK) {
        ids.iter().try_for_each(|id| insert(&transaction, &User::of(*id)))?;
    }
    transaction.commit()?;
    connection.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)")?;
    Ok(())
}

fn insert(transaction: &Transaction<'_>, user: &User) -> Result<()> {
    let User { id, name, age, amount, email, profile } = user;
    transaction.prepare_cached(INSERT)?.execute(params![id, name, age, amount, email, profile])?;
    Ok(())
}

/// Three scalar columns, as vectors.
#[derive(Debug, Default)]
pub(crate) struct Scalars {
    ids: Vec<i64>,
    names: Vec<String>,
    ages: Vec<i64>,
    amounts: Vec<f64>,
}

impl Scalars {
    pub(crate) fn push(&mut self, id: i64, name: String, age: i64, amount: f64) {
        self.ids.push(id);
        self.names.push(name);
        self.ages.push(age);
        self.amounts.push(amount);
    }

    /// The same as [`users::digest`].
    pub(crate) fn digest(&self) -> i64 {
        self.ages.iter().sum()
    }
}

pub(crate) fn look_up(connection: &Connection, ids: &[i64]) -> Result<Scalars> {
    let mut statement = connection.prepare_cached(SCALARS)?;
    let mut rows = statement.query([json(ids)])?;
    let mut found = Scalars::default();
    while let Some(row) = rows.next()? {
        found.push(row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?);
    }
    Ok(found)
}

pub(crate) fn look_up_path(connection: &Connection, path: &str, ids: &[i64]) -> Result<Vec<(i64, String)>> {
    let mut statement = connection.prepare_cached(PATH)?;
    let rows = statement.query_map(params![json(ids), path], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Inserts whole rows.
pub(crate) fn fetch(connection: &Connection, ids: &[i64], into: &mut Columns) -> Result<()> {
    let mut statement = connection.prepare_cached(WHOLE)?;
    let mut rows = statement.query([json(ids)])?;
    while let Some(row) = rows.next()? {
        into.push(user(row)?);
    }
    Ok(())
}

fn user(row: &Row<'_>) -> rusqlite::Result<User> {
    Ok(User {
        id: row.get(0)?,
        name: row.get(1)?,
        age: row.get(2)?,
        amount: row.get(3)?,
        email: row.get(4)?,
        profile: row.get(5)?,
    })
}

/// Stores rows in one durable transaction.
pub(crate) fn append(connection: &mut Connection, rows: &[User]) -> Result<()> {
    let transaction = connection.transaction()?;
    rows.iter().try_for_each(|row| insert(&transaction, row))?;
    Ok(transaction.commit()?)
}

/// Deletes rows again, so that the next run starts with the same table.
pub(crate) fn remove(connection: &Connection, ids: &[i64]) -> Result<()> {
    connection.execute("DELETE FROM users WHERE id IN (SELECT value FROM json_each(?1))", [json(ids)])?;
    connection.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)")?;
    Ok(())
}

fn json(ids: &[i64]) -> String {
    let mut text = String::with_capacity(ids.len() * 21 + 2);
    text.push('[');
    for (place, id) in ids.iter().enumerate() {
        if place > 0 {
            text.push(',');
        }
        text.push_str(&id.to_string());
    }
    text.push(']');
    text
}
