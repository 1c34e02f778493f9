//! Constants that stand in a body: its format version and its kind.

use minicbor::{Decode, Decoder, Encode, Encoder, decode, encode};

/// Format version 1, encoded as the integer 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct V1;

/// The kind of a signed body, encoded as the integer `K`. Kinds differ between all signed bodies,
/// so bytes signed as one can never be read as another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Kind<const K: u8>;

impl<C> Encode<C> for V1 {
    fn encode<W: encode::Write>(
        &self,
        e: &mut Encoder<W>,
        _: &mut C,
    ) -> Result<(), encode::Error<W::Error>> {
        e.u8(1)?.ok()
    }
}

impl<'b, C> Decode<'b, C> for V1 {
    fn decode(d: &mut Decoder<'b>, _: &mut C) -> Result<Self, decode::Error> {
        expect(d, 1, "unknown format version").map(|()| Self)
    }
}

impl<C, const K: u8> Encode<C> for Kind<K> {
    fn encode<W: encode::Write>(
        &self,
        e: &mut Encoder<W>,
        _: &mut C,
    ) -> Result<(), encode::Error<W::Error>> {
        e.u8(K)?.ok()
    }
}

impl<'b, C, const K: u8> Decode<'b, C> for Kind<K> {
    fn decode(d: &mut Decoder<'b>, _: &mut C) -> Result<Self, decode::Error> {
        expect(d, K, "a body of another kind").map(|()| Self)
    }
}

fn expect(d: &mut Decoder<'_>, value: u8, otherwise: &str) -> Result<(), decode::Error> {
    let position = d.position();
    if d.u8()? == value {
        Ok(())
    } else {
        Err(decode::Error::message(otherwise.to_owned()).at(position))
    }
}
