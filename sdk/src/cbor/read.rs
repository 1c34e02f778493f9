//! Reads CBOR item by item.
//!
//! A decoder that says where and how bytes are wrong would be a third of a small module. Here they
//! are not well-formed, or something that an author can mend.

use super::Error;

/// What is left to read.
#[derive(Debug, Clone)]
pub(crate) struct Reader<'b> {
    rest: &'b [u8],
}

/// A scalar, or the head of an array or a map of so many items or entries.
pub(crate) enum Item<'b> {
    Null,
    Bool(bool),
    Unsigned(u64),
    /// One less than minus this.
    Negative(u64),
    Float(f64),
    Bytes(&'b [u8]),
    Text(&'b str),
    Array(u64),
    Map(u64),
}

/// Why there is no item: small, as most of the code that reads hands it on.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Fault {
    Malformed,
    Indefinite,
    Kind,
}

impl From<Fault> for Error {
    #[cold]
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Malformed => Self::MALFORMED,
            Fault::Indefinite => Self::INDEFINITE,
            Fault::Kind => Self::KIND,
        }
    }
}

/// The first bytes of an item (RFC 8949 section 3).
struct Head {
    major: u8,
    info: u8,
    argument: u64,
}

impl<'b> Reader<'b> {
    /// Null, the one byte of it.
    const NULL: u8 = 0xf6;

    /// Reads from the first byte on.
    pub(crate) const fn new(bytes: &'b [u8]) -> Self {
        Self { rest: bytes }
    }

    /// How many bytes are left.
    pub(crate) const fn len(&self) -> usize {
        self.rest.len()
    }

    /// What was read since then.
    pub(crate) fn since(&self, before: &Self) -> &'b [u8] {
        let len = before.rest.len().saturating_sub(self.rest.len());
        before.rest.get(..len).unwrap_or_default()
    }

    /// Takes a null, if one is next.
    pub(crate) fn null(&mut self) -> bool {
        match self.rest {
            [Self::NULL, rest @ ..] => {
                self.rest = rest;
                true
            }
            _ => false,
        }
    }

    /// Whether an optional field of an array is there; a null in its place is taken.
    pub(crate) fn is_given(&mut self) -> bool {
        !self.null() && !self.rest.is_empty()
    }

    /// A text.
    pub(crate) fn text(&mut self) -> Result<&'b str, Fault> {
        let len = self.argument(3)?;
        str::from_utf8(self.take(len)?).map_err(|_| Fault::Malformed)
    }

    /// The number of a map's entries.
    pub(crate) fn map(&mut self) -> Result<u64, Fault> {
        self.argument(5)
    }

    /// Reads a byte string of 32 bytes, whose head is always these two bytes.
    pub(crate) fn id(&mut self) -> Option<&'b [u8; 32]> {
        let [0x58, 32, id @ ..] = self.take_array::<34>().ok()? else { return None };
        Some(id)
    }

    /// Reads one scalar or head.
    #[inline(never)]
    pub(crate) fn item(&mut self) -> Result<Item<'b>, Fault> {
        let Head { major, info, argument } = self.head()?;
        Ok(match (major, info) {
            (0, _) => Item::Unsigned(argument),
            (1, _) => Item::Negative(argument),
            (2, _) => Item::Bytes(self.take(argument)?),
            (3, _) => {
                let text = str::from_utf8(self.take(argument)?);
                Item::Text(text.map_err(|_| Fault::Malformed)?)
            }
            (4, _) => Item::Array(argument),
            (5, _) => Item::Map(argument),
            (7, 20) => Item::Bool(false),
            (7, 21) => Item::Bool(true),
            (7, 22) => Item::Null,
            (7, 25..=27) => Item::Float(float(info, argument)),
            _ => return Err(Fault::Kind),
        })
    }

    /// Passes over one value with all that is in it.
    pub(crate) fn skip(&mut self) -> Result<(), Fault> {
        // Each round reads a byte at least: a count that is too large ends with the bytes.
        let mut left = 1_u64;
        while let Some(rest) = left.checked_sub(1) {
            let Head { major, argument, .. } = self.head()?;
            let inside = match major {
                4 => argument,
                5 => argument.saturating_mul(2),
                6 => 1,
                _ => 0,
            };
            left = rest.saturating_add(inside);
            if let 2 | 3 = major {
                self.take(argument)?;
            }
        }
        Ok(())
    }

    /// Takes a head of a kind whose argument is in its first byte, as most are.
    pub(crate) const fn small(&mut self, kind: u8) -> Option<u8> {
        match self.rest {
            [first, rest @ ..] if *first ^ (kind << 5) < 24 => {
                self.rest = rest;
                Some(*first & 0x1f)
            }
            _ => None,
        }
    }

    /// Takes a head of a kind whose argument follows its first byte, if eight bytes follow.
    pub(crate) fn wide(&mut self, kind: u8) -> Option<u64> {
        let (first, rest) = self.rest.split_first()?;
        let info @ 24..28 = first ^ (kind << 5) else { return None };
        let (ahead, width) = (rest.first_chunk()?, 1 << (info - 24));
        self.rest = rest.get(width..)?;
        Some(u64::from_be_bytes(*ahead) >> (64 - 8 * width))
    }

    /// The argument of a head that must be of a kind.
    pub(crate) fn argument(&mut self, kind: u8) -> Result<u64, Fault> {
        let Head { major, argument, .. } = self.head()?;
        if major == kind { Ok(argument) } else { Err(Fault::Malformed) }
    }

    #[inline(never)]
    fn head(&mut self) -> Result<Head, Fault> {
        let &[first] = self.take_array()?;
        let (major, info) = (first >> 5, first & 0x1f);
        let argument = match info {
            0..=23 => u64::from(info),
            24..=27 => {
                let bytes = self.take(1 << (info - 24))?;
                bytes.iter().fold(0, |argument, byte| (argument << 8) | u64::from(*byte))
            }
            31 if matches!(major, 2..=5) => return Err(Fault::Indefinite),
            _ => return Err(Fault::Kind),
        };
        Ok(Head { major, info, argument })
    }

    /// Takes so many bytes as they are.
    pub(crate) fn take_array<const N: usize>(&mut self) -> Result<&'b [u8; N], Fault> {
        let (taken, rest) = self.rest.split_first_chunk().ok_or(Fault::Malformed)?;
        self.rest = rest;
        Ok(taken)
    }

    /// Takes so many bytes as they are.
    pub(crate) fn take(&mut self, len: u64) -> Result<&'b [u8], Fault> {
        let split = usize::try_from(len).ok().and_then(|len| self.rest.split_at_checked(len));
        let (taken, rest) = split.ok_or(Fault::Malformed)?;
        self.rest = rest;
        Ok(taken)
    }
}

/// The float of these bits, whose width the head says.
fn float(info: u8, bits: u64) -> f64 {
    match (info, u32::try_from(bits), u16::try_from(bits)) {
        (25, _, Ok(bits)) => half::f16::from_bits(bits).to_f64(),
        (26, Ok(bits), _) => f32::from_bits(bits).into(),
        _ => f64::from_bits(bits),
    }
}
