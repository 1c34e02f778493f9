//! Writes canonical CBOR item by item. Memory takes all of it: there is no error to handle, nor one
//! to bring into a module.

use protocol::Principal;

/// Appends items.
#[derive(Debug)]
pub(crate) struct Writer<'a> {
    out: &'a mut Vec<u8>,
}

/// Appends the head of an item (RFC 8949 section 3) of a kind: its major type.
macro_rules! heads {
    ($($(#[$doc:meta])* $method:ident: $major:literal,)*) => {$(
        $(#[$doc])*
        pub(crate) fn $method(&mut self, argument: u64) -> &mut Self {
            self.head($major, argument)
        }
    )*};
}

impl<'a> Writer<'a> {
    /// Appends to these bytes.
    pub(crate) const fn new(out: &'a mut Vec<u8>) -> Self {
        Self { out }
    }

    heads! {
        /// An integer that is not negative.
        unsigned: 0,
        /// One less than minus this.
        negative: 1,
        /// The head of an array of so many items.
        array: 4,
        /// The head of a map of so many entries.
        map: 5,
    }

    /// An integer.
    pub(crate) fn integer(&mut self, integer: i64) -> &mut Self {
        match u64::try_from(integer) {
            Ok(integer) => self.unsigned(integer),
            Err(_) => self.negative((!integer).cast_unsigned()),
        }
    }

    /// A byte string.
    pub(crate) fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.string(2, bytes)
    }

    /// A text.
    pub(crate) fn text(&mut self, text: &str) -> &mut Self {
        self.string(3, text.as_bytes())
    }

    /// Who acts, as in the objects of the protocol.
    pub(crate) fn principal(&mut self, principal: &Principal) -> &mut Self {
        match principal {
            Principal::Anonymous => self.array(1).unsigned(0),
            Principal::Account(account) => self.array(2).unsigned(1).bytes(account.as_bytes()),
            Principal::Process(process) => self.array(2).unsigned(2).bytes(process.as_bytes()),
        }
    }

    /// Items that are encoded already.
    pub(crate) fn encoded(&mut self, items: &[u8]) -> &mut Self {
        self.out.extend_from_slice(items);
        self
    }

    /// A truth value.
    pub(crate) fn bool(&mut self, value: bool) -> &mut Self {
        self.head(7, if value { 21 } else { 20 })
    }

    /// Null.
    pub(crate) fn null(&mut self) -> &mut Self {
        self.head(7, 22)
    }

    /// An integer that is not negative, or null.
    pub(crate) fn optional(&mut self, integer: Option<u64>) -> &mut Self {
        match integer {
            Some(integer) => self.unsigned(integer),
            None => self.null(),
        }
    }

    #[inline(never)]
    fn string(&mut self, major: u8, bytes: &[u8]) -> &mut Self {
        self.head(major, bytes.len() as u64);
        self.out.extend_from_slice(bytes);
        self
    }

    /// The shortest head with this argument.
    #[inline(never)]
    fn head(&mut self, major: u8, argument: u64) -> &mut Self {
        let [low, ..] = argument.to_le_bytes();
        if argument < 24 {
            self.out.push((major << 5) | low);
            return self;
        }
        let (info, width) = match argument {
            ..0x100 => (24, 1),
            0x100..0x1_0000 => (25, 2),
            0x1_0000..0x1_0000_0000 => (26, 4),
            _ => (27, 8),
        };
        self.out.push((major << 5) | info);
        let bytes = argument.to_be_bytes();
        self.out.extend_from_slice(bytes.split_at(bytes.len() - width).1);
        self
    }
}
