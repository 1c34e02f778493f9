//! Types that have a shape in the schema.

use protocol::{AccountId, EntryId, ModuleId, ProcessId, Slot, Timestamp, UnitId, codec, schema};

/// A type whose shape stands in the schema of the actors that use it, by `#[derive(Described)]`.
///
/// Tools draw forms of it, and see what changes when an actor is upgraded. A type without it is
/// shown by its name, and any value is taken for one. The names are those that serde uses.
///
/// ```
/// use antiphon::prelude::*;
/// use antiphon::schema::Type;
///
/// #[derive(Serialize, Deserialize, Described)]
/// pub struct Reading {
///     pub celsius: f32,
///     pub place: Option<Place>,
/// }
///
/// #[derive(Serialize, Deserialize, Described)]
/// pub enum Place {
///     Indoors,
///     At { latitude: f64, longitude: f64 },
/// }
///
/// let Type::Record { name, fields } = Reading::shape() else { panic!("a struct is a record") };
/// assert_eq!(name, "Reading");
/// assert_eq!((fields[0].name.as_str(), &fields[0].ty), ("celsius", &Type::Float));
/// assert!(fields[1].optional);
/// ```
///
/// A type may hold itself, which stands in its shape by its name. Of types that hold each other, one
/// is not described.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no shape for a schema",
    note = "put `#[derive(Described)]` on it"
)]
pub trait Described {
    /// The encoded shape.
    #[doc(hidden)]
    const TYPE: &'static [u8];

    /// The shape.
    fn shape() -> schema::Type {
        codec::decode_trusted(Self::TYPE).expect("`#[derive(Described)]` encoded it")
    }
}

/// Shapes of types that an alias may stand for, as the macros encode them.
macro_rules! described {
    ($($($ty:ty)|+ => $bytes:expr;)*) => {
        $($(impl Described for $ty {
            const TYPE: &'static [u8] = $bytes;
        })+)*
    };
}

described! {
    () => &[0x81, 0];
    bool => &[0x81, 1];
    u8 => &[0x83, 2, 8, 0xf4];
    i8 => &[0x83, 2, 8, 0xf5];
    u16 => &[0x83, 2, 16, 0xf4];
    i16 => &[0x83, 2, 16, 0xf5];
    u32 | usize => &[0x83, 2, 0x18, 32, 0xf4];
    i32 | isize => &[0x83, 2, 0x18, 32, 0xf5];
    u64 | Slot | Timestamp => &[0x83, 2, 0x18, 64, 0xf4];
    i64 => &[0x83, 2, 0x18, 64, 0xf5];
    f32 | f64 => &[0x81, 3];
    String | char => &[0x81, 4];
    ProcessId => &[0x82, 9, 0x64, b'p', b'r', b'o', b'c'];
    AccountId => &[0x82, 9, 0x64, b'a', b'c', b'c', b't'];
    EntryId => &[0x82, 9, 0x63, b'm', b's', b'g'];
    ModuleId => &[0x82, 9, 0x63, b'm', b'o', b'd'];
    UnitId => &[0x82, 9, 0x64, b'u', b'n', b'i', b't'];
}

#[cfg(test)]
mod tests;
