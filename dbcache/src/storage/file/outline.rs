//! What a file is, told from its end alone, whatever table it is of.

use super::foreign::{self, Described, Refused};
use super::{ENCRYPTED_FOOTER, Ending};
use crate::error::Result;
use crate::storage::place::disk::OpenFile;

/// Whose a file is.
#[derive(Debug)]
pub(in crate::storage) enum Outline {
    /// Ours; the names are those in its header.
    Own { table: String, id_column: String },
    /// Another program's.
    Foreign(Described),
    /// Another program's, which is no table; the reason is for people.
    NoTable(String),
    /// Not what was written; the reason is for people.
    Damaged(String),
}

/// Reads the end of a file.
pub(in crate::storage) fn outline(file: &OpenFile) -> Result<Outline> {
    Ok(match Ending::read(file)? {
        Ending::Own(own) => {
            let (table, id_column) = own.header.into_names();
            Outline::Own { table, id_column }
        }
        Ending::Foreign(footer) => described(&footer),
        Ending::Encrypted => Outline::NoTable(ENCRYPTED_FOOTER.to_owned()),
        Ending::Damaged(reason) => Outline::Damaged(reason.to_owned()),
    })
}

fn described(footer: &[u8]) -> Outline {
    match foreign::describe(footer) {
        Ok(described) => Outline::Foreign(described),
        Err(Refused::NoTable(reason)) => Outline::NoTable(reason),
        Err(Refused::Damaged(reason)) => Outline::Damaged(reason),
    }
}
