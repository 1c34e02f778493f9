//! The objects that cross a wire or a disk in Antiphon, and their one canonical encoding.
//!
//! Everything a unit, a client or an auditor must agree on lives here: identifiers, signed bodies,
//! log entries, chain and Merkle hashes, outcomes, receipts, states and checkpoints, refusals, the
//! guest contract and the frames units exchange. `docs/protocol.md` is the prose; `vectors/` holds
//! annotated bytes.
//!
//! # Invariants
//!
//! - No clock, no socket, no disk, no randomness, no async: this crate also builds for `wasm32`.
//! - Decoding never panics and accepts exactly one spelling of every value.
//! - Untrusted bytes become trusted only through [`Signed::verify`].

pub mod abi;
pub mod api;
mod assignment;
mod batch;
mod bech32m;
mod checkpoint;
pub mod codec;
mod control;
mod entry;
#[cfg(test)]
mod examples;
mod fault;
mod hash;
mod host_table;
mod id;
pub mod json;
mod key;
mod limits;
mod marker;
mod measure;
mod merkle;
mod message;
mod origin;
mod outcome;
#[cfg(test)]
mod pages;
mod policy;
mod principal;
mod profile;
mod proof;
mod provenance;
mod receipt;
mod refusal;
pub mod schema;
mod signed;
mod spawn;
pub mod state;
mod trace;
mod unit_record;
mod unit_set;
mod value;
#[cfg(test)]
mod vectors;
mod view;

pub use assignment::{Assignment, AssignmentProof, chain_hash};
pub use batch::{BatchHeader, RefusalLeaf, RefusalProof};
pub use checkpoint::{
    Checkpoint, CheckpointError, CheckpointState, HostTableIndex, MemoryIndex, MemoryNode,
    PageEntry, Position, StateStatement,
};
pub use control::{Control, ControlAction};
pub use entry::{Answer, Delivery, Entry, PairStatement, Timer, TimerKind, Verdict};
pub use fault::{Fault, FaultError};
pub use hash::{Domain, Hash};
pub use host_table::{HostTable, KeyProof, OtherKey, host_table_root};
pub use id::{
    AccountId, EntryId, ModuleId, NetworkId, OperatorId, ParseIdError, ProcessId, ProfileId, UnitId,
};
pub use key::{BegunCheck, PublicKey, ReadyKey, SecretKey, Signature};
pub use limits::Limits;
pub use marker::{Kind, V1};
pub use measure::{Epoch, Gas, PairNumber, Slot, Timestamp};
pub use merkle::{Branches, MerklePath, MerkleTree, OpenTree, PrunedTree, merkle_root};
pub use message::{Message, Tag};
pub use origin::{
    AssignmentLink, AssignmentPlace, Emitted, GrownTree, OpenBasis, OriginBasis, OriginLink,
    OriginProof, OriginProofError, ReceiptLink, SignedTree,
};
pub use outcome::{
    AskAnswer, Effect, Event, Failure, FailureKind, ItemBody, LogLine, OutboxItem, Outcome,
    PairPosition, Reply,
};
pub use policy::{Acceptance, ComputePolicy, PolicyError, Ranking};
pub use principal::Principal;
pub use profile::Profile;
pub use proof::{KeyInState, PageInState, Proof, ProofFile, StateProofError};
pub use provenance::{Change, Provenance, ProvenanceError, Source};
pub use receipt::{Receipt, ReceiptBatch, ReceiptError, ReceiptLeaf};
pub use refusal::{Refusal, RefusalCode};
pub use signed::{Authority, Body, Signed, Verified, VerifyError, Verifying};
pub use spawn::Spawn;
pub use state::{GlobalValue, PageProof, STATE_PAGE_BYTES, State};
pub use trace::{TRACE_TARGET, TraceId};
pub use unit_record::{Role, UnitRecord, UnitRecordError};
pub use unit_set::UnitSet;
pub use value::{Value, ValueError, ValueKind, canonical, check_value};
pub use view::{HeadStatement, ViewAnswer, ViewRequest};
