//! Arguments: going out as a map from parameter name to value, coming in by name.

use std::mem;

use serde::{Deserialize, Serialize};

use crate::{
    Error,
    cbor::{self, Entries, Reader},
};

/// The arguments of a call under construction: parameter names with encoded values.
///
/// [`args!`](macro@crate::args) writes them down; any serde struct or map with text keys converts.
///
/// ```
/// use antiphon::prelude::*;
///
/// #[derive(Serialize)]
/// struct Transfer {
///     amount: u64,
///     note: &'static str,
/// }
///
/// let written = args! { note: "rent", amount: 3 };
/// assert_eq!(written.encode(), Args::from(Transfer { amount: 3, note: "rent" }).encode());
/// ```
#[derive(Debug, Clone, Default)]
pub struct Args(Entries);

impl Args {
    /// No arguments.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an argument.
    ///
    /// # Panics
    ///
    /// If the value has no CBOR form ([`cbor::to_vec`]), which undoes the slot.
    pub fn with<T: Serialize + ?Sized>(mut self, name: &str, value: &T) -> Self {
        if let Err(error) = self.0.push(name, value) {
            panic!("argument `{name}`: {error}");
        }
        self
    }

    /// Encodes the arguments as one canonical CBOR map.
    ///
    /// # Panics
    ///
    /// If a name was given twice.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        if let Err(error) = self.0.clone().finish(&mut bytes) {
            panic!("arguments: {error}");
        }
        bytes
    }
}

impl<T: Serialize> From<T> for Args {
    /// Takes the fields of a struct or the entries of a map as arguments; `()` is none.
    ///
    /// # Panics
    ///
    /// If the value has no CBOR form or is not a map with text keys.
    fn from(value: T) -> Self {
        match cbor::to_vec(&value).and_then(|bytes| Entries::read(&bytes)) {
            Ok(entries) => Self(entries),
            Err(error) => panic!("arguments: {error}"),
        }
    }
}

/// Writes down arguments: `args! { by: 3, to: id }`.
///
/// ```
/// use antiphon::prelude::*;
///
/// let cx = Context::mock();
/// cx.tell(ProcessId::from_bytes([7; 32]), "add", args! { by: 3 });
/// assert_eq!(cx.tells()[0].arg::<u64>("by"), Some(3));
/// ```
#[macro_export]
macro_rules! args {
    ($($name:ident : $value:expr),* $(,)?) => {
        $crate::Args::new()$(.with(::core::stringify!($name), &$value))*
    };
}

/// The arguments of a call that came in, taken one by one by the expansion of `#[actor]`.
#[derive(Debug)]
pub struct Arguments<'a> {
    left: Vec<(&'a str, &'a [u8])>,
}

impl<'a> Arguments<'a> {
    /// Splits an encoded map into its entries.
    ///
    /// # Errors
    ///
    /// `bad-arguments` if the bytes are not a map with distinct text keys.
    pub fn read(bytes: &'a [u8]) -> Result<Self, Error> {
        let left = split(bytes).map_err(|error| {
            Error::bad_arguments(format!("not a map from parameter name to value: {error}"))
        })?;
        let mut rest = left.as_slice();
        while let [(name, _), after @ ..] = rest {
            if find(after, name).is_some() {
                return Err(Error::bad_arguments(format!("parameter `{name}` is given twice")));
            }
            rest = after;
        }
        Ok(Self { left })
    }

    /// Reads the arguments of a method that has no parameters.
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read) and [`finish`](Self::finish).
    pub fn none(bytes: &'a [u8]) -> Result<(), Error> {
        if bytes == [0xa0] { Ok(()) } else { Self::read(bytes)?.finish() }
    }

    /// Takes one argument. One that is absent is read as the parameter's type reads an absent
    /// field: `None` for an `Option`.
    ///
    /// # Errors
    ///
    /// `bad-arguments` with the name of the parameter.
    pub fn take<T: Deserialize<'a>>(&mut self, name: &str) -> Result<T, Error> {
        let value = match self.remove(name) {
            Some(value) => {
                cbor::from_slice(value).map_err(|error| format!("parameter `{name}`: {error}"))
            }
            None => {
                T::deserialize(cbor::Absent).map_err(|_| format!("parameter `{name}` is missing"))
            }
        };
        value.map_err(Error::bad_arguments)
    }

    #[inline(never)]
    fn remove(&mut self, name: &str) -> Option<&'a [u8]> {
        let at = find(&self.left, name)?;
        let last = self.left.pop()?;
        // The last one takes the place of the one that is taken, unless it is that itself.
        Some(self.left.get_mut(at).map_or(last, |place| mem::replace(place, last)).1)
    }

    /// Ends the reading.
    ///
    /// # Errors
    ///
    /// `bad-arguments` if an argument is left that no parameter took.
    pub fn finish(self) -> Result<(), Error> {
        match self.left.first() {
            None => Ok(()),
            Some((name, _)) => Err(Error::bad_arguments(format!("there is no parameter `{name}`"))),
        }
    }
}

/// Where the argument with a name is.
#[inline(never)]
fn find(arguments: &[(&str, &[u8])], name: &str) -> Option<usize> {
    arguments.iter().position(|(given, _)| *given == name)
}

fn split(bytes: &[u8]) -> Result<Vec<(&str, &[u8])>, cbor::Error> {
    let mut reader = Reader::new(bytes);
    let count = reader.map()?;
    let mut entries = Vec::new();
    for _ in 0..count {
        let name = reader.text()?;
        let start = reader.clone();
        reader.skip()?;
        entries.push((name, reader.since(&start)));
    }
    if reader.len() == 0 { Ok(entries) } else { Err(cbor::Error::TRAILING) }
}
