//! One actor behind the guest contract: inputs in, outputs out, both as bytes.
//!
//! The same code runs inside a module and in native tests. It knows nothing of memory layout.

use minicbor::{Decode, bytes::ByteVec};
use protocol::{
    abi::{self, GuestResult, Output, SavedState},
    codec,
};

use crate::{Actor, Context, Error, ViewContext, cbor};

/// The kinds of [`abi::Input`] that are handled here, borrowed from the input: a module carries
/// no decoder for the others.
#[derive(Decode)]
#[cbor(flat)]
enum Request<'b> {
    #[n(0)]
    Init {
        #[n(0)]
        context: abi::Context,
        #[cbor(n(1), with = "minicbor::bytes")]
        args: &'b [u8],
    },
    #[n(1)]
    Call {
        #[n(0)]
        context: abi::Context,
        #[n(1)]
        method: &'b str,
        #[cbor(n(2), with = "minicbor::bytes")]
        args: &'b [u8],
    },
    #[n(4)]
    Load {
        #[n(1)]
        saved: SavedState,
    },
    #[n(5)]
    View {
        #[n(0)]
        context: abi::Context,
        #[n(1)]
        method: &'b str,
        #[cbor(n(2), with = "minicbor::bytes")]
        args: &'b [u8],
    },
    #[n(6)]
    Save {},
}

/// An actor, or the place of one that is not born yet.
#[derive(Debug)]
pub struct Runtime<A> {
    actor: Option<A>,
}

impl<A> Runtime<A> {
    /// The largest piece a saved state is cut into, in bytes.
    pub const CHUNK_LEN: usize = 1 << 20;

    /// An instance before slot 0.
    pub const fn new() -> Self {
        Self { actor: None }
    }

    /// The actor, once it is born.
    pub const fn actor(&self) -> Option<&A> {
        self.actor.as_ref()
    }
}

impl<A> Default for Runtime<A> {
    fn default() -> Self {
        Self::new()
    }
}

impl<A: Actor> Runtime<A> {
    /// Handles an encoded [`abi::Input`] of a kind that may change the state; gives an encoded
    /// [`Output`].
    pub fn handle(&mut self, input: &[u8]) -> Vec<u8> {
        let (result, cx) = match minicbor::decode(input) {
            Ok(Request::Init { context, args }) => {
                let cx = Context::new(context);
                (A::init(&cx, args).map(|actor| self.bear(actor)), Some(cx))
            }
            Ok(Request::Call { context, method, args }) => {
                let cx = Context::new(context);
                let actor = self.actor.as_mut().ok_or_else(not_born);
                (actor.and_then(|actor| actor.call(&cx, method, args)), Some(cx))
            }
            Ok(Request::Load { saved }) => (load(&saved).map(|actor| self.bear(actor)), None),
            _ => (Err(unsupported()), None),
        };
        output(result, cx)
    }

    /// Answers an encoded [`abi::Input::View`]; gives an encoded [`Output`] without effects.
    pub fn view(&self, input: &[u8]) -> Vec<u8> {
        let result = match minicbor::decode(input) {
            Ok(Request::View { context, method, args }) => {
                let actor = self.actor.as_ref().ok_or_else(not_born);
                actor.and_then(|actor| actor.view(&ViewContext::new(context), method, args))
            }
            _ => Err(unsupported()),
        };
        output(result, None)
    }

    /// Answers an encoded [`abi::Input::Save`]; gives an encoded [`SavedState`].
    ///
    /// # Panics
    ///
    /// If there is no state yet, the input is of another kind, or the state has no CBOR form:
    /// the upgrade fails and the module goes on.
    pub fn save(&self, input: &[u8]) -> Vec<u8> {
        let input = minicbor::decode(input);
        assert!(matches!(input, Ok(Request::Save {})), "save takes a save");
        let actor = self.actor.as_ref().expect("an upgrade comes after the birth");
        let state = match cbor::to_vec(actor) {
            Ok(state) => state,
            Err(error) => panic!("state: {error}"),
        };
        codec::encode(&SavedState {
            version: A::STATE_VERSION,
            chunks: state.chunks(Self::CHUNK_LEN).map(|chunk| chunk.to_vec().into()).collect(),
        })
    }

    /// Takes a first state and gives the reply that says so: null.
    fn bear(&mut self, actor: A) -> Vec<u8> {
        self.actor = Some(actor);
        cbor::NULL.to_vec()
    }
}

fn load<A: Actor>(saved: &SavedState) -> Result<A, Error> {
    if saved.version > A::STATE_VERSION {
        let detail =
            format!("the state has version {}, newer than {}", saved.version, A::STATE_VERSION);
        return Err(Error::new(Error::BAD_STATE, detail));
    }
    let state: Vec<u8> =
        saved.chunks.iter().flat_map(|chunk: &ByteVec| chunk.iter()).copied().collect();
    cbor::from_slice(&state).map_err(|error| Error::new(Error::BAD_STATE, error.to_string()))
}

fn output(result: Result<Vec<u8>, Error>, cx: Option<Context>) -> Vec<u8> {
    let result = match result {
        Ok(reply) => GuestResult::Reply(reply),
        Err(error) => {
            let (code, detail) = error.into_parts();
            GuestResult::Error { code, detail }
        }
    };
    codec::encode(&Output { result, effects: cx.map(Context::into_effects).unwrap_or_default() })
}

fn not_born() -> Error {
    Error::new(Error::NOT_BORN, "the process has no state yet")
}

fn unsupported() -> Error {
    Error::new(Error::UNSUPPORTED_INPUT, "this module does not handle such inputs here")
}

#[cfg(test)]
mod tests;
