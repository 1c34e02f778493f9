//! From CBOR to serde. The type at hand guides nothing but options, enums and newtypes: the bytes
//! describe themselves, and serde's own messages say where they differ from the type.

use minicbor::{Decoder, data::Type};
use serde::{
    de::{
        self, DeserializeSeed, EnumAccess, IntoDeserializer, MapAccess, SeqAccess, VariantAccess,
        Visitor, value::BorrowedStrDeserializer,
    },
    forward_to_deserialize_any,
};

use super::Error;

/// Reads one value.
pub(super) struct Deserializer<'a, 'de> {
    decoder: &'a mut Decoder<'de>,
    /// How many more levels of arrays and maps there may be.
    depth: u32,
}

impl<'a, 'de> Deserializer<'a, 'de> {
    pub(super) const fn new(decoder: &'a mut Decoder<'de>, depth: u32) -> Self {
        Self { decoder, depth }
    }

    fn array(self) -> Result<Items<'a, 'de>, Error> {
        let left = self.decoder.array()?;
        self.items(left)
    }

    fn map(self) -> Result<Items<'a, 'de>, Error> {
        let left = self.decoder.map()?;
        self.items(left)
    }

    fn items(self, left: Option<u64>) -> Result<Items<'a, 'de>, Error> {
        Ok(Items {
            left: left.ok_or(Error::INDEFINITE)?,
            depth: self.depth.checked_sub(1).ok_or(Error::TOO_DEEP)?,
            decoder: self.decoder,
        })
    }
}

impl<'de> de::Deserializer<'de> for Deserializer<'_, 'de> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.decoder.datatype()? {
            Type::Null => {
                self.decoder.null()?;
                visitor.visit_unit()
            }
            Type::Bool => visitor.visit_bool(self.decoder.bool()?),
            Type::U8 | Type::U16 | Type::U32 | Type::U64 => visitor.visit_u64(self.decoder.u64()?),
            Type::I8 | Type::I16 | Type::I32 | Type::I64 => visitor.visit_i64(self.decoder.i64()?),
            Type::Int => visitor.visit_i128(self.decoder.int()?.into()),
            Type::F16 | Type::F32 | Type::F64 => visitor.visit_f64(self.decoder.f64()?),
            Type::Bytes => visitor.visit_borrowed_bytes(self.decoder.bytes()?),
            Type::String => visitor.visit_borrowed_str(self.decoder.str()?),
            Type::Array => {
                let mut items = self.array()?;
                let value = visitor.visit_seq(&mut items)?;
                items.finish(value)
            }
            Type::Map => {
                let mut items = self.map()?;
                let value = visitor.visit_map(&mut items)?;
                items.finish(value)
            }
            Type::BytesIndef | Type::StringIndef | Type::ArrayIndef | Type::MapIndef => {
                Err(Error::INDEFINITE)
            }
            _ => Err(Error::KIND),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        if self.decoder.datatype()? == Type::Null {
            self.decoder.null()?;
            visitor.visit_none()
        } else {
            visitor.visit_some(self)
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        if self.decoder.datatype()? == Type::String {
            return visitor.visit_enum(self.decoder.str()?.into_deserializer());
        }
        let items = self.map()?;
        if items.left != 1 {
            return Err(de::Error::custom("a variant with content is a map with one entry"));
        }
        visitor.visit_enum(Variant(Self { decoder: items.decoder, depth: items.depth }))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit
        unit_struct seq tuple tuple_struct map struct identifier ignored_any
    }
}

/// The items of an array, or the keys and values of a map.
struct Items<'a, 'de> {
    decoder: &'a mut Decoder<'de>,
    left: u64,
    depth: u32,
}

impl<'de> Items<'_, 'de> {
    fn item(&mut self) -> Deserializer<'_, 'de> {
        Deserializer::new(self.decoder, self.depth)
    }

    /// Refuses what a type of fixed length did not read.
    fn finish<T>(self, value: T) -> Result<T, Error> {
        match self.left {
            0 => Ok(value),
            left => Err(de::Error::custom(format_args!("{left} more items than expected"))),
        }
    }

    /// As many items as there can be in the bytes at hand.
    fn hint(&self) -> usize {
        usize::try_from(self.left).unwrap_or(usize::MAX).min(self.decoder.input().len())
    }
}

impl<'de> SeqAccess<'de> for &mut Items<'_, 'de> {
    type Error = Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Error> {
        let Some(left) = self.left.checked_sub(1) else { return Ok(None) };
        self.left = left;
        seed.deserialize(self.item()).map(Some)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.hint())
    }
}

impl<'de> MapAccess<'de> for &mut Items<'_, 'de> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Error> {
        let Some(left) = self.left.checked_sub(1) else { return Ok(None) };
        self.left = left;
        seed.deserialize(self.item()).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Error> {
        seed.deserialize(self.item())
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.hint())
    }
}

/// A variant with content: the key is the name, the value is the content.
struct Variant<'a, 'de>(Deserializer<'a, 'de>);

impl<'de> EnumAccess<'de> for Variant<'_, 'de> {
    type Error = Error;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), Error> {
        let name = BorrowedStrDeserializer::new(self.0.decoder.str()?);
        Ok((seed.deserialize::<BorrowedStrDeserializer<'de, Error>>(name)?, self))
    }
}

impl<'de> VariantAccess<'de> for Variant<'_, 'de> {
    type Error = Error;

    fn unit_variant(self) -> Result<(), Error> {
        de::Deserialize::deserialize(self.0)
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Error> {
        seed.deserialize(self.0)
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Error> {
        de::Deserializer::deserialize_any(self.0, visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        de::Deserializer::deserialize_any(self.0, visitor)
    }
}

/// A parameter that was not given: only an option can be read from it.
pub(crate) struct Absent;

impl<'de> de::Deserializer<'de> for Absent {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Error> {
        Err(Error::ABSENT)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_none()
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit
        unit_struct newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}
