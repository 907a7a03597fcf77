//! What the derives make of structs, seen from a user's crate.

#[path = "derive/clashes.rs"]
mod clashes;
#[path = "derive/columns.rs"]
mod columns;
#[path = "derive/documents.rs"]
mod documents;
#[path = "derive/faults.rs"]
mod faults;
#[path = "derive/frames.rs"]
mod frames;
#[path = "derive/mistakes.rs"]
mod mistakes;
#[path = "derive/values.rs"]
mod values;
