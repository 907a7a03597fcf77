//! The files of a table: its base, and segments, whose names say which commits they hold.

use std::path::{Path, PathBuf};

/// What stands before the number of a damaged file that was set aside.
const DAMAGED: &str = "damaged";

/// Which file of a table a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::storage) enum Place {
    /// The file with the table's own name.
    Base,
    Segment(SegmentName),
}

/// The commits that a file holds: all from the first to the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::storage) struct Commits {
    pub(in crate::storage) first: u64,
    pub(in crate::storage) last: u64,
}

/// What the name of a segment says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::storage) struct SegmentName {
    pub(in crate::storage) commits: Commits,
    /// Whether it may hold new versions of rows that are in older files. It is in the name so that it is known even
    /// when the file is damaged.
    pub(in crate::storage) replaces: bool,
}

const EXTENSION: &str = ".parquet";
const REPLACING: &str = ".replacing";

impl SegmentName {
    pub(in crate::storage) fn parse(name: &str) -> Option<Self> {
        let stem = name.strip_suffix(EXTENSION)?;
        let (numbers, replaces) = stem.strip_suffix(REPLACING).map_or((stem, false), |numbers| (numbers, true));
        let (first, last) = numbers.split_once('-')?;
        let commits = Commits { first: first.parse().ok()?, last: last.parse().ok()? };
        let parsed = Self { commits, replaces };
        // A name that we would write otherwise is not ours.
        (commits.first <= commits.last && parsed.file() == name).then_some(parsed)
    }

    pub(in crate::storage) fn file(&self) -> String {
        let replacing = if self.replaces { REPLACING } else { "" };
        format!("{:012}-{:012}{replacing}{EXTENSION}", self.commits.first, self.commits.last)
    }
}

/// The name that a damaged file had before it was set aside under this one, and its number.
pub(in crate::storage) fn name_before(name: &str) -> Option<(&str, u64)> {
    let (before, number) = name.rsplit_once(&format!(".{DAMAGED}-"))?;
    Some((before, number.parse().ok()?))
}

/// The name under which a damaged file is set aside.
pub(in crate::storage) fn aside(path: &Path, number: u64) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{DAMAGED}-{number}"));
    name.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(first: u64, last: u64) -> SegmentName {
        SegmentName { commits: Commits { first, last }, replaces: false }
    }

    #[test]
    fn names_read_back_as_they_were_written() {
        for replaces in [false, true] {
            let name = SegmentName { replaces, ..name(7, 1_234_567_890_123) };
            assert_eq!(SegmentName::parse(&name.file()), Some(name));
        }
    }

    #[test]
    fn names_of_others_are_not_ours() {
        let ours = name(1, 2).file();
        for other in ["1-2.parquet", "000000000002-000000000001.parquet", "notes.txt", &format!("{ours}.damaged-1")] {
            assert_eq!(SegmentName::parse(other), None, "{other}");
        }
    }
}
