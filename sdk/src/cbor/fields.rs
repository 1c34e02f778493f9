//! Reads the arrays of fields that the objects of the protocol are.

use std::ops::Range;

use protocol::{AccountId, Principal, ProcessId};

use super::{Reader, read::Fault};

/// Reads fields. One that is missing is read as nothing, and it is asked once at the end whether any
/// was.
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
    #[inline(never)]
    pub(crate) fn principal(&mut self) -> Principal {
        self.array();
        match self.number() {
            0 => Principal::Anonymous,
            1 => Principal::Account(AccountId::from_bytes(self.id())),
            kind => {
                self.intact &= kind == 2;
                Principal::Process(ProcessId::from_bytes(self.id()))
            }
        }
    }

    /// An identifier or a digest.
    #[inline(never)]
    pub(crate) fn id(&mut self) -> [u8; 32] {
        let id = self.reader.id().ok_or(Fault::Malformed);
        self.kept(id.copied())
    }

    /// An integer of fewer bits.
    pub(crate) fn small<T: TryFrom<u64> + Default>(&mut self) -> T {
        let small = self.number().try_into();
        self.kept(small)
    }

    /// The length of an array.
    #[inline(never)]
    pub(crate) fn array(&mut self) -> u64 {
        let len = self.reader.array();
        self.kept(len)
    }

    /// An integer that is not negative.
    #[inline(never)]
    pub(crate) fn number(&mut self) -> u64 {
        let number = self.reader.unsigned();
        self.kept(number)
    }

    /// An integer that may be absent.
    pub(crate) fn optional(&mut self) -> Option<u64> {
        self.is_given().then(|| self.number())
    }

    /// A byte string.
    pub(crate) fn bytes(&mut self) -> &'b [u8] {
        let bytes = self.reader.bytes();
        self.kept(bytes)
    }

    /// A text.
    pub(crate) fn text(&mut self) -> &'b str {
        let text = self.reader.text();
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

    fn kept<T: Default, E>(&mut self, field: Result<T, E>) -> T {
        self.intact &= field.is_ok();
        field.unwrap_or_default()
    }
}
