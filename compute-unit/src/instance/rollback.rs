//! Rollback of single slots: a mark now and then, and the inputs executed since.
//!
//! A slot that succeeds costs a copy of its input. A slot that fails restores the mark and executes
//! the kept inputs again, which gives the same state because execution is deterministic. What is
//! kept is bounded so that copying the memory costs little beside the work it is spread over, and
//! executing again never costs much more than copying.

use super::{Export, HostFault, machine::Machine, mark::Mark};
use crate::memory::{Marked, PageSet};

/// Bytes of memory that a mark compares for which one more input may be kept.
const BYTES_PER_SLOT: usize = 16 << 10;
/// Inputs kept at least before a new mark.
const SLOTS_MIN: usize = 256;
/// Bytes of inputs kept.
const INPUT_BYTES_MAX: usize = 4 << 20;
/// Gas of the kept inputs for each byte of memory that a mark compares.
const GAS_PER_BYTE: u64 = 2;
/// Gas of the kept inputs, at least, before a new mark.
const GAS_MIN: u64 = 2_000_000;

/// An input that was executed without fault.
pub(super) struct Input<'a> {
    pub(super) export: Export,
    pub(super) input: &'a [u8],
    pub(super) gas_limit: u64,
    pub(super) gas_used: u64,
    pub(super) output_max: usize,
}

struct Kept {
    export: Export,
    input: Box<[u8]>,
    gas_limit: u64,
    gas_used: u64,
    output_max: usize,
}

/// Where an instance can return to: the state after the last slot that succeeded.
pub(super) struct Rollback {
    mark: Mark,
    kept: Vec<Kept>,
    kept_bytes: usize,
    kept_gas: u64,
    /// Pages that changed up to the mark and are not in the tree of the memory yet.
    unhashed: PageSet,
    /// Pages that changed up to the mark and are in no checkpoint yet.
    unsaved: PageSet,
    /// Room for the pages of one mark.
    changed: PageSet,
}

impl Rollback {
    /// Returns to a mark, up to which these pages are in no checkpoint.
    pub(super) fn new(mark: Mark, unsaved: PageSet) -> Self {
        Self {
            mark,
            kept: Vec::new(),
            kept_bytes: 0,
            kept_gas: 0,
            unhashed: PageSet::default(),
            unsaved,
            changed: PageSet::default(),
        }
    }

    /// Learns that the machine has executed an input without fault.
    pub(super) fn keep(
        &mut self,
        machine: &mut Machine,
        input: Input<'_>,
    ) -> Result<(), HostFault> {
        let Input { export, input, gas_limit, gas_used, output_max } = input;
        self.kept_bytes = self.kept_bytes.saturating_add(input.len());
        self.kept_gas = self.kept_gas.saturating_add(gas_used);
        self.kept.push(Kept { export, input: input.into(), gas_limit, gas_used, output_max });
        if self.is_full() { self.remark(machine) } else { Ok(()) }
    }

    /// Makes the mark the state of the machine as it is.
    pub(super) fn renew(&mut self, machine: &mut Machine) -> Result<(), HostFault> {
        if self.kept.is_empty() { Ok(()) } else { self.remark(machine) }
    }

    /// Takes back everything since the last input that was kept.
    pub(super) fn undo(&mut self, machine: &mut Machine) -> Result<(), HostFault> {
        self.mark.restore(machine)?;
        for kept in &self.kept {
            let again = machine.run(kept.export, &kept.input, kept.gas_limit, kept.output_max)?;
            if again.result.is_err() || again.gas_used != kept.gas_used {
                return Err(HostFault::Replay);
            }
        }
        self.renew(machine)
    }

    /// What is marked of the memory.
    pub(super) const fn marked(&self) -> &Marked {
        self.mark.memory()
    }

    /// The pages that changed up to the mark since this was last asked, for the tree.
    pub(super) fn take_unhashed(&mut self) -> PageSet {
        std::mem::take(&mut self.unhashed)
    }

    /// The pages that changed up to the mark since this was last asked, for a checkpoint.
    pub(super) fn take_unsaved(&mut self) -> PageSet {
        std::mem::take(&mut self.unsaved)
    }

    fn is_full(&self) -> bool {
        let bytes = self.mark.memory().bytes_compared();
        let gas = u64::try_from(bytes).unwrap_or(u64::MAX).saturating_mul(GAS_PER_BYTE);
        self.kept.len() >= SLOTS_MIN.max(bytes / BYTES_PER_SLOT)
            || self.kept_bytes > INPUT_BYTES_MAX
            || self.kept_gas > gas.max(GAS_MIN)
    }

    fn remark(&mut self, machine: &mut Machine) -> Result<(), HostFault> {
        self.changed.clear();
        self.mark.take(machine, &mut self.changed)?;
        self.unhashed.extend(&self.changed);
        self.unsaved.extend(&self.changed);
        self.kept.clear();
        self.kept_bytes = 0;
        self.kept_gas = 0;
        Ok(())
    }
}
