//! The pieces of an encoded schema, joined when the actor's crate is compiled: only then is it
//! known what the types in it say of themselves.

use std::marker::PhantomData;

use crate::{ActorError, Described};

/// Asks a type what it says of itself. A type that says nothing is answered for by [`Unlisted`],
/// because what a type has itself goes before what a trait gives it.
#[derive(Debug)]
pub struct Probe<T: ?Sized>(PhantomData<T>);

impl<T: Described + ?Sized> Probe<T> {
    /// Its encoded shape.
    pub const TYPE: &'static [u8] = T::TYPE;
}

impl<T: ActorError> Probe<T> {
    /// How many errors it lists, and these as encoded items.
    pub const ERRORS: (usize, &'static [u8]) = T::CODES;
}

/// What is said of types that say nothing.
pub trait Unlisted {
    /// No shape.
    const TYPE: &'static [u8] = &[];
    /// No errors.
    const ERRORS: (usize, &'static [u8]) = (0, &[]);
}

impl<T: ?Sized> Unlisted for Probe<T> {}

/// The shape of a type, or its spelling if it has none.
pub const fn described(shape: &'static [u8], spelling: &'static [u8]) -> &'static [u8] {
    if shape.is_empty() { spelling } else { shape }
}

/// The heads of short arrays (RFC 8949 section 3): one byte.
const SHORT: &[[u8; 1]; 24] = &{
    let mut heads = [[0]; 24];
    let mut head = 0x80;
    let mut rest = heads.as_mut_slice();
    while let [first, after @ ..] = rest {
        *first = [head];
        head += 1;
        rest = after;
    }
    heads
};

/// The heads of longer arrays: a byte, and the length in another one.
const LONG: &[[u8; 2]; 256] = &{
    let mut heads = [[0x98, 0]; 256];
    let mut len = 0_u8;
    let mut rest = heads.as_mut_slice();
    while let [first, after @ ..] = rest {
        *first = [0x98, len];
        len = len.wrapping_add(1);
        rest = after;
    }
    heads
};

/// The head of an encoded array.
///
/// # Panics
///
/// When the crate is compiled, if a schema lists more than 255 of something.
#[expect(clippy::indexing_slicing, reason = "const evaluation: a wrong index does not compile")]
pub const fn array_head(len: usize) -> &'static [u8] {
    assert!(len < 256, "a schema lists at most 255 events, and 255 errors of a method");
    if len < 24 { &SHORT[len] } else { &LONG[len] }
}

/// The head of an array of fields, with one more if something is listed.
pub const fn array_head_with(fields: usize, listed: usize) -> &'static [u8] {
    array_head(if listed == 0 { fields } else { fields + 1 })
}

/// The head of a list that is absent if it is empty.
pub const fn list_head(len: usize) -> &'static [u8] {
    if len == 0 { &[] } else { array_head(len) }
}

/// The length of some parts joined.
pub const fn joined_len(parts: &[&[u8]]) -> usize {
    let mut rest = parts;
    let mut len = 0;
    while let [part, after @ ..] = rest {
        len += part.len();
        rest = after;
    }
    len
}

/// Joins parts whose joined length is `N`.
#[expect(clippy::indexing_slicing, reason = "const evaluation: a wrong index does not compile")]
pub const fn join<const N: usize>(parts: &[&[u8]]) -> [u8; N] {
    let mut joined = [0; N];
    let (mut at, mut part) = (0, 0);
    while part < parts.len() {
        let mut byte = 0;
        while byte < parts[part].len() {
            joined[at] = parts[part][byte];
            (at, byte) = (at + 1, byte + 1);
        }
        part += 1;
    }
    joined
}
