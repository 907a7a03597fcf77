//! Table names to file names: one name a table, safe on any file system, never outside the folder.

use xxhash_rust::xxh3::xxh3_128;

use crate::name::TableName;

/// How many bytes of a table's name an escaped file name repeats, so that people recognise it.
const READABLE: usize = 80;
/// How long a plain file name may become without its ending; file systems allow 255 bytes in all.
const LONGEST_PLAIN: usize = 200;

/// The name of a table's Parquet file.
///
/// `schema.table` becomes `schema_table.parquet` where that name tells schema and table apart again: a schema
/// without `_`, and nothing but lower-case ASCII letters, digits, `_` and `$` in both. Every other name is written
/// with its odd characters replaced, then `-` and a 128-bit hash of the true name. The `-` keeps the two kinds apart.
pub(in crate::storage) fn parquet(table: &TableName) -> String {
    plain(table).unwrap_or_else(|| escaped(table)) + ".parquet"
}

/// The name that the Python predecessor gives a table, where it differs from ours.
pub(in crate::storage) fn predecessor(table: &TableName) -> Option<String> {
    let name = table.as_str().replace('.', "_");
    let usable = plain(table).is_none() && name.len() <= LONGEST_PLAIN && !name.starts_with('_');
    usable.then(|| name + ".parquet")
}

fn plain(table: &TableName) -> Option<String> {
    let parts: Vec<&str> = table.parts().collect();
    let [schema, name] = parts.as_slice() else { return None };
    let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '_' | '$');
    let is_clear = !schema.contains('_') && schema.chars().chain(name.chars()).all(is_plain);
    let plain = format!("{schema}_{name}");
    (is_clear && plain.len() <= LONGEST_PLAIN).then_some(plain)
}

fn escaped(table: &TableName) -> String {
    let readable: String = table
        .as_str()
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' })
        .take(READABLE)
        .collect();
    format!("{readable}-{:032x}", xxh3_128(table.as_str().as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(table: &str) -> String {
        parquet(&TableName::new(table).expect("a valid name"))
    }

    #[test]
    fn an_ordinary_table_has_a_plain_name() {
        assert_eq!(file("public.users"), "public_users.parquet");
        assert_eq!(file("public.user_roles"), "public_user_roles.parquet");
    }

    #[test]
    fn names_that_look_alike_get_files_of_their_own() {
        let alike = ["a.b_c", "a_b.c", "a.b.c", "A.b_c", "a.B_c", "a.b c", "a.b-c", "a.ö_c"];
        let files: std::collections::BTreeSet<String> = alike.iter().map(|table| file(table)).collect();
        assert_eq!(files.len(), alike.len());
    }

    #[test]
    fn long_and_odd_names_stay_short_and_harmless() {
        for table in [&format!("a.{}", "x".repeat(300)), "con.nul:", "a.b*?<>|", "public.таблица"] {
            let file = file(table);
            assert!(file.len() <= 255, "{file}");
            assert!(file.chars().all(|c| c.is_ascii_alphanumeric() || "_-.$".contains(c)), "{file}");
        }
    }
}
