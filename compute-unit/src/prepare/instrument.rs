//! Rewrites one function: gas in front of every run of operators, depth at entry and exit.
//!
//! A counted function becomes
//!
//! ```text
//! (func ... gas; depth += weight; check; (block RESULTS body) depth -= weight)
//! ```
//!
//! The block takes the place of the function's own label, so branches keep their depths and only
//! `return` becomes a branch. Neither counter is restored on a trap: the host sets both before each
//! call, and reads from them what the trap was.
//!
//! Two locals more hold the gas, and the depth as it was: a counter is written whenever it changes,
//! but read only where somebody else may have written it, as each read would wait for the write
//! before.
//!
//! Where gas falls below zero, the host is asked for more: it hands out the gas of a call by the
//! slice, and ends the call where none is left.

use wasm_encoder::{
    BlockType, BranchHint, Function, InstructionSink, ValType,
    reencode::{Error, Reencode},
};
use wasmparser::Operator;

use super::{
    blocks::{self, Charge},
    check::Body,
    cost,
    imports::{self, Shifted},
    limits::{self, frame_weight},
};

/// The indices of what the preparation adds to a module.
#[derive(Debug, Clone, Copy)]
pub(super) struct Added {
    /// The mutable i64 global that holds the gas left.
    pub(super) gas: u32,
    /// The mutable i32 global that holds the weight of all live frames.
    pub(super) depth: u32,
    /// The function that gets more gas where there is less than none.
    pub(super) refill: u32,
    /// The function that prices and performs `memory.grow`.
    pub(super) grow: u32,
    /// The function that prices a number of bytes and gives it back.
    pub(super) bytes: u32,
}

/// A function rewritten.
pub(super) struct Counted {
    pub(super) function: Function,
    /// Where the `if`s stand whose branch is hardly ever taken.
    pub(super) unlikely: Vec<BranchHint>,
}

/// Rewrites a function whose results make a block of type `results`.
pub(super) fn function(
    body: &Body<'_>,
    results: BlockType,
    added: Added,
) -> Result<Counted, Error> {
    let entry = u64::from(body.locals).saturating_mul(cost::LOCAL);
    let charges = blocks::charges(&body.body, entry)?;
    let weight = frame_weight(body.slots, body.operands, body.operators);
    let counted = body.calls || weight > limits::LEAF_WEIGHT_MAX;
    let mut writer = Writer {
        function: Function::new(locals(body)?),
        unlikely: Vec::new(),
        added,
        gas: body.slots,
        depth: body.slots.saturating_add(1),
        charges: charges.into_iter(),
        next: None,
        open: 0,
    };
    writer.next = writer.charges.next();
    writer.reread_gas();
    writer.charge_before(0);
    if counted {
        writer.enter(weight);
        writer.function.instructions().block(results);
    }
    let mut reader = body.body.get_operators_reader()?;
    let mut index = 0;
    while !reader.is_end_then_eof() {
        if index > 0 {
            writer.charge_before(index);
        }
        writer.operator(reader.read()?, counted)?;
        index = index.saturating_add(1);
    }
    if counted {
        writer.function.instructions().end();
        writer.leave();
    }
    writer.function.instructions().end();
    Ok(Counted { function: writer.function, unlikely: writer.unlikely })
}

/// The locals of a function, and those that are added behind them.
fn locals(body: &Body<'_>) -> Result<Vec<(u32, ValType)>, Error> {
    let mut locals = Vec::new();
    for group in body.body.get_locals_reader()? {
        let (count, ty) = group?;
        locals.push((count, Shifted.val_type(ty)?));
    }
    locals.extend([(1, ValType::I64), (1, ValType::I32)]);
    Ok(locals)
}

struct Writer {
    function: Function,
    unlikely: Vec<BranchHint>,
    added: Added,
    /// The local that holds the gas.
    gas: u32,
    /// The local that holds the depth at entry.
    depth: u32,
    charges: std::vec::IntoIter<Charge>,
    next: Option<Charge>,
    /// Blocks open inside the function.
    open: u32,
}

impl Writer {
    fn charge_before(&mut self, index: usize) {
        if let Some(charge) = self.next.filter(|charge| charge.before == index) {
            self.pay(charge.gas);
            self.next = self.charges.next();
        }
    }

    /// Takes a price from the gas. Nothing that was not paid for runs behind it.
    fn pay(&mut self, price: u64) {
        let price = i64::try_from(price).unwrap_or(i64::MAX);
        let mut sink = self.function.instructions();
        sink.local_get(self.gas).i64_const(price).i64_sub().local_tee(self.gas);
        sink.global_set(self.added.gas);
        sink.local_get(self.gas).i64_const(0).i64_lt_s();
        self.unlikely();
        self.function.instructions().if_(BlockType::Empty).call(self.added.refill);
        self.reread_gas();
        self.function.instructions().end();
    }

    /// Reads the gas again where somebody else has, or may have, taken from it.
    fn reread_gas(&mut self) {
        self.function.instructions().global_get(self.added.gas).local_set(self.gas);
    }

    /// Adds a frame to the depth, and traps where that is too much.
    fn enter(&mut self, weight: u32) {
        let depth = self.added.depth;
        let mut sink = self.function.instructions();
        sink.global_get(depth).local_tee(self.depth);
        sink.i32_const(weight.cast_signed()).i32_add().global_set(depth);
        sink.global_get(depth).i32_const(limits::DEPTH_LIMIT.cast_signed()).i32_gt_u();
        self.unlikely();
        self.function.instructions().if_(BlockType::Empty).unreachable().end();
    }

    /// Makes the depth again what it was at entry.
    fn leave(&mut self) {
        self.function.instructions().local_get(self.depth).global_set(self.added.depth);
    }

    /// Tells the engine that the branch that comes next is hardly ever taken, so that what is
    /// behind it costs nothing where it is not taken.
    fn unlikely(&mut self) {
        if let Ok(branch_func_offset) = u32::try_from(self.function.byte_len()) {
            self.unlikely.push(BranchHint { branch_func_offset, branch_hint_value: 0 });
        }
    }

    fn operator(&mut self, operator: Operator<'_>, counted: bool) -> Result<(), Error> {
        match operator {
            Operator::Block { .. } | Operator::Loop { .. } | Operator::If { .. } => {
                self.open = self.open.saturating_add(1);
            }
            Operator::End => self.open = self.open.saturating_sub(1),
            Operator::Return if counted => {
                self.function.instructions().br(self.open);
                return Ok(());
            }
            Operator::MemoryGrow { .. } => {
                self.function.instructions().call(self.added.grow);
                self.reread_gas();
                return Ok(());
            }
            Operator::MemoryCopy { .. }
            | Operator::MemoryFill { .. }
            | Operator::MemoryInit { .. } => {
                self.function.instructions().call(self.added.bytes);
                self.reread_gas();
            }
            _ => {}
        }
        let calls = matches!(operator, Operator::Call { .. } | Operator::CallIndirect { .. });
        let instruction = Shifted.instruction(operator)?;
        self.function.instruction(&instruction);
        if calls {
            self.reread_gas();
        }
        Ok(())
    }
}

fn refill_if_broke(sink: &mut InstructionSink<'_>, added: Added) {
    sink.global_get(added.gas).i64_const(0).i64_lt_s();
    sink.if_(BlockType::Empty).call(added.refill).end();
}

/// The function `()` that asks the host for gas to go on with. It comes back only with some.
pub(super) fn refill(added: Added) -> Function {
    let mut function = Function::new([]);
    let mut sink = function.instructions();
    sink.global_get(added.gas).call(imports::SLICE_INDEX).global_set(added.gas).end();
    function
}

/// The function `(delta: i32) -> i32` that stands for `memory.grow`.
///
/// Growth past 4 GiB is answered here, so that the engine's own `memory.grow` fails only where the
/// process's limit or the machine says so.
pub(super) fn grow(added: Added) -> Function {
    const PAGES_MAX: i32 = 65_536;
    let mut function = Function::new([]);
    let mut sink = function.instructions();
    sink.local_get(0).i32_const(PAGES_MAX).memory_size(0).i32_sub().i32_gt_u();
    sink.if_(BlockType::Empty).i32_const(-1).return_().end();
    sink.global_get(added.gas).local_get(0).i64_extend_i32_u();
    sink.i64_const(cost::PAGE.cast_signed()).i64_mul().i64_sub().global_set(added.gas);
    refill_if_broke(&mut sink, added);
    sink.local_get(0).memory_grow(0).end();
    function
}

/// The function `(bytes: i32) -> i32` that prices what a bulk operator moves.
pub(super) fn bytes(added: Added) -> Function {
    let mut function = Function::new([]);
    let mut sink = function.instructions();
    sink.global_get(added.gas).local_get(0).i64_extend_i32_u();
    sink.i64_const(cost::BULK_BYTES_PER_GAS.cast_signed())
        .i64_div_u()
        .i64_sub()
        .global_set(added.gas);
    refill_if_broke(&mut sink, added);
    sink.local_get(0).end();
    function
}
