use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::*;
use crate::{
    Described, cbor,
    schema::{Field, Type, Variant},
};

type Amount = u32;

#[derive(Serialize, Deserialize, Described)]
#[serde(rename_all = "camelCase")]
struct Order {
    total_price: Amount,
    #[serde(rename = "who")]
    buyer: Option<ProcessId>,
    #[serde(default)]
    lines: Vec<Line>,
    #[serde(skip)]
    cached: u8,
    notes: BTreeMap<String, Plain>,
    parts: Vec<Self>,
}

#[derive(Serialize, Deserialize, Described)]
struct Line(u8, String);

#[derive(Serialize, Deserialize, Described)]
struct Meters(f64);

#[derive(Serialize, Deserialize, Described)]
#[serde(transparent)]
struct Wrapped {
    inner: Meters,
}

/// A type that is not described.
#[derive(Serialize, Deserialize)]
struct Plain;

#[derive(Serialize, Deserialize, Described)]
#[serde(rename_all = "kebab-case")]
enum Payment {
    NotYet,
    ByCard(Meters),
    Split(u8, bool),
    Cash { given: Amount },
}

fn integer(bits: u8) -> Type {
    Type::Integer { bits, signed: false }
}

fn field(name: &str, ty: Type, optional: bool) -> Field {
    Field { name: name.to_owned(), ty, optional }
}

#[test]
fn a_struct_is_a_record_of_its_fields() {
    let line = Type::Tuple(vec![integer(8), Type::Text]);
    let plain = Type::Named("Plain".to_owned());
    let order = Type::Named("Order".to_owned());
    let fields = vec![
        field("totalPrice", integer(32), false),
        field("who", Type::Option(Box::new(Type::Id("proc".to_owned()))), true),
        field("lines", Type::List(Box::new(line)), true),
        field("notes", Type::Map(Box::new(Type::Text), Box::new(plain)), false),
        field("parts", Type::List(Box::new(order)), false),
    ];
    assert_eq!(Order::shape(), Type::Record { name: "Order".to_owned(), fields });
}

#[test]
fn a_struct_around_one_value_is_the_value() {
    assert_eq!(Meters::shape(), Type::Float);
    assert_eq!(Wrapped::shape(), Type::Float);
}

#[test]
fn an_enum_is_a_choice_of_its_variants() {
    let variant = |name: &str, content| Variant { name: name.to_owned(), content };
    let cash =
        Type::Record { name: "cash".to_owned(), fields: vec![field("given", integer(32), false)] };
    let variants = vec![
        variant("not-yet", None),
        variant("by-card", Some(Type::Float)),
        variant("split", Some(Type::Tuple(vec![integer(8), Type::Bool]))),
        variant("cash", Some(cash)),
    ];
    assert_eq!(Payment::shape(), Type::Choice { name: "Payment".to_owned(), variants });
}

/// The names in a shape are those in the values.
#[test]
fn values_have_the_names_of_their_shape() {
    let paid = cbor::to_vec(&Payment::Cash { given: 1 }).unwrap();
    assert_eq!(paid, [b"\xa1\x64cash\xa1\x65given".as_slice(), &[1]].concat());
    let Type::Record { fields, .. } = Order::shape() else { unreachable!() };
    let order = Order {
        total_price: 1,
        buyer: None,
        lines: Vec::new(),
        cached: 2,
        notes: BTreeMap::new(),
        parts: Vec::new(),
    };
    assert_eq!(order.cached, 2);
    let value =
        cbor::from_slice::<BTreeMap<String, serde::de::IgnoredAny>>(&cbor::to_vec(&order).unwrap());
    let mut names: Vec<String> = fields.into_iter().map(|field| field.name).collect();
    names.sort();
    assert!(value.unwrap().into_keys().eq(names));
}

/// An alias is asked what it is, and answers as the macros would have spelt it.
#[test]
fn scalars_have_the_shape_that_their_spelling_has() {
    macro_rules! same {
        ($($ty:ty),*) => {$({
            #[derive(Serialize, Described)]
            struct Spelt($ty);
            assert_eq!(<$ty>::shape(), Spelt::shape());
            assert_eq!(<$ty as Described>::TYPE, Spelt::TYPE);
        })*};
    }
    same!((), bool, u8, i8, u16, i16, u32, usize, i32, isize, u64, Slot, Timestamp, i64, f32, f64);
    same!(String, char, ProcessId, AccountId, EntryId, ModuleId, UnitId);
}
