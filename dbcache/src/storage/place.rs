//! Where the files of a cache lie: a folder of a disk, and what its files are called.

pub(in crate::storage) mod disk;
pub(in crate::storage) mod file_name;
mod table_file;

pub(in crate::storage) use self::table_file::{Commits, Place, SegmentName, aside, name_before};
