//! The checksum of a file's tail, and where it stands.

use xxhash_rust::xxh3::Xxh3;

use super::header;

/// The key of the checksum in the file's key-value metadata.
pub(super) const KEY: &str = "dbcache.checksum";
const PREFIX: &str = "xxh3-128:";
const DIGITS: usize = 32;

/// The value that is written before the checksum is known.
pub(super) fn unsealed() -> String {
    text(0)
}

/// Puts the checksum of `tail` in its place there; `None` if there is no place.
pub(super) fn seal(tail: &mut [u8]) -> Option<()> {
    let place = place(tail)?;
    let text = text(checksum(tail, place)?);
    tail.get_mut(place..place + DIGITS)?.copy_from_slice(text.strip_prefix(PREFIX)?.as_bytes());
    Some(())
}

/// Whether the checksum of `tail` is right; `None` if there is no place for one.
pub(super) fn is_sealed(tail: &[u8]) -> Option<bool> {
    let place = place(tail)?;
    let text = text(checksum(tail, place)?);
    Some(tail.get(place - PREFIX.len()..place + DIGITS) == Some(text.as_bytes()))
}

fn text(checksum: u128) -> String {
    format!("{PREFIX}{checksum:032x}")
}

/// The checksum of all bytes but its own digits.
fn checksum(tail: &[u8], place: usize) -> Option<u128> {
    let mut hash = Xxh3::new();
    hash.update(tail.get(..place)?);
    hash.update(tail.get(place + DIGITS..)?);
    Some(hash.digest128())
}

/// Where the checksum's digits begin, found without a parser.
///
/// The key and the value stand next to each other in the footer, as Thrift's compact protocol writes the two strings
/// of a pair: the field header 0x18, the length, the bytes. No name can imitate it, since names hold no control
/// characters.
fn place(tail: &[u8]) -> Option<usize> {
    let mut mark = KEY.as_bytes().to_vec();
    mark.push(0x18);
    mark.push(u8::try_from(PREFIX.len() + DIGITS).ok()?);
    mark.extend_from_slice(PREFIX.as_bytes());
    let end = find(tail, &mark)? + mark.len();
    (end + DIGITS <= tail.len()).then_some(end)
}

/// Whether a footer has any mark of ours: damage to some of them does not make a file another program's, whose values
/// nothing verifies.
pub(super) fn is_marked(footer: &[u8]) -> bool {
    [header::KEY, KEY, PREFIX].iter().any(|mark| find(footer, mark.as_bytes()).is_some())
}

/// The first place of `wanted` in `bytes`.
fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}
