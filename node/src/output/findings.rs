//! The objects that checks print with `--json`.

use compute_unit::GlobalValue;
use data_encoding::HEXLOWER;
use protocol::{
    ModuleId, NetworkId, ProcessId, ProfileId, Slot, State, UnitId, Value, json::to_json,
};
use serde::Serialize;
use serde_json::{Map, Value as Json, json};

use crate::replay::{Basis, Difference};

/// What checking a whole process found.
#[derive(Debug, Serialize)]
pub(crate) struct AuditShape {
    pub(crate) process: ProcessId,
    pub(crate) slots: u64,
    pub(crate) ok: bool,
    pub(crate) state_root: Option<String>,
    pub(crate) first_difference: Option<DifferenceShape>,
    /// Of how many slots a unit signed the outcome.
    pub(crate) executed: u64,
    /// How many epochs the slots belong to, if to several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) epochs: Option<u64>,
    /// The file that shows two units to contradict each other.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) fault: Option<String>,
}

/// The first slot that is not as it must be.
#[derive(Debug, Serialize)]
pub(crate) struct DifferenceShape {
    pub(crate) slot: u64,
    pub(crate) what: String,
}

impl From<&Difference> for DifferenceShape {
    fn from(difference: &Difference) -> Self {
        Self { slot: difference.slot.get(), what: difference.what.clone() }
    }
}

/// A process after a slot. What only a process that was born has is null for others.
#[derive(Debug, Serialize)]
pub(crate) struct StateShape {
    pub(crate) process: ProcessId,
    pub(crate) slot: u64,
    pub(crate) chain: String,
    pub(crate) state_root: Option<String>,
    pub(crate) memory_root: Option<String>,
    pub(crate) memory_bytes: usize,
    pub(crate) globals: Vec<Json>,
    pub(crate) host_table_root: Option<String>,
    pub(crate) host_table_entries: usize,
    pub(crate) profile: ProfileId,
    pub(crate) module: ModuleId,
    /// Whose word it is: `replayed here`, or `executed by one` of the policy's units.
    pub(crate) level: &'static str,
    /// Whose checkpoint it rests on.
    pub(crate) checkpoint: Option<BasisShape>,
}

/// A checkpoint that a state rests on.
#[derive(Debug, Serialize)]
pub(crate) struct BasisShape {
    unit: UnitId,
    slot: u64,
}

impl From<&Basis> for BasisShape {
    fn from(basis: &Basis) -> Self {
        let slot = basis.statement.unverified().position.slot.get();
        Self { unit: basis.unit, slot }
    }
}

impl StateShape {
    /// The level of what was executed here from slot 0 on.
    pub(crate) const HERE: &'static str = "replayed here";

    /// The level of what rests on the word of one unit.
    pub(crate) const BY_ONE: &'static str = "executed by one";

    /// The globals of a state. Floats and vectors are shown as their bits.
    pub(crate) fn globals(state: &State) -> Vec<Json> {
        state.globals.iter().map(global).collect()
    }

    /// What people read.
    pub(crate) fn text(&self) -> String {
        let or_none = |root: &Option<String>| root.clone().unwrap_or_else(|| "none".to_owned());
        let from = match &self.checkpoint {
            Some(basis) => format!(" (from {}'s checkpoint after slot {})", basis.unit, basis.slot),
            None => String::new(),
        };
        let rows = [
            ("process", self.process.to_string()),
            ("after slot", self.slot.to_string()),
            ("chain hash", self.chain.clone()),
            ("state root", or_none(&self.state_root)),
            ("memory root", or_none(&self.memory_root)),
            ("memory", format!("{} bytes", self.memory_bytes)),
            ("globals", Json::Array(self.globals.clone()).to_string()),
            ("host table root", or_none(&self.host_table_root)),
            ("host table", format!("{} entries", self.host_table_entries)),
            ("profile", self.profile.to_string()),
            ("module", self.module.to_string()),
            ("level", format!("{}{from}", self.level)),
        ];
        let lines = rows.map(|(name, value)| format!("{name:<16}  {value}"));
        lines.join("\n")
    }
}

fn global(value: &GlobalValue) -> Json {
    let integer = |value: i128| to_json(&Value::Integer(value));
    match value {
        GlobalValue::I32(value) => json!({"type": "i32", "value": integer((*value).into())}),
        GlobalValue::I64(value) => json!({"type": "i64", "value": integer((*value).into())}),
        GlobalValue::F32(bits) => json!({"type": "f32", "bits": format!("{bits:08x}")}),
        GlobalValue::F64(bits) => json!({"type": "f64", "bits": format!("{bits:016x}")}),
        GlobalValue::V128(bits) => {
            json!({"type": "v128", "bits": HEXLOWER.encode(&bits.to_le_bytes())})
        }
    }
}

/// What a proof file shows.
#[derive(Debug, Serialize)]
pub(crate) struct ProofShape {
    /// What it is; null if that cannot be told.
    pub(crate) kind: Option<&'static str>,
    pub(crate) holds: bool,
    /// What it proves, or why it does not.
    pub(crate) detail: String,
    /// The network it was checked for; null where nothing is signed.
    pub(crate) network: Option<NetworkId>,
    /// Who says so: `option`, `data directory` or `file`.
    pub(crate) network_from: Option<&'static str>,
    /// Units of which one at least is at fault.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) culprits: Option<Vec<UnitId>>,
    #[serde(flatten)]
    pub(crate) facts: Map<String, Json>,
}

impl ProofShape {
    /// Adds a fact.
    pub(crate) fn fact(&mut self, name: &str, value: impl ToString) {
        self.facts.insert(name.to_owned(), Json::String(value.to_string()));
    }

    /// Adds a slot.
    pub(crate) fn slot(&mut self, slot: Slot) {
        self.facts.insert("slot".to_owned(), slot.get().into());
    }
}
