//! The exports of a module: buffers in linear memory around a [`Runtime`]. `docs/abi.md` is the
//! contract; the expansion of `#[actor]` makes the exports.

use std::cell::RefCell;

use crate::{Actor, Runtime};

/// What gives an actor memory: small, and small modules are what actors are made of.
#[cfg(target_arch = "wasm32")]
#[global_allocator]
static ALLOCATOR: talc::wasm::WasmDynamicTalc = talc::wasm::new_wasm_dynamic_allocator();

/// The state of an instance: the actor and the buffers shared with the compute unit.
#[derive(Debug)]
pub struct Guest<A> {
    runtime: Runtime<A>,
    /// Where the unit writes inputs, one after the other.
    input: Vec<u8>,
    /// Kept until the next call, for the unit to read.
    output: Vec<u8>,
}

impl<A: Actor> Guest<A> {
    /// An instance before slot 0.
    pub fn new() -> Self {
        Self { runtime: Runtime::new(), input: Vec::new(), output: Vec::new() }
    }

    /// Gives a place for an input of `len` bytes.
    pub fn alloc(&mut self, len: u32) -> usize {
        if self.input.len() < len as usize {
            self.input = vec![0; len as usize];
        }
        self.input.as_mut_ptr().expose_provenance()
    }

    /// Handles the input that was written.
    pub fn handle(&mut self, address: usize, len: u32) -> u64 {
        self.runtime.handle_into(&mut self.output, given(&self.input, address, len));
        self.told()
    }

    /// Answers the view that was written.
    pub fn view(&mut self, address: usize, len: u32) -> u64 {
        self.output = self.runtime.view(given(&self.input, address, len));
        self.told()
    }

    /// Saves the state.
    pub fn save(&mut self, address: usize, len: u32) -> u64 {
        self.output = self.runtime.save(given(&self.input, address, len));
        self.told()
    }

    /// Where the output is: address and length.
    fn told(&self) -> u64 {
        let address = self.output.as_ptr().expose_provenance() as u64;
        (address << 32) | self.output.len() as u64
    }
}

/// The input of so many bytes at an address.
#[inline(never)]
fn given(input: &[u8], address: usize, len: u32) -> &[u8] {
    assert!(
        input.as_ptr().expose_provenance() == address,
        "an input is written where `alloc` said"
    );
    input.get(..len as usize).expect("`alloc` has made room for it")
}

/// Where the one guest of a module is, for as long as the instance lives: no code that drops a guest
/// is linked.
#[derive(Debug)]
pub struct Place<A: 'static>(RefCell<Option<&'static mut Guest<A>>>);

impl<A: Actor> Place<A> {
    /// A place whose guest is made at the first visit.
    pub const fn new() -> Self {
        Self(RefCell::new(None))
    }

    /// Visits the guest.
    pub fn visit<R>(&self, visit: impl FnOnce(&mut Guest<A>) -> R) -> R {
        visit(self.0.borrow_mut().get_or_insert_with(|| Box::leak(Box::default())))
    }
}

impl<A: Actor> Default for Place<A> {
    fn default() -> Self {
        Self::new()
    }
}

impl<A: Actor> Default for Guest<A> {
    fn default() -> Self {
        Self::new()
    }
}
