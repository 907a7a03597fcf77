//! What each column of a file becomes, or why it cannot be read.

use std::collections::HashSet;

use polars_arrow::datatypes::{ArrowDataType, TimeUnit};

use super::arrow_schema::{Hint, Kind};
use super::footer::{Annotation, Node, Physical, Repetition, Shape, Unit};

/// The most digits that a decimal has here.
const MOST_DIGITS: usize = 38;

/// How a column is put together.
#[derive(Debug)]
pub(super) enum Plan {
    Leaf(LeafPlan),
    Struct {
        is_optional: bool,
        definition: u32,
        fields: Vec<(String, Plan)>,
    },
    /// The levels are those of an element.
    List {
        is_optional: bool,
        definition: u32,
        element_definition: u32,
        element_repetition: u32,
        element: Box<Plan>,
    },
}

/// A Parquet column, and what its values become.
#[derive(Clone, Copy, Debug)]
pub(super) struct LeafPlan {
    pub(super) place: usize,
    pub(super) physical: Physical,
    pub(super) definition: u32,
    pub(super) repetition: u32,
    pub(super) kind: LeafKind,
}

/// What values mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LeafKind {
    Null,
    Boolean,
    Integer {
        bits: u32,
        is_signed: bool,
    },
    /// Of 16, 32 or 64 bits.
    Float,
    Decimal {
        precision: usize,
        scale: usize,
    },
    Date,
    /// In units of 10 to the minus this many seconds.
    Time {
        digits: u32,
    },
    Timestamp {
        unit: TimeUnit,
        is_utc: bool,
    },
    /// Nanoseconds of a day, and the day.
    OldTimestamp,
    Duration {
        digits: u32,
    },
    Text,
    /// Text that holds JSON.
    Json,
    Uuid,
    Binary,
}

impl Plan {
    /// Plans a column.
    ///
    /// # Errors
    ///
    /// Its type, for people.
    pub(super) fn of(node: &Node, hint: Option<&Hint>) -> Result<Self, String> {
        match node.repetition {
            Repetition::Repeated => Self::repeated(node, hint),
            Repetition::Required | Repetition::Optional => Self::single(node, hint),
        }
    }

    /// A list without a group around it, as old writers have it.
    fn repeated(node: &Node, hint: Option<&Hint>) -> Result<Self, String> {
        let element = Self::of_type(node, item(hint).or(hint), false)?;
        Ok(Self::List {
            is_optional: false,
            definition: 0,
            element_definition: node.definition,
            element_repetition: node.repeated,
            element: Box::new(element),
        })
    }

    fn single(node: &Node, hint: Option<&Hint>) -> Result<Self, String> {
        Self::of_type(node, hint, node.repetition == Repetition::Optional)
    }

    fn of_type(node: &Node, hint: Option<&Hint>, is_optional: bool) -> Result<Self, String> {
        match (&node.shape, &node.annotation) {
            (Shape::Leaf { place, physical }, annotation) => Ok(Self::Leaf(LeafPlan {
                place: *place,
                physical: *physical,
                definition: node.definition,
                repetition: node.repeated,
                kind: leaf_kind(*physical, annotation, hint)?,
            })),
            (Shape::Group(fields), Annotation::None) => Self::structure(node, fields, hint, is_optional),
            (Shape::Group(fields), Annotation::List) => Self::list(node, fields, hint, is_optional),
            (Shape::Group(fields), Annotation::Map) => Self::map(node, fields, hint, is_optional),
            (Shape::Group(_), Annotation::Other(name)) => Err(name.clone()),
            (Shape::Group(_), other) => Err(format!("a group of the type {other:?}")),
        }
    }

    fn structure(node: &Node, fields: &[Node], hint: Option<&Hint>, is_optional: bool) -> Result<Self, String> {
        if fields.is_empty() {
            return Err("a struct without fields".to_owned());
        }
        let mut names = HashSet::new();
        if let Some(twice) = fields.iter().find(|field| !names.insert(field.name.as_str())) {
            return Err(format!("a struct with two fields called {:?}", twice.name));
        }
        let hint_of = |name: &str| hint?.children.iter().find(|child| child.name == name);
        let planned = fields.iter().map(|field| Ok((field.name.clone(), Self::of(field, hint_of(&field.name))?)));
        Ok(Self::Struct { is_optional, definition: node.definition, fields: planned.collect::<Result<_, String>>()? })
    }

    /// See [the specification](https://github.com/apache/parquet-format/blob/master/LogicalTypes.md#lists), which tells
    /// older forms of lists by the names in them.
    fn list(node: &Node, fields: &[Node], hint: Option<&Hint>, is_optional: bool) -> Result<Self, String> {
        let [repeated] = fields else { return Err("a malformed list".to_owned()) };
        if repeated.repetition != Repetition::Repeated {
            return Err("a malformed list".to_owned());
        }
        let item = item(hint);
        let element = match &repeated.shape {
            Shape::Group(inner) => match inner.as_slice() {
                [only] if only.repetition != Repetition::Repeated && !is_element(repeated, &node.name) => {
                    Self::of(only, item)
                }
                _ => Self::of_type(repeated, item, false),
            },
            Shape::Leaf { .. } => Self::of_type(repeated, item, false),
        };
        Ok(Self::List {
            is_optional,
            definition: node.definition,
            element_definition: repeated.definition,
            element_repetition: repeated.repeated,
            element: Box::new(element?),
        })
    }

    /// A map is a list of its entries.
    fn map(node: &Node, fields: &[Node], hint: Option<&Hint>, is_optional: bool) -> Result<Self, String> {
        let malformed = || "a malformed map".to_owned();
        let [entries] = fields else { return Err(malformed()) };
        let Shape::Group(inner) = &entries.shape else { return Err(malformed()) };
        if entries.repetition != Repetition::Repeated {
            return Err(malformed());
        }
        Ok(Self::List {
            is_optional,
            definition: node.definition,
            element_definition: entries.definition,
            element_repetition: entries.repeated,
            element: Box::new(Self::structure(entries, inner, item(hint), false)?),
        })
    }

    /// The first Parquet column below.
    pub(super) fn first_leaf(&self) -> Option<LeafPlan> {
        match self {
            Self::Leaf(leaf) => Some(*leaf),
            Self::List { element, .. } => element.first_leaf(),
            Self::Struct { fields, .. } => fields.first()?.1.first_leaf(),
        }
    }

    /// All Parquet columns below.
    pub(super) fn leaves(&self) -> Vec<LeafPlan> {
        match self {
            Self::Leaf(leaf) => vec![*leaf],
            Self::List { element, .. } => element.leaves(),
            Self::Struct { fields, .. } => fields.iter().flat_map(|(_, field)| field.leaves()).collect(),
        }
    }
}

/// Whether the repeated group of a list is the element itself.
fn is_element(repeated: &Node, list: &str) -> bool {
    repeated.name == "array" || repeated.name.strip_suffix("_tuple") == Some(list)
}

/// What is said of the elements of a list.
fn item(hint: Option<&Hint>) -> Option<&Hint> {
    hint?.children.first()
}

fn leaf_kind(physical: Physical, annotation: &Annotation, hint: Option<&Hint>) -> Result<LeafKind, String> {
    use Annotation as A;
    use Physical::{Boolean, Bytes, Double, Fixed, Float, Int32, Int64, Int96};
    let kind = match (physical, annotation) {
        (_, A::Other(name)) => return Err(name.clone()),
        (_, A::Null) => LeafKind::Null,
        (Fixed(0), _) => return Err("values of no bytes".to_owned()),
        (physical, A::None) => return plain_kind(physical, hint),
        (Int32, A::Integer { bits: bits @ (8 | 16 | 32), is_signed })
        | (Int64, A::Integer { bits: bits @ 64, is_signed }) => {
            LeafKind::Integer { bits: *bits, is_signed: *is_signed }
        }
        (Int32 | Int64 | Bytes | Fixed(_), A::Decimal { precision, scale })
            if (1..=MOST_DIGITS).contains(precision) && scale <= precision =>
        {
            LeafKind::Decimal { precision: *precision, scale: *scale }
        }
        (_, A::Decimal { precision, scale }) => return Err(format!("DECIMAL({precision}, {scale})")),
        (Int32, A::Date) => LeafKind::Date,
        (Int32, A::Time(Unit::Milliseconds)) => LeafKind::Time { digits: 3 },
        (Int64, A::Time(Unit::Microseconds)) => LeafKind::Time { digits: 6 },
        (Int64, A::Time(Unit::Nanoseconds)) => LeafKind::Time { digits: 9 },
        (Int64, A::Timestamp { unit, is_utc }) => LeafKind::Timestamp { unit: time_unit(*unit), is_utc: *is_utc },
        (Bytes, A::String | A::Enum) => LeafKind::Text,
        (Bytes, A::Json) => LeafKind::Json,
        (Bytes, A::Bson) => LeafKind::Binary,
        (Fixed(16), A::Uuid) => LeafKind::Uuid,
        (Fixed(2), A::Float16) => LeafKind::Float,
        (Boolean | Int32 | Int64 | Int96 | Float | Double | Bytes | Fixed(_), other) => {
            return Err(format!("{other:?} in {physical:?}"));
        }
    };
    Ok(kind)
}

fn plain_kind(physical: Physical, hint: Option<&Hint>) -> Result<LeafKind, String> {
    use Physical::{Boolean, Bytes, Double, Fixed, Float, Int32, Int64, Int96};
    Ok(match (physical, hint.map(|hint| hint.kind)) {
        (_, Some(Kind::Struct)) => return Err("a struct without fields".to_owned()),
        (Int64, Some(Kind::Duration { digits })) => LeafKind::Duration { digits },
        (Fixed(16), Some(Kind::Int { bits: 128, is_signed })) => LeafKind::Integer { bits: 128, is_signed },
        (Boolean, _) => LeafKind::Boolean,
        (Int32, _) => LeafKind::Integer { bits: 32, is_signed: true },
        (Int64, _) => LeafKind::Integer { bits: 64, is_signed: true },
        (Int96, _) => LeafKind::OldTimestamp,
        (Float | Double, _) => LeafKind::Float,
        (Bytes | Fixed(_), _) => LeafKind::Binary,
    })
}

fn time_unit(unit: Unit) -> TimeUnit {
    match unit {
        Unit::Milliseconds => TimeUnit::Millisecond,
        Unit::Microseconds => TimeUnit::Microsecond,
        Unit::Nanoseconds => TimeUnit::Nanosecond,
    }
}

/// The type of a list whose elements have this one.
pub(super) fn list_of(element: ArrowDataType) -> ArrowDataType {
    ArrowDataType::LargeList(Box::new(field("item", element)))
}

pub(super) fn field(name: &str, data_type: ArrowDataType) -> polars_arrow::datatypes::Field {
    polars_arrow::datatypes::Field::new(name.into(), data_type, true)
}
