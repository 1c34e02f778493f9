//! Rollback of single slots: a mark now and then, and the inputs executed since.
//!
//! A slot that succeeds costs a copy of its input. A slot that fails restores the mark and executes
//! the kept inputs again, which gives the same state because execution is deterministic. What is
//! kept is bounded so that copying the memory costs little beside the work it is spread over, and
//! executing again never costs much more than copying.

use super::{Export, HostFault, machine::Machine, mark::Mark};

/// Bytes of memory for which one more input may be kept.
const BYTES_PER_SLOT: usize = 16 << 10;
/// Inputs kept at least before a new mark.
const SLOTS_MIN: usize = 64;
/// Bytes of inputs kept.
const INPUT_BYTES_MAX: usize = 4 << 20;
/// Gas of the kept inputs for each byte of memory that a mark copies.
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
}

impl Rollback {
    /// Marks the machine as it is.
    pub(super) fn new(machine: &mut Machine) -> Self {
        let mut mark = Mark::default();
        mark.take(machine);
        Self { mark, kept: Vec::new(), kept_bytes: 0, kept_gas: 0 }
    }

    /// Learns that the machine has executed an input without fault.
    pub(super) fn keep(&mut self, machine: &mut Machine, input: Input<'_>) {
        let Input { export, input, gas_limit, gas_used, output_max } = input;
        self.kept_bytes = self.kept_bytes.saturating_add(input.len());
        self.kept_gas = self.kept_gas.saturating_add(gas_used);
        if self.is_full() {
            self.remark(machine);
        } else {
            self.kept.push(Kept { export, input: input.into(), gas_limit, gas_used, output_max });
        }
    }

    /// Makes the mark the state of the machine as it is.
    pub(super) fn renew(&mut self, machine: &mut Machine) {
        if !self.kept.is_empty() {
            self.remark(machine);
        }
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
        self.renew(machine);
        Ok(())
    }

    fn is_full(&self) -> bool {
        let bytes = self.mark.bytes();
        let gas = u64::try_from(bytes).unwrap_or(u64::MAX).saturating_mul(GAS_PER_BYTE);
        self.kept.len() >= SLOTS_MIN.max(bytes / BYTES_PER_SLOT)
            || self.kept_bytes > INPUT_BYTES_MAX
            || self.kept_gas > gas.max(GAS_MIN)
    }

    fn remark(&mut self, machine: &mut Machine) {
        self.mark.take(machine);
        self.kept.clear();
        self.kept_bytes = 0;
        self.kept_gas = 0;
    }
}
