//! What a footer says: the columns as a tree, and where their pages are.

use super::super::header;
use super::Fault;
use super::arrow_schema::{self, Hint};
use super::thrift::Struct;

/// How deep columns may be nested.
const DEPTH: usize = 48;

/// What the end of a file says of it.
#[derive(Debug, Default)]
pub(super) struct Footer {
    pub(super) rows: usize,
    pub(super) columns: Vec<Node>,
    pub(super) groups: Vec<Group>,
    /// What Arrow says of the columns that Parquet has no word for.
    pub(super) hints: Vec<Hint>,
    /// The header of a file of ours, if the program that wrote this one kept it.
    pub(super) own_header: Option<String>,
}

/// A column, or a part of a nested one.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) name: String,
    pub(super) repetition: Repetition,
    pub(super) annotation: Annotation,
    /// The definition level from which on there is a value, or an element of a repeated one.
    pub(super) definition: u32,
    /// In how many repeated nodes it is, itself among them.
    pub(super) repeated: u32,
    pub(super) shape: Shape,
}

#[derive(Debug)]
pub(super) enum Shape {
    /// A column that has pages, with its place among these.
    Leaf {
        place: usize,
        physical: Physical,
    },
    Group(Vec<Node>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Repetition {
    Required,
    Optional,
    Repeated,
}

/// How values are laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Physical {
    Boolean,
    Int32,
    Int64,
    Int96,
    Float,
    Double,
    Bytes,
    Fixed(usize),
}

/// What values mean.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Annotation {
    None,
    String,
    Map,
    List,
    Enum,
    Decimal {
        precision: usize,
        scale: usize,
    },
    Date,
    Time(Unit),
    Timestamp {
        unit: Unit,
        is_utc: bool,
    },
    Integer {
        bits: u32,
        is_signed: bool,
    },
    Null,
    Json,
    Bson,
    Uuid,
    Float16,
    /// Whatever else, by its name.
    Other(String),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    Milliseconds,
    Microseconds,
    Nanoseconds,
}

#[derive(Debug)]
pub(super) struct Group {
    pub(super) rows: usize,
    pub(super) chunks: Vec<Chunk>,
}

/// Where the pages of a column are in a row group, or why they cannot be read.
#[derive(Debug)]
pub(super) struct Chunk {
    pub(super) place: Result<Place, String>,
}

#[derive(Debug)]
pub(super) struct Place {
    pub(super) start: usize,
    pub(super) codec: i64,
    pub(super) values: usize,
    /// What all pages take uncompressed, so that none takes more.
    pub(super) uncompressed: usize,
}

impl Footer {
    /// Reads a footer.
    ///
    /// # Errors
    ///
    /// [`Fault::Damaged`]: no other program writes what cannot be read here.
    pub(super) fn read(mut footer: &[u8]) -> Result<Self, Fault> {
        Self::of(&mut footer).ok_or_else(|| Fault::Damaged("its footer is unreadable".to_owned()))
    }

    fn of(footer: &mut &[u8]) -> Option<Self> {
        let metadata = Struct::read(footer)?;
        let mut elements = metadata.structures(2)?.into_iter();
        let root = elements.next()?;
        let mut leaves = 0;
        // A file may have no columns; what there is beyond those that are counted is damage.
        let children = root.count(5).unwrap_or(0);
        let columns = nodes(children, &mut elements, &mut leaves, Levels::default())?;
        if elements.next().is_some() {
            return None;
        }
        let groups = metadata.structures(4)?;
        let groups: Vec<Group> = groups.into_iter().map(|group| Group::of(group, leaves)).collect::<Option<_>>()?;
        // Some writers state no rows for the file as a whole.
        let rows = groups.iter().try_fold(0_usize, |sum, group| sum.checked_add(group.rows))?;
        let own_header = value(&metadata, header::KEY).map(str::to_owned);
        Some(Self { rows, columns, groups, hints: hints(&metadata), own_header })
    }
}

/// The name of the program that wrote a file, as far as it says so.
pub(in crate::storage) fn written_by(mut footer: &[u8]) -> Option<String> {
    Struct::read(&mut footer)?.text(6).map(str::to_owned)
}

/// What Arrow says, if it says anything that can be read: without it columns are what Parquet says.
fn hints(metadata: &Struct<'_>) -> Vec<Hint> {
    value(metadata, arrow_schema::KEY).and_then(arrow_schema::hints).unwrap_or_default()
}

/// A value of the key-value metadata.
fn value<'b>(metadata: &Struct<'b>, key: &str) -> Option<&'b str> {
    metadata.structures(5)?.into_iter().find(|pair| pair.text(1) == Some(key))?.text(2)
}

#[derive(Clone, Copy, Default)]
struct Levels {
    definition: u32,
    repeated: u32,
    depth: usize,
}

/// The next nodes, which stand in the order of a walk through the tree.
fn nodes<'m, 'b: 'm>(
    count: usize,
    elements: &mut dyn Iterator<Item = &'m Struct<'b>>,
    leaves: &mut usize,
    above: Levels,
) -> Option<Vec<Node>> {
    let mut nodes = Vec::new();
    for _ in 0..count {
        nodes.push(node(elements, leaves, above)?);
    }
    Some(nodes)
}

fn node<'m, 'b: 'm>(
    elements: &mut dyn Iterator<Item = &'m Struct<'b>>,
    leaves: &mut usize,
    above: Levels,
) -> Option<Node> {
    if above.depth == DEPTH {
        return None;
    }
    let element = elements.next()?;
    // What says nothing is there once, as the root.
    let repetition = match element.int(3).unwrap_or(0) {
        0 => Repetition::Required,
        1 => Repetition::Optional,
        2 => Repetition::Repeated,
        _ => return None,
    };
    let levels = Levels {
        definition: above.definition + u32::from(repetition != Repetition::Required),
        repeated: above.repeated + u32::from(repetition == Repetition::Repeated),
        depth: above.depth + 1,
    };
    let shape = match element.int(1) {
        Some(physical) => {
            let place = *leaves;
            *leaves += 1;
            Shape::Leaf { place, physical: physical_type(physical, element.count(2))? }
        }
        None => Shape::Group(nodes(element.count(5).unwrap_or(0), elements, leaves, levels)?),
    };
    Some(Node {
        name: element.text(4)?.to_owned(),
        repetition,
        annotation: annotation(element),
        definition: levels.definition,
        repeated: levels.repeated,
        shape,
    })
}

fn physical_type(number: i64, length: Option<usize>) -> Option<Physical> {
    Some(match number {
        0 => Physical::Boolean,
        1 => Physical::Int32,
        2 => Physical::Int64,
        3 => Physical::Int96,
        4 => Physical::Float,
        5 => Physical::Double,
        6 => Physical::Bytes,
        7 => Physical::Fixed(length?),
        _ => return None,
    })
}

fn annotation(element: &Struct<'_>) -> Annotation {
    if let Some(logical) = element.structure(10) {
        return logical.only().map_or_else(
            || Annotation::Other("an unknown logical type".to_owned()),
            |(number, details)| logical_type(number, details),
        );
    }
    element.int(6).map_or(Annotation::None, |number| converted_type(number, element))
}

fn logical_type(number: i16, details: &Struct<'_>) -> Annotation {
    let unit = || match details.structure(2).and_then(Struct::only)?.0 {
        1 => Some(Unit::Milliseconds),
        2 => Some(Unit::Microseconds),
        3 => Some(Unit::Nanoseconds),
        _ => None,
    };
    let known = match number {
        1 => Some(Annotation::String),
        2 => Some(Annotation::Map),
        3 => Some(Annotation::List),
        4 => Some(Annotation::Enum),
        5 => details.count(1).zip(details.count(2)).map(|(scale, precision)| Annotation::Decimal { precision, scale }),
        6 => Some(Annotation::Date),
        7 => unit().map(Annotation::Time),
        8 => unit().zip(details.bool(1)).map(|(unit, is_utc)| Annotation::Timestamp { unit, is_utc }),
        10 => {
            let bits = details.int(1).and_then(|bits| u32::try_from(bits).ok());
            bits.zip(details.bool(2)).map(|(bits, is_signed)| Annotation::Integer { bits, is_signed })
        }
        11 => Some(Annotation::Null),
        12 => Some(Annotation::Json),
        13 => Some(Annotation::Bson),
        14 => Some(Annotation::Uuid),
        15 => Some(Annotation::Float16),
        16 => Some(Annotation::Other("VARIANT".to_owned())),
        17 => Some(Annotation::Other("GEOMETRY".to_owned())),
        18 => Some(Annotation::Other("GEOGRAPHY".to_owned())),
        _ => None,
    };
    known.unwrap_or_else(|| Annotation::Other(format!("the unknown logical type {number}")))
}

fn converted_type(number: i64, element: &Struct<'_>) -> Annotation {
    let integer = |bits, is_signed| Annotation::Integer { bits, is_signed };
    match number {
        0 => Annotation::String,
        1 | 2 => Annotation::Map,
        3 => Annotation::List,
        4 => Annotation::Enum,
        5 => Annotation::Decimal { precision: element.count(8).unwrap_or(0), scale: element.count(7).unwrap_or(0) },
        6 => Annotation::Date,
        7 => Annotation::Time(Unit::Milliseconds),
        8 => Annotation::Time(Unit::Microseconds),
        9 => Annotation::Timestamp { unit: Unit::Milliseconds, is_utc: false },
        10 => Annotation::Timestamp { unit: Unit::Microseconds, is_utc: false },
        11..=14 => integer(8 << (number - 11), false),
        15..=18 => integer(8 << (number - 15), true),
        19 => Annotation::Json,
        20 => Annotation::Bson,
        21 => Annotation::Other("INTERVAL".to_owned()),
        _ => Annotation::Other(format!("the unknown converted type {number}")),
    }
}

impl Group {
    fn of(group: &Struct<'_>, leaves: usize) -> Option<Self> {
        let chunks: Vec<Chunk> = group.structures(1)?.into_iter().map(Chunk::of).collect::<Option<_>>()?;
        (chunks.len() == leaves).then_some(Self { rows: group.count(3)?, chunks })
    }
}

impl Chunk {
    fn of(chunk: &Struct<'_>) -> Option<Self> {
        if chunk.has(8) || chunk.has(9) {
            return Some(Self { place: Err("it is encrypted".to_owned()) });
        }
        if chunk.has(1) {
            return Some(Self { place: Err("its values are in another file".to_owned()) });
        }
        let metadata = chunk.structure(3)?;
        let data = metadata.count(9)?;
        // Some writers set a place of 0, where the magic number is, for no dictionary.
        let dictionary = metadata.count(11).filter(|place| *place > 0);
        let place = Place {
            start: dictionary.map_or(data, |dictionary| dictionary.min(data)),
            codec: metadata.int(4)?,
            values: metadata.count(5)?,
            uncompressed: metadata.count(6)?,
        };
        Some(Self { place: Ok(place) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A footer of one column-less schema, and of no rows.
    const EMPTY: [u8; 11] = [0x29, 0x1C, 0x48, 1, b'r', 0, 0x29, 0x0C, 0, 0, 0];

    #[test]
    fn a_footer_whose_row_groups_are_unreadable_is_damaged_and_not_one_of_no_rows() {
        assert_eq!(Footer::read(&EMPTY).expect("a footer").rows, 0);
        // There are none, or numbers in their place.
        let schema = EMPTY.first_chunk::<6>().expect("the schema");
        for rest in [&[0][..], &[0x29, 0x15, 2, 0]] {
            let footer = [schema.as_slice(), rest].concat();
            assert!(matches!(Footer::read(&footer), Err(Fault::Damaged(_))), "{rest:?}");
        }
    }
}
