//! Proof files: what somebody shows to others, each with all that is needed to check it offline.
//!
//! A file is the encoding of a [`Fault`], forms 0 to 15, or of a [`Proof`], forms from 16 on: its
//! second byte tells what it is.

use minicbor::{Decode, Encode};

use crate::{
    AssignmentProof, Fault, Hash, KeyProof, NetworkId, PageProof, Receipt, RefusalProof, Signed,
    State, StateStatement, VerifyError,
    codec::{self, DecodeError},
};

/// A statement that anybody can check, in a file of its own.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(flat)]
pub enum Proof {
    /// An entry has a place in a log.
    #[n(16)]
    Assignment(#[n(0)] Box<AssignmentProof>),
    /// A slot came to an outcome.
    #[n(17)]
    Receipt(#[n(0)] Box<Receipt>),
    /// A page is in the memory of a state.
    #[n(18)]
    Page(#[n(0)] Box<PageInState>),
    /// A host table has a value for a key in a state, or has no such key.
    #[n(19)]
    Key(#[n(0)] Box<KeyInState>),
    /// An entry will never have a place in a log.
    #[n(20)]
    Refusal(#[n(0)] Box<RefusalProof>),
}

/// What a file holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProofFile {
    /// Two statements that contradict each other.
    Fault(Fault),
    /// One statement.
    Proof(Proof),
}

/// Shows a page of a process's memory to be part of a state.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct PageInState {
    /// The state.
    #[n(0)]
    pub state: State,
    /// From the page to the memory root.
    #[n(1)]
    pub proof: PageProof,
    /// The bytes of the page.
    #[cbor(n(2), with = "minicbor::bytes")]
    pub page: Vec<u8>,
    /// A unit's word that a process had this state after a slot.
    #[n(3)]
    pub statement: Option<Signed<StateStatement>>,
}

/// Shows what the host table of a process has for a key in a state.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct KeyInState {
    /// The state.
    #[n(0)]
    pub state: State,
    /// From the key to the root of the host table.
    #[n(1)]
    pub proof: KeyProof,
    /// The key.
    #[cbor(n(2), with = "minicbor::bytes")]
    pub key: Vec<u8>,
    /// Its value; absent if the table has no such key.
    #[cbor(n(3), with = "minicbor::bytes")]
    pub value: Option<Vec<u8>>,
    /// A unit's word that a process had this state after a slot.
    #[n(4)]
    pub statement: Option<Signed<StateStatement>>,
}

/// Why something is not shown to be in a state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum StateProofError {
    /// The page is not in the memory.
    #[error("the page is not part of the memory that the state names")]
    Page,
    /// The key, or its absence, is not in the host table.
    #[error("the host table that the state names has something else for the key")]
    Key,
    /// The unit states another state.
    #[error("the unit's statement is about another state")]
    OtherState,
    /// The unit's statement is not properly signed.
    #[error("the unit's statement: {0}")]
    Statement(#[from] VerifyError),
}

impl ProofFile {
    /// Reads a file.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] if the bytes are neither a fault nor a proof.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        // Each form below 24 is one byte, behind that of the array.
        if bytes.get(1).is_some_and(|form| *form < Proof::FORMS_FROM) {
            codec::decode(bytes).map(Self::Fault)
        } else {
            codec::decode(bytes).map(Self::Proof)
        }
    }
}

impl Proof {
    /// The first form of a proof; those below are of faults.
    pub const FORMS_FROM: u8 = 16;
}

impl PageInState {
    /// Checks all of it; gives the state root.
    ///
    /// # Errors
    ///
    /// [`StateProofError`] says which part does not hold.
    pub fn verify(&self, network: NetworkId) -> Result<Hash, StateProofError> {
        if self.proof.memory_root(&self.page) != Some(self.state.memory) {
            return Err(StateProofError::Page);
        }
        stated(&self.state, self.statement.as_ref(), network)
    }
}

impl KeyInState {
    /// Checks all of it; gives the state root.
    ///
    /// # Errors
    ///
    /// [`StateProofError`] says which part does not hold.
    pub fn verify(&self, network: NetworkId) -> Result<Hash, StateProofError> {
        if !self.proof.verify(&self.state.host_table, &self.key, self.value.as_deref()) {
            return Err(StateProofError::Key);
        }
        stated(&self.state, self.statement.as_ref(), network)
    }
}

/// The root of a state, which a statement, if there is one, is about.
fn stated(
    state: &State,
    statement: Option<&Signed<StateStatement>>,
    network: NetworkId,
) -> Result<Hash, StateProofError> {
    let root = state.root();
    if let Some(statement) = statement {
        if statement.unverified().state_root != Some(root) {
            return Err(StateProofError::OtherState);
        }
        statement.verify_by(network, &statement.digest(), crate::PublicKey::verifies)?;
    }
    Ok(root)
}

#[cfg(test)]
mod tests;
