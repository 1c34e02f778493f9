//! Reads the arrays of fields that the objects of the protocol are.

use std::ops::Range;

use protocol::{AccountId, Principal, ProcessId};

use super::Reader;

/// Reads fields. One that is missing is read as nothing, and it is asked once at the end whether any
/// was.
///
/// Every message brings a dozen, most of them with a head of one byte: what reads these is inlined.
#[derive(Debug)]
pub(crate) struct Fields<'b> {
    reader: Reader<'b>,
    intact: bool,
}

impl<'b> Fields<'b> {
    /// Reads from the first byte on.
    pub(crate) const fn new(bytes: &'b [u8]) -> Self {
        Self { reader: Reader::new(bytes), intact: true }
    }

    /// Whether nothing was missing so far.
    pub(crate) const fn is_intact(&self) -> bool {
        self.intact
    }

    /// Whether an optional field is there; a null in its place is taken.
    pub(crate) fn is_given(&mut self) -> bool {
        self.reader.is_given()
    }

    /// Who acts.
    pub(crate) fn principal(&mut self) -> Principal {
        let mut principal = Principal::Anonymous;
        self.principal_into(&mut principal);
        principal
    }

    /// Who acts, put where it belongs. The heads are always these.
    #[inline(never)]
    pub(crate) fn principal_into(&mut self, place: &mut Principal) {
        match self.reader.take_array() {
            Ok([0x82, kind @ (1 | 2)]) => {
                let id = self.id();
                if *kind == 1 {
                    *place = Principal::Account(AccountId::from_bytes(*id));
                } else {
                    *place = Principal::Process(ProcessId::from_bytes(*id));
                }
            }
            Ok([0x81, 0]) => *place = Principal::Anonymous,
            _ => self.intact = false,
        }
    }

    /// An identifier or a digest.
    #[inline(always)]
    pub(crate) fn id(&mut self) -> &'b [u8; 32] {
        let id = self.reader.id();
        self.intact &= id.is_some();
        id.unwrap_or(&[0; 32])
    }

    /// An integer of fewer bits.
    pub(crate) fn small<T: TryFrom<u64> + Default>(&mut self) -> T {
        let small = self.number().try_into();
        self.kept(small)
    }

    /// The length of an array.
    #[inline(always)]
    pub(crate) fn array(&mut self) -> u64 {
        self.argument(4)
    }

    /// An integer that is not negative.
    #[inline(always)]
    pub(crate) fn number(&mut self) -> u64 {
        self.argument(0)
    }

    /// An integer that may be absent.
    pub(crate) fn optional(&mut self) -> Option<u64> {
        self.is_given().then(|| self.number())
    }

    /// A byte string.
    pub(crate) fn bytes(&mut self) -> &'b [u8] {
        self.string(2)
    }

    /// A text that is only to be compared: nobody has looked whether it is one.
    pub(crate) fn text_bytes(&mut self) -> &'b [u8] {
        self.string(3)
    }

    /// A text.
    pub(crate) fn text(&mut self) -> &'b str {
        let text = str::from_utf8(self.text_bytes());
        self.kept(text)
    }

    /// Passes over fields that a later contract adds.
    pub(crate) fn skip(&mut self, unknown: Range<u64>) {
        for _ in unknown {
            if self.reader.skip().is_err() {
                self.intact = false;
                break;
            }
        }
    }

    /// The argument of a head of a kind.
    #[inline(always)]
    fn argument(&mut self, kind: u8) -> u64 {
        match self.reader.small(kind) {
            Some(argument) => argument.into(),
            None => self.wide(kind),
        }
    }

    /// The same, if it is not in the head's first byte: on its own, as few are so.
    #[inline(never)]
    fn wide(&mut self, kind: u8) -> u64 {
        match self.reader.wide(kind) {
            Some(argument) => argument,
            None => {
                let argument = self.reader.argument(kind);
                self.kept(argument)
            }
        }
    }

    /// The bytes of a string of a kind.
    #[inline(never)]
    fn string(&mut self, kind: u8) -> &'b [u8] {
        let len = self.argument(kind);
        let bytes = self.reader.take(len);
        self.kept(bytes)
    }

    fn kept<T: Default, E>(&mut self, field: Result<T, E>) -> T {
        self.intact &= field.is_ok();
        field.unwrap_or_default()
    }
}
