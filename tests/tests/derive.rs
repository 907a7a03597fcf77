//! What the derives make of structs, seen from a user's crate.

#[path = "derive/frames.rs"]
mod frames;
