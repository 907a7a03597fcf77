//! Which rows do not convert, where a conversion of many rows says only that one does not.

use std::ops::Range;

use polars::prelude::*;

use crate::convert;
use crate::record::CellError;

/// The rows that do not convert, each with what is wrong with it, given a conversion that is row by row. Good rows cost
/// little: those beside a bad one are tried in halves.
pub(crate) fn misfits(rows: Range<usize>, convert: &dyn Fn(Range<usize>) -> Result<(), CellError>) -> Vec<CellError> {
    let mut found = Vec::new();
    search(rows, convert, &mut found);
    found
}

fn search(rows: Range<usize>, convert: &dyn Fn(Range<usize>) -> Result<(), CellError>, found: &mut Vec<CellError>) {
    if rows.is_empty() {
        return;
    }
    if let Err(cause) = convert(rows.clone()) {
        if rows.len() == 1 {
            found.push(CellError { row: rows.start, ..cause });
            return;
        }
        let middle = rows.start + rows.len() / 2;
        search(rows.start..middle, convert, found);
        search(middle..rows.end, convert, found);
    }
}

/// A value as text, for an error.
pub(crate) fn shown(column: &Series, row: usize) -> Option<String> {
    let value = column.get(row).ok()?;
    Some(match value.get_str() {
        Some(text) => shortened(text),
        None if column.dtype().is_nested() => format!("a value of {}", column.dtype()),
        None => shortened(&convert::shown(&value)),
    })
}

/// Text that fits in a line of an error.
pub(crate) fn shortened(text: &str) -> String {
    const LONGEST: usize = 80;
    match text.char_indices().nth(LONGEST) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or(text)),
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;
    use crate::record::CellFault;

    fn found(rows: usize, bad: &[usize]) -> (Vec<usize>, usize) {
        let tried = Cell::new(0);
        let convert = |part: Range<usize>| {
            tried.set(tried.get() + 1);
            if bad.iter().any(|row| part.contains(row)) {
                return Err(CellError { column: "age".to_owned(), row: 0, fault: CellFault::Null });
            }
            Ok(())
        };
        let rows = misfits(0..rows, &convert).iter().map(|misfit| misfit.row).collect();
        (rows, tried.get())
    }

    #[test]
    fn every_bad_row_is_found_and_no_other() {
        assert_eq!(found(150, &[]).0, [0; 0]);
        assert_eq!(found(0, &[]).0, [0; 0]);
        assert_eq!(found(1, &[0]).0, [0]);
        assert_eq!(found(150, &[0, 7, 8, 149]).0, [0, 7, 8, 149]);
        assert_eq!(found(150, &(0..150).collect::<Vec<usize>>()).0.len(), 150);
    }

    #[test]
    fn one_bad_row_among_many_takes_few_tries() {
        assert!(found(1024, &[700]).1 <= 21);
    }
}
