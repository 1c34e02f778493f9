//! From CBOR to serde. The type at hand guides nothing but options, enums and newtypes: the bytes
//! describe themselves, and serde's own messages say where they differ from the type.

use serde::{
    de::{
        self, DeserializeSeed, EnumAccess, IntoDeserializer, MapAccess, SeqAccess, VariantAccess,
        Visitor, value::BorrowedStrDeserializer,
    },
    forward_to_deserialize_any,
};

use super::{Error, Fault, Item, Reader};

/// Reads one value.
pub(super) struct Deserializer<'a, 'de> {
    reader: &'a mut Reader<'de>,
    /// How many more levels of arrays and maps there may be.
    depth: u32,
}

impl<'a, 'de> Deserializer<'a, 'de> {
    pub(super) const fn new(reader: &'a mut Reader<'de>, depth: u32) -> Self {
        Self { reader, depth }
    }

    fn items(self, left: u64) -> Result<Items<'a, 'de>, Error> {
        let depth = self.depth.checked_sub(1).ok_or(Error::TOO_DEEP)?;
        Ok(Items { reader: self.reader, left, depth })
    }
}

impl<'de> de::Deserializer<'de> for Deserializer<'_, 'de> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.reader.item()? {
            Item::Null => visitor.visit_unit(),
            Item::Bool(value) => visitor.visit_bool(value),
            Item::Unsigned(integer) => visitor.visit_u64(integer),
            Item::Negative(below) => match i64::try_from(below) {
                Ok(below) => visitor.visit_i64(!below),
                Err(_) => Err(Error::RANGE),
            },
            Item::Float(float) => visitor.visit_f64(float),
            Item::Bytes(bytes) => visitor.visit_borrowed_bytes(bytes),
            Item::Text(text) => visitor.visit_borrowed_str(text),
            Item::Array(len) => {
                let mut items = self.items(len)?;
                let value = visitor.visit_seq(&mut items)?;
                items.finish(value)
            }
            Item::Map(len) => {
                let mut items = self.items(len)?;
                let value = visitor.visit_map(&mut items)?;
                items.finish(value)
            }
        }
    }

    /// Only here are there integers below those of 64 bits: their formatting is not in every module.
    fn deserialize_i128<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let start = self.reader.clone();
        match self.reader.item()? {
            Item::Negative(below) => visitor.visit_i128(!i128::from(below)),
            _ => {
                *self.reader = start;
                self.deserialize_any(visitor)
            }
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        if self.reader.null() { visitor.visit_none() } else { visitor.visit_some(self) }
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
        match self.reader.item()? {
            Item::Text(variant) => visitor.visit_enum(variant.into_deserializer()),
            Item::Map(1) => {
                let Items { reader, depth, .. } = self.items(1)?;
                visitor.visit_enum(Variant(Deserializer { reader, depth }))
            }
            Item::Map(_) => {
                Err(de::Error::custom("a variant with content is a map with one entry"))
            }
            _ => Err(Fault::Malformed.into()),
        }
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit
        unit_struct seq tuple tuple_struct map struct identifier ignored_any
    }
}

/// The items of an array, or the keys and values of a map.
struct Items<'a, 'de> {
    reader: &'a mut Reader<'de>,
    left: u64,
    depth: u32,
}

impl<'de> Items<'_, 'de> {
    fn item(&mut self) -> Deserializer<'_, 'de> {
        Deserializer::new(self.reader, self.depth)
    }

    /// Refuses what a type of fixed length did not read.
    fn finish<T>(self, value: T) -> Result<T, Error> {
        match self.left {
            0 => Ok(value),
            left => Err(de::Error::custom(format_args!("{left} more items than expected"))),
        }
    }

    /// As many items as there can be in the bytes that are left.
    fn hint(&self) -> usize {
        usize::try_from(self.left).unwrap_or(usize::MAX).min(self.reader.len())
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
        let name = BorrowedStrDeserializer::new(self.0.reader.text()?);
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
