//! Encoded bytes that a macro knows in part: the rest is known once the types are.

use minicbor::{Encode, Encoder};
use proc_macro2::{Literal, TokenStream};
use quote::{ToTokens, quote};

/// Why nothing goes wrong here.
const NEVER: &str = "encoding into memory cannot fail";

/// Pieces of bytes, to be joined when the crate is compiled.
#[derive(Debug, Default)]
pub(crate) struct Parts(Vec<Part>);

/// A piece.
#[derive(Debug)]
enum Part {
    Bytes(Vec<u8>),
    /// An expression of the type `&'static [u8]`.
    Code(TokenStream),
}

impl Parts {
    /// Appends an encoded item.
    pub(crate) fn item<T: Encode<()> + ?Sized>(&mut self, item: &T) {
        let bytes = self.bytes();
        minicbor::encode(item, bytes).expect(NEVER);
    }

    /// Appends the head of an array of this length, whose items follow.
    pub(crate) fn array(&mut self, len: usize) {
        let bytes = self.bytes();
        // A macro's input has fewer items than an integer has values.
        Encoder::new(bytes).array(len as u64).expect(NEVER);
    }

    /// Appends an expression of the type `&'static [u8]`.
    pub(crate) fn code(&mut self, code: TokenStream) {
        self.0.push(Part::Code(code));
    }

    /// Appends other pieces.
    pub(crate) fn extend(&mut self, other: Self) {
        for part in other.0 {
            match part {
                Part::Bytes(bytes) => self.bytes().extend(bytes),
                code @ Part::Code(_) => self.0.push(code),
            }
        }
    }

    /// An expression of the joined bytes, of the type `&'static [u8]`.
    pub(crate) fn joined(&self) -> TokenStream {
        let parts = match &*self.0 {
            [] => return quote! { b"" },
            [Part::Bytes(bytes)] => return Literal::byte_string(bytes).into_token_stream(),
            parts => parts,
        };
        quote! {
            {
                #[allow(unused_imports, reason = "needed where a type says nothing of itself")]
                use ::antiphon::expansion::Unlisted as _;

                const PARTS: &[&[u8]] = &[#(#parts),*];
                const LEN: usize = ::antiphon::expansion::joined_len(PARTS);
                const JOINED: [u8; LEN] = ::antiphon::expansion::join(PARTS);
                &JOINED
            }
        }
    }

    /// The bytes, if nothing else is needed to know them.
    #[cfg(test)]
    pub(crate) fn known(&self) -> Option<&[u8]> {
        match &*self.0 {
            [Part::Bytes(bytes)] => Some(bytes),
            _ => None,
        }
    }

    /// The bytes at the end, to be appended to.
    fn bytes(&mut self) -> &mut Vec<u8> {
        if !matches!(self.0.last(), Some(Part::Bytes(_))) {
            self.0.push(Part::Bytes(Vec::new()));
        }
        match self.0.last_mut() {
            Some(Part::Bytes(bytes)) => bytes,
            _ => unreachable!("bytes were just put there"),
        }
    }
}

impl ToTokens for Part {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        match self {
            Self::Bytes(bytes) => Literal::byte_string(bytes).to_tokens(tokens),
            Self::Code(code) => code.to_tokens(tokens),
        }
    }
}
