//! A store with one instance in it: raw calls, without any promise about what a fault leaves.

use std::sync::Arc;

use protocol::abi;
use wasmtime::{
    AsContextMut, Caller, Global, Memory, ResourceLimiter, Store, Trap, TypedFunc, V128, Val,
};

#[cfg(target_os = "linux")]
use crate::memory::Creator;
use crate::{
    memory::{Budget, Marked},
    module::CompiledModule,
    prepare::{self, GlobalKind, limits::DEPTH_LIMIT},
};

use super::{Executed, Export, Fault, GlobalValue, HostFault, PAGE_BYTES, slices::Slices};

/// What the host keeps of one instance beside it.
pub(crate) struct HostState {
    memory_max: usize,
    /// The guest was refused memory during this call.
    refused: bool,
    /// The machine had less memory than the guest may have.
    exhausted: bool,
    slices: Slices,
    budget: Arc<Budget>,
    /// Bytes taken from the budget.
    taken: usize,
}

impl Drop for HostState {
    fn drop(&mut self) {
        self.budget.give(self.taken);
    }
}

/// The function of the host that instrumented code calls where its gas is below zero.
pub(crate) fn next_slice(mut caller: Caller<'_, HostState>, gas: i64) -> wasmtime::Result<i64> {
    // Why a call ends is kept beside it: the error only takes it back to the host.
    caller.data_mut().slices.next(gas).map_err(|_| Trap::Interrupt.into())
}

impl ResourceLimiter for HostState {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let allowed = desired <= self.memory_max && maximum.is_none_or(|max| desired <= max);
        self.refused |= !allowed;
        if !allowed {
            return Ok(false);
        }
        let more = desired.saturating_sub(current);
        if !self.budget.take(more) {
            // As below.
            self.exhausted = true;
            return Err(Trap::AllocationTooLarge.into());
        }
        self.taken = self.taken.saturating_add(more);
        Ok(true)
    }

    fn memory_grow_failed(&mut self, error: wasmtime::Error) -> wasmtime::Result<()> {
        // Growth beyond a limit is refused above or in the instrumented code, so this is the
        // machine's failure. It must not reach the guest, whose next step would depend on it.
        self.exhausted = true;
        Err(error)
    }

    fn table_growing(
        &mut self,
        _current: usize,
        _desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        // Tables are made once, with a size that preparation has checked.
        Ok(true)
    }
}

type Entry = TypedFunc<(i32, i32), i64>;

pub(super) struct Machine {
    module: Arc<CompiledModule>,
    pages_max: u32,
    store: Store<HostState>,
    memory: Memory,
    gas: Global,
    depth: Global,
    globals: Vec<Global>,
    alloc: TypedFunc<i32, i32>,
    handle: Entry,
    view: Entry,
    save: Entry,
}

impl Machine {
    /// Makes an instance whose memory is all zero.
    pub(super) fn new(
        module: Arc<CompiledModule>,
        pages_max: u32,
        marked: &Marked,
    ) -> Result<Self, HostFault> {
        let pages = usize::try_from(pages_max).unwrap_or(usize::MAX);
        let state = HostState {
            memory_max: pages.saturating_mul(PAGE_BYTES),
            refused: false,
            exhausted: false,
            slices: Slices::default(),
            budget: Arc::clone(module.budget()),
            taken: 0,
        };
        let mut store = Store::new(module.pre.module().engine(), state);
        store.limiter(|state| state);
        let instance = instantiate(&module, &mut store, marked)?;
        let global = |store: &mut Store<HostState>, name: &str| {
            instance.get_global(store, name).ok_or(HostFault::Engine)
        };
        let gas = global(&mut store, prepare::GAS)?;
        let depth = global(&mut store, prepare::DEPTH)?;
        let globals = module
            .globals
            .iter()
            .map(|meta| global(&mut store, &meta.export))
            .collect::<Result<_, _>>()?;
        let memory =
            instance.get_memory(&mut store, abi::EXPORT_MEMORY).ok_or(HostFault::Engine)?;
        let entry = |store: &mut Store<HostState>, name| {
            instance.get_typed_func(store, name).map_err(|_| HostFault::Engine)
        };
        let alloc = instance
            .get_typed_func(&mut store, abi::EXPORT_ALLOC)
            .map_err(|_| HostFault::Engine)?;
        let handle = entry(&mut store, abi::EXPORT_HANDLE)?;
        let view = entry(&mut store, abi::EXPORT_VIEW)?;
        let save = entry(&mut store, abi::EXPORT_SAVE)?;
        Ok(Self {
            module,
            pages_max,
            store,
            memory,
            gas,
            depth,
            globals,
            alloc,
            handle,
            view,
            save,
        })
    }

    /// An instance whose memory is what a mark holds.
    pub(super) fn of_mark(
        module: Arc<CompiledModule>,
        pages_max: u32,
        marked: &Marked,
    ) -> Result<Self, HostFault> {
        let mut machine = Self::new(module, pages_max, marked)?;
        let bytes = marked.bytes();
        let pages = bytes.saturating_sub(machine.memory().len()) / PAGE_BYTES;
        let pages = u64::try_from(pages).unwrap_or(u64::MAX);
        machine.memory.grow(&mut machine.store, pages).map_err(|_| HostFault::Memory)?;
        if machine.memory().len() != bytes {
            return Err(HostFault::Engine);
        }
        marked.fill(machine.memory_mut());
        Ok(machine)
    }

    /// Replaces the instance by a new one whose memory is what a mark holds.
    pub(super) fn renew(&mut self, marked: &Marked) -> Result<(), HostFault> {
        let slices = std::mem::take(self.slices());
        *self = Self::of_mark(Arc::clone(&self.module), self.pages_max, marked)?;
        *self.slices() = slices;
        Ok(())
    }

    /// Writes the module's data into its memory.
    pub(super) fn write_genesis(&mut self) -> Result<(), HostFault> {
        let memory = self.memory.data_mut(&mut self.store);
        self.module.write_genesis(memory).ok_or(HostFault::Engine)
    }

    pub(super) fn memory(&self) -> &[u8] {
        self.memory.data(&self.store)
    }

    pub(super) fn memory_mut(&mut self) -> &mut [u8] {
        self.memory.data_mut(&mut self.store)
    }

    pub(super) fn globals(&mut self) -> Vec<GlobalValue> {
        let store = &mut self.store;
        let kinds = self.module.globals.iter().map(|meta| meta.kind);
        self.globals.iter().zip(kinds).map(|(global, kind)| read(global, kind, store)).collect()
    }

    pub(super) fn set_globals(&mut self, values: &[GlobalValue]) -> Result<(), HostFault> {
        for (global, value) in self.globals.iter().zip(values) {
            global.set(&mut self.store, to_val(*value)).map_err(|_| HostFault::Engine)?;
        }
        Ok(())
    }

    /// Calls an export with an input and copies out what it gives back.
    pub(super) fn run(
        &mut self,
        export: Export,
        input: &[u8],
        gas_limit: u64,
        output_max: usize,
    ) -> Result<Executed, HostFault> {
        let limit = i64::try_from(gas_limit).unwrap_or(i64::MAX);
        let first = self.slices().begin(limit);
        let store = self.store.as_context_mut();
        self.gas.set(store, Val::I64(first)).map_err(|_| HostFault::Engine)?;
        let store = self.store.as_context_mut();
        self.depth.set(store, Val::I32(0)).map_err(|_| HostFault::Engine)?;
        self.store.data_mut().refused = false;
        let result = match self.call(export, input, output_max) {
            Ok(output) => Ok(output),
            Err(Stop::Fault(fault)) => Err(fault),
            Err(Stop::Host(fault)) => return Err(fault),
        };
        let gas = self.gas_left();
        let left = self.slices().left(gas);
        Ok(Executed { result, gas_used: limit.cast_unsigned().saturating_sub(left) })
    }

    fn call(&mut self, export: Export, input: &[u8], output_max: usize) -> Result<Vec<u8>, Stop> {
        let length = i32::try_from(input.len()).map_err(|_| Fault::BadAllocation)?;
        let place = self.alloc.call(&mut self.store, length).map_err(|error| self.stop(&error))?;
        slice_mut(self.memory_mut(), place.cast_unsigned(), input.len())
            .ok_or(Fault::BadAllocation)?
            .copy_from_slice(input);
        let entry = match export {
            Export::Handle => &self.handle,
            Export::View => &self.view,
            Export::Save => &self.save,
        };
        let packed =
            entry.call(&mut self.store, (place, length)).map_err(|error| self.stop(&error))?;
        let (pointer, length) = abi::unpack(packed);
        let length = usize::try_from(length).map_err(|_| Fault::BadOutput)?;
        let output = slice(self.memory(), pointer, length).ok_or(Fault::BadOutput)?;
        if output.len() > output_max {
            return Err(Fault::OutputTooLarge.into());
        }
        Ok(output.to_vec())
    }

    /// Tells what stopped a call, from the counters and never from the engine's words.
    fn stop(&mut self, error: &wasmtime::Error) -> Stop {
        if self.store.data().exhausted {
            return HostFault::Memory.into();
        }
        if let Some(stop) = self.slices().ended() {
            return stop;
        }
        match error.downcast_ref::<Trap>() {
            Some(Trap::StackOverflow) => return HostFault::NativeStack.into(),
            Some(
                Trap::UnreachableCodeReached
                | Trap::MemoryOutOfBounds
                | Trap::TableOutOfBounds
                | Trap::IndirectCallToNull
                | Trap::BadSignature
                | Trap::IntegerOverflow
                | Trap::IntegerDivisionByZero
                | Trap::BadConversionToInteger,
            ) => {}
            Some(_) | None => return HostFault::Engine.into(),
        }
        match self.depth.get(&mut self.store) {
            Val::I32(depth) if depth.cast_unsigned() > DEPTH_LIMIT => Fault::StackOverflow.into(),
            _ if self.store.data().refused => Fault::OutOfMemory.into(),
            _ => Fault::Trap.into(),
        }
    }

    /// How the gas of calls is handed out.
    pub(super) fn slices(&mut self) -> &mut Slices {
        &mut self.store.data_mut().slices
    }

    /// What the guest has of the gas that is left.
    fn gas_left(&mut self) -> i64 {
        match self.gas.get(&mut self.store) {
            Val::I64(left) => left,
            _ => i64::MIN,
        }
    }
}

/// Makes an instance whose memory shows the file of a mark, where there is one.
fn instantiate(
    module: &CompiledModule,
    store: &mut Store<HostState>,
    marked: &Marked,
) -> Result<wasmtime::Instance, HostFault> {
    let mut make = || module.pre.instantiate(&mut *store).map_err(|_| HostFault::Memory);
    #[cfg(target_os = "linux")]
    if let Some(base) = marked.base() {
        return Creator::with_base(base, make);
    }
    let _ = marked;
    make()
}

/// Why a call gave no output.
#[derive(Debug, Clone, Copy)]
pub(super) enum Stop {
    Fault(Fault),
    Host(HostFault),
}

impl From<Fault> for Stop {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl From<HostFault> for Stop {
    fn from(fault: HostFault) -> Self {
        Self::Host(fault)
    }
}

fn slice(memory: &[u8], pointer: u32, length: usize) -> Option<&[u8]> {
    let start = usize::try_from(pointer).ok()?;
    memory.get(start..start.checked_add(length)?)
}

fn slice_mut(memory: &mut [u8], pointer: u32, length: usize) -> Option<&mut [u8]> {
    let start = usize::try_from(pointer).ok()?;
    memory.get_mut(start..start.checked_add(length)?)
}

fn read(global: &Global, kind: GlobalKind, store: &mut Store<HostState>) -> GlobalValue {
    match (kind, global.get(store)) {
        (GlobalKind::I32, Val::I32(value)) => GlobalValue::I32(value),
        (GlobalKind::I64, Val::I64(value)) => GlobalValue::I64(value),
        (GlobalKind::F32, Val::F32(bits)) => GlobalValue::F32(bits),
        (GlobalKind::F64, Val::F64(bits)) => GlobalValue::F64(bits),
        (GlobalKind::V128, Val::V128(bits)) => GlobalValue::V128(bits.as_u128()),
        (kind, value) => unreachable!("a global of kind {kind:?} never holds {value:?}"),
    }
}

fn to_val(value: GlobalValue) -> Val {
    match value {
        GlobalValue::I32(value) => Val::I32(value),
        GlobalValue::I64(value) => Val::I64(value),
        GlobalValue::F32(bits) => Val::F32(bits),
        GlobalValue::F64(bits) => Val::F64(bits),
        GlobalValue::V128(bits) => Val::V128(V128::from(bits)),
    }
}
