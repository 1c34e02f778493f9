//! From serde to canonical CBOR.

use serde::{Serialize, ser};

use super::{Entries, Error, Writer};

/// Appends one value.
pub(super) struct Serializer<'a> {
    out: &'a mut Vec<u8>,
    /// How many more levels of arrays and maps there may be.
    depth: u32,
}

impl<'a> Serializer<'a> {
    pub(super) const fn new(out: &'a mut Vec<u8>, depth: u32) -> Self {
        Self { out, depth }
    }

    fn writer(self) -> Writer<'a> {
        Writer::new(self.out)
    }

    fn float(self, float: f64) {
        if float.is_nan() {
            return self.out.extend_from_slice(&[0xf9, 0x7e, 0x00]);
        }
        let half = half::f16::from_f64(float);
        #[expect(clippy::cast_possible_truncation, reason = "compared with the original below")]
        let single = float as f32;
        if half.to_f64().to_bits() == float.to_bits() {
            self.out.push(0xf9);
            self.out.extend_from_slice(&half.to_bits().to_be_bytes());
        } else if f64::from(single).to_bits() == float.to_bits() {
            self.out.push(0xfa);
            self.out.extend_from_slice(&single.to_be_bytes());
        } else {
            self.out.push(0xfb);
            self.out.extend_from_slice(&float.to_be_bytes());
        }
    }

    /// Opens an array.
    fn array(self) -> Result<Array<'a>, Error> {
        let depth = self.depth.checked_sub(1).ok_or(Error::TOO_DEEP)?;
        Ok(Array { start: self.out.len(), len: 0, out: self.out, depth })
    }

    /// Opens a map.
    fn entries(self) -> Result<Map<'a>, Error> {
        let depth = self.depth.checked_sub(1).ok_or(Error::TOO_DEEP)?;
        Ok(Map { out: self.out, entries: Entries::default(), depth })
    }

    /// Opens the map with one entry that a variant with content is.
    fn variant(self, variant: &'static str) -> Result<Self, Error> {
        let depth = self.depth.checked_sub(1).ok_or(Error::TOO_DEEP)?;
        Writer::new(&mut *self.out).map(1).text(variant);
        Ok(Self { out: self.out, depth })
    }
}

/// Serialises scalars through the writer's method of that name.
macro_rules! scalars {
    ($($method:ident: $ty:ty => $write:ident,)*) => {$(
        fn $method(self, value: $ty) -> Result<(), Error> {
            self.writer().$write(value.into());
            Ok(())
        }
    )*};
}

impl<'a> ser::Serializer for Serializer<'a> {
    type Ok = ();
    type Error = Error;
    type SerializeSeq = Array<'a>;
    type SerializeTuple = Array<'a>;
    type SerializeTupleStruct = Array<'a>;
    type SerializeTupleVariant = Array<'a>;
    type SerializeMap = Map<'a>;
    type SerializeStruct = Map<'a>;
    type SerializeStructVariant = Map<'a>;

    scalars! {
        serialize_bool: bool => bool,
        serialize_i8: i8 => integer,
        serialize_i16: i16 => integer,
        serialize_i32: i32 => integer,
        serialize_i64: i64 => integer,
        serialize_u8: u8 => unsigned,
        serialize_u16: u16 => unsigned,
        serialize_u32: u32 => unsigned,
        serialize_u64: u64 => unsigned,
        serialize_str: &str => text,
        serialize_bytes: &[u8] => bytes,
    }

    fn serialize_i128(self, value: i128) -> Result<(), Error> {
        match (u64::try_from(value), u64::try_from(!value)) {
            (Ok(value), _) => self.writer().unsigned(value),
            (_, Ok(below)) => self.writer().negative(below),
            _ => return Err(Error::RANGE),
        };
        Ok(())
    }

    fn serialize_u128(self, value: u128) -> Result<(), Error> {
        self.serialize_u64(u64::try_from(value).map_err(|_| Error::RANGE)?)
    }

    fn serialize_f32(self, value: f32) -> Result<(), Error> {
        self.serialize_f64(value.into())
    }

    fn serialize_f64(self, value: f64) -> Result<(), Error> {
        self.float(value);
        Ok(())
    }

    fn serialize_char(self, value: char) -> Result<(), Error> {
        self.serialize_str(value.encode_utf8(&mut [0; 4]))
    }

    fn serialize_none(self) -> Result<(), Error> {
        self.serialize_unit()
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Error> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<(), Error> {
        self.writer().null();
        Ok(())
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<(), Error> {
        self.serialize_unit()
    }

    fn serialize_unit_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
    ) -> Result<(), Error> {
        self.serialize_str(variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<(), Error> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<(), Error> {
        value.serialize(self.variant(variant)?)
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Array<'a>, Error> {
        self.array()
    }

    fn serialize_tuple(self, _: usize) -> Result<Array<'a>, Error> {
        self.array()
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Array<'a>, Error> {
        self.array()
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Array<'a>, Error> {
        self.variant(variant)?.array()
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Map<'a>, Error> {
        self.entries()
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Map<'a>, Error> {
        self.entries()
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Map<'a>, Error> {
        self.variant(variant)?.entries()
    }
}

/// An array under construction. Its header goes in front when the length is known.
pub(super) struct Array<'a> {
    out: &'a mut Vec<u8>,
    start: usize,
    len: u64,
    depth: u32,
}

impl Array<'_> {
    fn push<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        self.len += 1;
        value.serialize(Serializer::new(self.out, self.depth))
    }

    fn finish(self) {
        let mut header = Vec::new();
        Writer::new(&mut header).array(self.len);
        self.out.splice(self.start..self.start, header);
    }
}

/// A map under construction.
pub(super) struct Map<'a> {
    out: &'a mut Vec<u8>,
    entries: Entries,
    depth: u32,
}

macro_rules! arrays {
    ($($name:ident::$method:ident,)*) => {$(
        impl ser::$name for Array<'_> {
            type Ok = ();
            type Error = Error;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
                self.push(value)
            }

            fn end(self) -> Result<(), Error> {
                self.finish();
                Ok(())
            }
        }
    )*};
}

arrays! {
    SerializeSeq::serialize_element,
    SerializeTuple::serialize_element,
    SerializeTupleStruct::serialize_field,
    SerializeTupleVariant::serialize_field,
}

impl ser::SerializeMap for Map<'_> {
    type Ok = ();
    type Error = Error;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Error> {
        self.entries.push_key(key, self.depth)
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        self.entries.push_value(value, self.depth)
    }

    fn end(self) -> Result<(), Error> {
        self.entries.finish(self.out)
    }
}

macro_rules! structs {
    ($($name:ident,)*) => {$(
        impl ser::$name for Map<'_> {
            type Ok = ();
            type Error = Error;

            fn serialize_field<T: Serialize + ?Sized>(
                &mut self,
                key: &'static str,
                value: &T,
            ) -> Result<(), Error> {
                self.entries.push_key(key, self.depth)?;
                self.entries.push_value(value, self.depth)
            }

            fn end(self) -> Result<(), Error> {
                self.entries.finish(self.out)
            }
        }
    )*};
}

structs! { SerializeStruct, SerializeStructVariant, }
