//! The pages of a column chunk: found, checked against what the footer says of them, and decompressed.

use polars_parquet::parquet::compression::{Compression, DecompressionContext, decompress};

use super::footer::{Physical, Place};
use super::thrift::Struct;
use super::values::Values;
use super::{Fault, damaged, runs};

/// The levels and values of a column chunk, or of several that follow one another.
#[derive(Debug)]
pub(super) struct Entries {
    /// Of each entry; empty where all are 0.
    pub(super) definition: Vec<u32>,
    pub(super) repetition: Vec<u32>,
    pub(super) values: Values,
    pub(super) count: usize,
}

/// What the levels of a column may be, and its values are.
#[derive(Clone, Copy, Debug)]
pub(super) struct Leaf {
    pub(super) physical: Physical,
    pub(super) most_definition: u32,
    pub(super) most_repetition: u32,
}

impl Entries {
    pub(super) fn none(leaf: Leaf) -> Self {
        Self { definition: Vec::new(), repetition: Vec::new(), values: Values::none(leaf.physical), count: 0 }
    }

    /// Adds the entries of a column chunk, which is somewhere in `file`.
    pub(super) fn add(&mut self, file: &[u8], place: &Place, rows: usize, leaf: Leaf) -> Result<(), Fault> {
        let codec = codec(place.codec)?;
        if leaf.most_repetition == 0 && place.values != rows {
            return Err(damaged("its counts of values disagree"));
        }
        let pages = pages(file, place)?;
        let mut context = Decompressor { codec, context: DecompressionContext::Unset };
        let mut dictionary = None;
        for page in pages {
            match page.kind {
                PageKind::Index => {}
                PageKind::Dictionary => {
                    let bytes = context.decompressed(page.body, page.uncompressed)?;
                    let mut values = Values::none(leaf.physical);
                    // Each value takes at least a byte, so that no count asks for more memory than the file has.
                    if page.values > bytes.len() {
                        return Err(damaged("a dictionary is too short"));
                    }
                    values.add(leaf.physical, 0, &bytes, page.values, None)?;
                    dictionary = Some(values);
                }
                PageKind::First { encoding } => {
                    let bytes = context.decompressed(page.body, page.uncompressed)?;
                    let mut rest = bytes.as_slice();
                    let repetition = levels_with_length(&mut rest, leaf.most_repetition, page.values)?;
                    let definition = levels_with_length(&mut rest, leaf.most_definition, page.values)?;
                    self.push(leaf, page.values, (repetition, definition), encoding, rest, dictionary.as_ref())?;
                }
                PageKind::Second { encoding, repetition, definition, is_compressed } => {
                    let too_short = || damaged("the levels of a page are not there");
                    let (repetition, rest) = page.body.split_at_checked(repetition).ok_or_else(too_short)?;
                    let (definition, rest) = rest.split_at_checked(definition).ok_or_else(too_short)?;
                    let before = repetition.len() + definition.len();
                    let uncompressed = page.uncompressed.checked_sub(before).ok_or_else(too_short)?;
                    let repetition = levels(repetition, leaf.most_repetition, page.values)?;
                    let definition = levels(definition, leaf.most_definition, page.values)?;
                    let values = if is_compressed && !rest.is_empty() {
                        context.decompressed(rest, uncompressed)?
                    } else {
                        rest.to_vec()
                    };
                    self.push(leaf, page.values, (repetition, definition), encoding, &values, dictionary.as_ref())?;
                }
            }
        }
        Ok(())
    }

    fn push(
        &mut self,
        leaf: Leaf,
        count: usize,
        (repetition, definition): (Vec<u32>, Vec<u32>),
        encoding: i64,
        values: &[u8],
        dictionary: Option<&Values>,
    ) -> Result<(), Fault> {
        let present = match leaf.most_definition {
            0 => count,
            most => definition.iter().filter(|level| **level == most).count(),
        };
        self.values.add(leaf.physical, encoding, values, present, dictionary)?;
        self.definition.extend(definition);
        self.repetition.extend(repetition);
        self.count += count;
        Ok(())
    }

    // Pages have as many levels as values, or none where all are 0.
    pub(super) fn definition(&self, entry: usize) -> u32 {
        self.definition.get(entry).copied().unwrap_or_default()
    }

    pub(super) fn repetition(&self, entry: usize) -> u32 {
        self.repetition.get(entry).copied().unwrap_or_default()
    }
}

struct Page<'f> {
    kind: PageKind,
    values: usize,
    uncompressed: usize,
    body: &'f [u8],
}

#[derive(Clone, Copy)]
enum PageKind {
    Index,
    Dictionary,
    /// Of the first version, whose levels are compressed with its values.
    First {
        encoding: i64,
    },
    /// Of the second version, with the lengths of its levels.
    Second {
        encoding: i64,
        repetition: usize,
        definition: usize,
        is_compressed: bool,
    },
}

/// The pages that hold the values of a chunk. How many bytes these take is not asked of the footer, which some writers
/// state too low.
fn pages<'f>(file: &'f [u8], place: &Place) -> Result<Vec<Page<'f>>, Fault> {
    let unreadable = || damaged("its pages are unreadable");
    let mut rest = file.get(place.start..).ok_or_else(unreadable)?;
    let (mut pages, mut values) = (Vec::new(), 0_usize);
    while values < place.values {
        let page = next_page(&mut rest).ok_or_else(unreadable)?;
        if page.uncompressed > place.uncompressed {
            return Err(damaged("the sizes of its pages disagree"));
        }
        if matches!(page.kind, PageKind::First { .. } | PageKind::Second { .. }) {
            values = values.checked_add(page.values).ok_or_else(unreadable)?;
        }
        pages.push(page);
    }
    if values == place.values { Ok(pages) } else { Err(damaged("its counts of values disagree")) }
}

/// Takes a page from the front of `bytes`.
fn next_page<'f>(bytes: &mut &'f [u8]) -> Option<Page<'f>> {
    let header = Struct::read(bytes)?;
    let (body, rest) = bytes.split_at_checked(header.count(3)?)?;
    *bytes = rest;
    let (kind, values) = match header.int(1)? {
        0 => {
            let details = header.structure(5)?;
            (PageKind::First { encoding: details.int(2)? }, details.count(1)?)
        }
        1 => (PageKind::Index, 0),
        2 => (PageKind::Dictionary, header.structure(7)?.count(1)?),
        3 => {
            let details = header.structure(8)?;
            let kind = PageKind::Second {
                encoding: details.int(4)?,
                repetition: details.count(6)?,
                definition: details.count(5)?,
                is_compressed: details.bool(7).unwrap_or(true),
            };
            (kind, details.count(1)?)
        }
        _ => return None,
    };
    Some(Page { kind, values, uncompressed: header.count(2)?, body })
}

struct Decompressor {
    codec: Compression,
    context: DecompressionContext,
}

impl Decompressor {
    fn decompressed(&mut self, body: &[u8], length: usize) -> Result<Vec<u8>, Fault> {
        if self.codec == Compression::Uncompressed {
            return Ok(body.to_vec());
        }
        let mut bytes = Vec::new();
        bytes.try_reserve_exact(length).map_err(|_| damaged("a page is too large"))?;
        bytes.resize(length, 0);
        if length > 0
            && let Err(cause) = decompress(self.codec, body, &mut bytes, &mut self.context)
        {
            return Err(match self.codec {
                Compression::Gzip if has_members(body) => {
                    Fault::Unreadable("its pages are several members of gzip".to_owned())
                }
                _ => Fault::Damaged(format!("a page does not decompress: {cause}")),
            });
        }
        Ok(bytes)
    }
}

/// Whether a gzip stream seems to have further members behind the first, which the decompressor passes over.
fn has_members(body: &[u8]) -> bool {
    const BEGIN: [u8; 3] = [0x1F, 0x8B, 8];
    body.windows(BEGIN.len()).skip(1).any(|window| window == BEGIN)
}

fn codec(number: i64) -> Result<Compression, Fault> {
    Ok(match number {
        0 => Compression::Uncompressed,
        1 => Compression::Snappy,
        2 => Compression::Gzip,
        4 => Compression::Brotli,
        5 => Compression::Lz4,
        6 => Compression::Zstd,
        7 => Compression::Lz4Raw,
        3 => return Err(Fault::Unreadable("it is compressed with LZO".to_owned())),
        other => return Err(Fault::Unreadable(format!("it is compressed with the unknown codec {other}"))),
    })
}

/// The levels of a page of the first version, which stand behind their length.
fn levels_with_length(page: &mut &[u8], most: u32, count: usize) -> Result<Vec<u32>, Fault> {
    if most == 0 {
        return Ok(Vec::new());
    }
    let found = page.split_first_chunk().and_then(|(length, rest)| {
        let (found, rest) = rest.split_at_checked(usize::try_from(u32::from_le_bytes(*length)).ok()?)?;
        *page = rest;
        Some(found)
    });
    levels(found.ok_or_else(|| damaged("the levels of a page are not there"))?, most, count)
}

fn levels(bytes: &[u8], most: u32, count: usize) -> Result<Vec<u32>, Fault> {
    if most == 0 {
        return Ok(Vec::new());
    }
    let levels = runs::decode(bytes, u32::BITS - most.leading_zeros(), count);
    let levels = levels.filter(|levels| levels.iter().all(|level| *level <= most));
    levels.ok_or_else(|| damaged("the levels of a page are unreadable"))
}
