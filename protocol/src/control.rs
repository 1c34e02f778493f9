//! What a controller says about its process.

use minicbor::{Decode, Encode};

use crate::{
    Acceptance, Body, ComputePolicy, Domain, Hash, Kind, ModuleId, NetworkId, Principal, ProcessId,
    PublicKey, Slot, Timestamp, UnitId, V1, message::acts_for,
};

/// A controller's order, an entry of the process's log.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Control {
    /// The format.
    #[n(0)]
    pub version: V1,
    /// A control.
    #[n(1)]
    pub kind: Kind<3>,
    /// The network it is meant for.
    #[n(2)]
    pub network: NetworkId,
    /// The controller.
    #[n(3)]
    pub sender: Principal,
    /// The process controlled.
    #[n(4)]
    pub target: ProcessId,
    /// Makes two equal orders different entries.
    #[n(5)]
    pub nonce: u64,
    /// After this instant it is refused.
    #[n(6)]
    pub expiry: Timestamp,
    /// What shall happen.
    #[n(7)]
    pub action: ControlAction,
}

/// What a controller can order.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(flat)]
pub enum ControlAction {
    /// Run another module on the state the present one saves.
    #[n(0)]
    Upgrade {
        /// The next module.
        #[n(0)]
        module: ModuleId,
        /// The word of a unit of the policy that it can run.
        #[n(1)]
        acceptance: Acceptance,
        /// Whether `save` is bypassed and the raw memory image handed over.
        #[n(2)]
        raw: bool,
    },
    /// Trust other compute units from the next epoch on.
    #[n(1)]
    Policy(#[n(0)] ComputePolicy),
    /// Obey another controller; anonymous renounces for good.
    #[n(2)]
    Controller(#[n(0)] Principal),
    /// Let another scheduler order the next epoch.
    #[n(3)]
    Move(#[n(0)] UnitId),
    /// Accept no further messages.
    #[n(4)]
    Stop,
    /// Let another scheduler go on behind a slot, because the present one is lost. What the lost one
    /// ordered behind that slot is void.
    #[n(5)]
    Takeover {
        /// Who goes on.
        #[n(0)]
        scheduler: UnitId,
        /// The last slot that counts.
        #[n(1)]
        slot: Slot,
        /// Its chain hash.
        #[n(2)]
        chain: Hash,
    },
}

impl ControlAction {
    /// Whether the next slot is in another epoch (for a takeover: the control's own slot).
    pub const fn ends_epoch(&self) -> bool {
        match self {
            Self::Policy(_) | Self::Controller(_) | Self::Move(_) | Self::Takeover { .. } => true,
            Self::Upgrade { .. } | Self::Stop => false,
        }
    }
}

impl Body for Control {
    const DOMAIN: Domain = Domain::Control;

    fn network(&self) -> NetworkId {
        self.network
    }

    fn may_be_signed_by(&self, key: &PublicKey) -> bool {
        acts_for(key, &self.sender)
    }

    fn check(&self) -> Result<(), &'static str> {
        match &self.action {
            ControlAction::Policy(policy) => {
                policy.check().map_err(|_| "the compute policy is not valid")
            }
            _ => Ok(()),
        }
    }
}
