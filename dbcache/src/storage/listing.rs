//! Which tables a folder has, and which files make them up. Nothing is repaired, cleaned or locked.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::error::Result;
use crate::name::TableName;
use crate::storage::Store;
use crate::storage::file::Described;
use crate::storage::file::{self, Outline};
use crate::storage::place::{SegmentName, disk, file_name, name_before};
use crate::storage::table::Table;

const PARQUET: &str = ".parquet";
const SEGMENTS: &str = ".segments";

/// A table of a folder, or a file that may be one.
#[derive(Debug)]
pub(crate) struct Listed {
    /// The name of the table's own file, whether it is there or not.
    pub(crate) file: String,
    pub(crate) owner: Owner,
    pub(crate) base_bytes: u64,
    pub(crate) segments: usize,
    pub(crate) segment_bytes: u64,
    /// Of files that were set aside.
    pub(crate) damaged_bytes: u64,
}

/// Whose the files are.
#[derive(Debug)]
pub(crate) enum Owner {
    Own(Arc<Table>),
    Foreign(Described),
    /// Nothing tells; the reason is for people.
    Unknown(String),
}

impl Store {
    /// The tables of the folder, by the names of their files.
    pub(crate) fn tables(&self) -> Result<Vec<Listed>> {
        let names = disk::list(self.folder())?;
        let stems: BTreeSet<&str> = names.iter().filter_map(|name| stem(name)).collect();
        Ok(stems.into_iter().filter_map(|stem| self.listed(stem, &names)).collect())
    }

    /// `None` where there are no files of a table.
    fn listed(&self, stem: &str, names: &[String]) -> Option<Listed> {
        let file = format!("{stem}{PARQUET}");
        let unknown = |reason| Listed {
            file: file.clone(),
            owner: Owner::Unknown(reason),
            base_bytes: 0,
            segments: 0,
            segment_bytes: 0,
            damaged_bytes: 0,
        };
        match Files::find(self.folder(), stem, names) {
            Ok(files) if files.base.is_none() && files.segments.is_empty() => None,
            Ok(files) => Some(self.described(&files, &file).unwrap_or_else(|cause| unknown(cause.with_causes()))),
            Err(cause) => Some(unknown(cause.with_causes())),
        }
    }

    fn described(&self, files: &Files, file: &str) -> Result<Listed> {
        Ok(Listed {
            file: file.to_owned(),
            base_bytes: lengths(&files.base)?,
            segments: files.segments.len(),
            segment_bytes: lengths(&files.segments)?,
            damaged_bytes: lengths(&files.damaged)?,
            owner: self.owner(files, file)?,
        })
    }

    /// Whose the base is; where that does not say it, whose the segments are.
    fn owner(&self, files: &Files, file: &str) -> Result<Owner> {
        let mut owner = Owner::Unknown("its file is gone".to_owned());
        for path in files.base.iter().chain(&files.segments) {
            let Some((_, open)) = disk::open(path)? else { continue };
            match self.owner_of(file::outline(&open)?, file)? {
                own @ Owner::Own(_) => return Ok(own),
                other if files.base.as_ref() == Some(path) => owner = other,
                _ => {}
            }
        }
        Ok(owner)
    }

    fn owner_of(&self, outline: Outline, file: &str) -> Result<Owner> {
        Ok(match outline {
            Outline::Foreign(described) => Owner::Foreign(described),
            Outline::NoTable(reason) => Owner::Unknown(format!("{file} is no table: {reason}")),
            Outline::Damaged(reason) => Owner::Unknown(format!("{file} is damaged: {reason}")),
            Outline::Own { table, id_column } => {
                let name = TableName::new(table)?;
                if file_name::parquet(&name) == file {
                    Owner::Own(self.table(&name, &id_column))
                } else {
                    Owner::Unknown(format!("it holds {name} by {id_column:?}, but has not the name of its file"))
                }
            }
        })
    }
}

/// The files of one table.
struct Files {
    base: Option<PathBuf>,
    segments: Vec<PathBuf>,
    /// Those that were set aside.
    damaged: Vec<PathBuf>,
}

impl Files {
    fn find(folder: &Path, stem: &str, names: &[String]) -> Result<Self> {
        let (base, segments) = (format!("{stem}{PARQUET}"), format!("{stem}{SEGMENTS}"));
        let segments_there = if names.contains(&segments) { disk::list(&folder.join(&segments))? } else { Vec::new() };
        let in_folder = |name: &String| folder.join(name);
        let in_segments = |name: &String| folder.join(&segments).join(name);
        let is_segment = |name: &str| SegmentName::parse(name).is_some();
        let is_of =
            |name: &str, is_it: &dyn Fn(&str) -> bool| name_before(name).is_some_and(|(before, _)| is_it(before));
        let damaged_bases = names.iter().filter(|name| is_of(name, &|before| before == base));
        let damaged_segments = segments_there.iter().filter(|name| is_of(name, &is_segment));
        Ok(Self {
            base: names.iter().find(|name| **name == base).map(in_folder),
            segments: segments_there.iter().filter(|name| is_segment(name)).map(in_segments).collect(),
            damaged: damaged_bases.map(in_folder).chain(damaged_segments.map(in_segments)).collect(),
        })
    }
}

fn lengths<'p>(paths: impl IntoIterator<Item = &'p PathBuf>) -> Result<u64> {
    paths.into_iter().map(|path| disk::length(path)).sum()
}

/// The name of a table's files without their ends.
fn stem(name: &str) -> Option<&str> {
    let stem = name.strip_suffix(PARQUET).or_else(|| name.strip_suffix(SEGMENTS));
    stem.filter(|_| !name.starts_with(disk::TEMPORARY))
}
