//! A key-value store of encoded rows.

use std::path::Path;

use redb::{Database, ReadableDatabase, TableDefinition};

use super::sqlite::Scalars;
use crate::measure::Result;
use crate::users::{self, User};

const TABLE: TableDefinition<'_, i64, &[u8]> = TableDefinition::new("users");

pub(crate) fn open(path: &Path) -> Result<Database> {
    Ok(Database::create(path)?)
}

/// Stores the first `rows` users.
pub(crate) fn fill(path: &Path, rows: u64) -> Result<()> {
    let database = open(path)?;
    store(&database, users::ids(rows).into_iter().map(User::of))
}

/// Stores rows in one durable transaction.
pub(crate) fn append(database: &Database, rows: &[User]) -> Result<()> {
    store(database, rows.iter().cloned())
}

fn store(database: &Database, rows: impl Iterator<Item = User>) -> Result<()> {
    let transaction = database.begin_write()?;
    {
        let mut table = transaction.open_table(TABLE)?;
        for row in rows {
            table.insert(row.id, encode(&row).as_slice())?;
        }
    }
    Ok(transaction.commit()?)
}

pub(crate) fn look_up(database: &Database, ids: &[i64]) -> Result<Scalars> {
    let table = database.begin_read()?.open_table(TABLE)?;
    let mut found = Scalars::default();
    for id in ids {
        if let Some(row) = table.get(id)? {
            let (age, amount, name) = decode(row.value()).ok_or("a row is cut short")?;
            found.push(*id, name, age, amount);
        }
    }
    Ok(found)
}

/// Deletes rows again, so that the next run starts with the same table.
pub(crate) fn remove(database: &Database, ids: &[i64]) -> Result<()> {
    let transaction = database.begin_write()?;
    {
        let mut table = transaction.open_table(TABLE)?;
        for id in ids {
            table.remove(id)?;
        }
    }
    Ok(transaction.commit()?)
}

/// Encodes numbers in 8 bytes, and texts after their lengths. The scalars are first, so that reading them skips the rest.
fn encode(user: &User) -> Vec<u8> {
    let mut row = Vec::with_capacity(256);
    row.extend(user.age.to_le_bytes());
    row.extend(user.amount.to_le_bytes());
    for text in [&user.name, &user.email, &user.profile] {
        row.extend((text.len() as u64).to_le_bytes());
        row.extend(text.as_bytes());
    }
    row
}

fn decode(row: &[u8]) -> Option<(i64, f64, String)> {
    let (age, row) = row.split_first_chunk()?;
    let (amount, row) = row.split_first_chunk()?;
    let (length, row) = row.split_first_chunk()?;
    let name = row.get(..usize::try_from(u64::from_le_bytes(*length)).ok()?)?;
    Some((i64::from_le_bytes(*age), f64::from_le_bytes(*amount), String::from_utf8(name.to_vec()).ok()?))
}
