//! The conformance suite: what an engine must do to be admitted to the profile.
//!
//! The profile says what execution means, not which engine does it. So an engine, in this version, with
//! these settings, on this processor, shows what it does before it executes anybody's log: the suite
//! calls small modules whose results, gas, memory and globals are frozen, down to the bits of every
//! NaN. The modules and `expected.txt` lie in the directory `conformance` of this crate and need
//! nothing of it: any other implementation of the profile can be held to them.
//!
//! # Invariants
//!
//! - Nothing depends on the machine. What is frozen changes only with the profile.

mod suite;

use std::fmt;

use protocol::{GlobalValue, Limits};

use crate::{
    engine::{CompileError, Engine},
    instance::{Executed, Export, Fault, GenesisError, HostFault, Instance},
};
use suite::{Call, Expected};

/// The limits that the calls of the suite are executed under, with more memory for some.
const LIMITS: Limits = Limits {
    memory_pages: 4,
    outbox_items: 16,
    outbox_bytes: 64 << 10,
    reply_bytes: 64 << 10,
    ..Limits::DEFAULT
};

/// Why an engine is not admitted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the engine does not conform to the profile: {case}, call {call}: {what}")]
pub struct Nonconformity {
    /// The module of the suite.
    pub case: String,
    /// Which of its calls, from 1 on; 0 if none was made.
    pub call: usize,
    /// What differs, or failed.
    pub what: Difference,
}

/// How an engine differs from the profile.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Difference {
    /// A module of the suite cannot be compiled.
    #[error(transparent)]
    Compile(#[from] CompileError),
    /// A module of the suite cannot be instantiated.
    #[error(transparent)]
    Genesis(#[from] GenesisError),
    /// The engine failed where it must not.
    #[error(transparent)]
    Host(#[from] HostFault),
    /// Something came out that the profile does not say.
    #[error("{part} should be {expected}, but is {found}")]
    Found {
        /// The part of the state or result.
        part: &'static str,
        /// What the profile says.
        expected: String,
        /// What the engine made of it.
        found: String,
    },
}

/// Holds an engine to the suite. Must run on a thread with [`crate::THREAD_STACK_BYTES`] of stack;
/// takes about 40 milliseconds, nearly all of them for compiling.
///
/// # Errors
///
/// The first difference.
pub fn admit(engine: &Engine) -> Result<(), Nonconformity> {
    run(engine, |call, expected, found| match expected.first_difference(found) {
        Some(what) => Err(call.differs(what)),
        None => Ok(()),
    })
}

/// Makes every call of the suite.
fn run(
    engine: &Engine,
    mut judge: impl FnMut(&Call<'_>, &Expected, &Expected) -> Result<(), Nonconformity>,
) -> Result<(), Nonconformity> {
    let mut current: Option<(&str, Instance)> = None;
    for (call, expected) in suite::calls() {
        let instance = match &mut current {
            Some((case, instance)) if *case == call.case => instance,
            _ => {
                let instance = born(engine, &call).map_err(|what| call.differs(what))?;
                &mut current.insert((call.case, instance)).1
            }
        };
        let found = observe(instance, &call).map_err(|fault| call.differs(fault.into()))?;
        judge(&call, &expected, &found)?;
    }
    Ok(())
}

fn born(engine: &Engine, call: &Call<'_>) -> Result<Instance, Difference> {
    let module = engine.compile(suite::module(call.case))?;
    Ok(Instance::genesis(&module, &LIMITS)?)
}

/// Makes one call and looks at everything it may have changed.
fn observe(instance: &mut Instance, call: &Call<'_>) -> Result<Expected, HostFault> {
    let executed = match call.export {
        Export::View => instance.view(&call.input, call.gas)?,
        export => instance.execute(export, &call.input, call.gas)?,
    };
    let Executed { result, gas_used } = executed;
    let image = instance.state_image();
    let mut globals = blake3::Hasher::new();
    image.globals.iter().for_each(|value| hash_global(&mut globals, *value));
    Ok(Expected {
        result: match result {
            Ok(output) => format!("ok:{}", Hex(&output)),
            Err(fault) => name(fault).to_owned(),
        },
        gas: gas_used.to_string(),
        memory: blake3::hash(image.memory).to_hex().to_string(),
        globals: globals.finalize().to_hex().to_string(),
    })
}

/// A byte for the type, then the value, little-endian.
fn hash_global(hasher: &mut blake3::Hasher, value: GlobalValue) {
    match value {
        GlobalValue::I32(value) => hasher.update(&[0]).update(&value.to_le_bytes()),
        GlobalValue::I64(value) => hasher.update(&[1]).update(&value.to_le_bytes()),
        GlobalValue::F32(bits) => hasher.update(&[2]).update(&bits.to_le_bytes()),
        GlobalValue::F64(bits) => hasher.update(&[3]).update(&bits.to_le_bytes()),
        GlobalValue::V128(bits) => hasher.update(&[4]).update(&bits.to_le_bytes()),
    };
}

const fn name(fault: Fault) -> &'static str {
    match fault {
        Fault::Trap => "trap",
        Fault::OutOfGas => "out-of-gas",
        Fault::OutOfMemory => "out-of-memory",
        Fault::StackOverflow => "too-deep",
        Fault::BadAllocation => "bad-allocation",
        Fault::BadOutput => "bad-output",
        Fault::OutputTooLarge => "output-too-large",
        Fault::Refused => "refused",
    }
}

/// Bytes in hexadecimal digits.
struct Hex<'a>(&'a [u8]);

impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

#[cfg(test)]
mod tests;
