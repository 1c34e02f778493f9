//! One actor behind the guest contract: inputs in, outputs out, both as bytes.
//!
//! The same code runs inside a module and in native tests. It knows nothing of memory layout.
//!
//! # Invariants
//!
//! - An actor without async methods has no task: what runs them is not linked into its module.

mod request;
mod response;

use std::{cell::Ref, rc::Rc};

use self::request::{Request, Rest, Saved};

use crate::{
    Actor, Context, Error, Evidence, MemoryImage, State, ViewContext,
    expansion::{self, Answer},
    tasks::Tasks,
    world::{Arrival, World},
};

/// An actor with what it waits for, or the place of one that is not born yet.
#[derive(Debug)]
pub struct Runtime<A> {
    state: State<A>,
    world: Rc<World>,
    tasks: Tasks,
}

impl<A> Runtime<A> {
    /// The largest piece a saved state is cut into, in bytes.
    pub const CHUNK_LEN: usize = 1 << 20;

    /// An instance before slot 0.
    pub fn new() -> Self {
        Self { state: State::unborn(), world: World::new(), tasks: Tasks::default() }
    }

    /// The actor, once it is born.
    pub fn actor(&self) -> Option<Ref<'_, A>> {
        self.state.get()
    }
}

impl<A> Default for Runtime<A> {
    fn default() -> Self {
        Self::new()
    }
}

impl<A: Actor> Runtime<A> {
    /// Handles an encoded [`Input`](protocol::abi::Input) of a kind that may change the state; gives an
    /// encoded [`Output`](protocol::abi::Output).
    pub fn handle(&mut self, input: &[u8]) -> Vec<u8> {
        let mut output = Vec::new();
        self.handle_into(&mut output, input);
        output
    }

    /// As [`handle`](Self::handle), with the output put in the place of the last one.
    pub(crate) fn handle_into(&mut self, output: &mut Vec<u8>, input: &[u8]) {
        let begun = self.world.enter(|context| request::begin(input, context));
        if A::ASYNC {
            self.tasks.lose(&self.world, begun.lost());
        }
        let answer = match begun.request() {
            Some(Request::Init { args, spawn }) => {
                self.keep_spawn(spawn);
                A::init(&self.context(None), args).map(|actor| self.bear(actor))
            }
            Some(Request::Call { method, args, call }) => {
                let cx = self.context(call);
                self.call(&cx, method, args)
            }
            Some(Request::Answer(answer)) => self.answer(answer),
            Some(Request::Timer { token, method, args }) => self.timer(token, method, args),
            Some(Request::Assigned(evidence)) => self.assigned(evidence),
            Some(Request::Load { saved, spawn }) => {
                self.keep_spawn(spawn);
                load(&self.context(None), saved).map(|actor| self.bear(actor))
            }
            _ => Err(unsupported()),
        };
        if A::ASYNC {
            self.tasks.run(&self.world);
        }
        response::write(output, &answer, &self.world.effects().take());
    }

    /// Answers an encoded [`Input::View`](protocol::abi::Input::View); gives an encoded
    /// [`Output`](protocol::abi::Output) without effects.
    pub fn view(&self, input: &[u8]) -> Vec<u8> {
        let mut cx = ViewContext::nowhere();
        let answer = match request::begin(input, &mut cx).request() {
            Some(Request::View { method, args }) => {
                let actor = self.state.get().ok_or_else(not_born);
                actor.and_then(|actor| A::view(&actor, &cx, method, args))
            }
            _ => Err(unsupported()),
        };
        let mut output = Vec::new();
        response::write(&mut output, &answer.map(Answer::Reply), &[]);
        output
    }

    /// Answers an encoded [`Input::Save`](protocol::abi::Input::Save); gives an encoded
    /// [`SavedState`](protocol::abi::SavedState).
    ///
    /// # Panics
    ///
    /// If there is no state yet, the input is of another kind, or the state has no CBOR form:
    /// the upgrade fails and the module goes on.
    pub fn save(&self, input: &[u8]) -> Vec<u8> {
        let request = request::begin(input, &mut ViewContext::nowhere()).request();
        assert!(matches!(request, Some(Request::Save)), "save takes a save");
        let actor = self.state.get().expect("an upgrade comes after the birth");
        let state = match A::save(&actor) {
            Ok(state) => state,
            Err(error) => panic!("state: {error}"),
        };
        response::write_saved(A::STATE_VERSION, state.chunks(Self::CHUNK_LEN))
    }

    /// The context of the slot at hand.
    fn context(&self, call: Option<u64>) -> Context {
        Context::here(&self.world, call)
    }

    fn keep_spawn(&self, spawn: Option<&[u8]>) {
        if let Some(spawn) = spawn {
            self.world.keep_spawn(spawn.to_vec());
        }
    }

    fn call(&mut self, cx: &Context, method: &[u8], args: &[u8]) -> Result<Answer, Error> {
        let mut actor = self.state.get_mut().ok_or_else(not_born)?;
        if A::ASYNC
            && let Some(task) = A::start(&actor, &self.state, cx, method, args)?
        {
            drop(actor);
            return self.tasks.start(&self.world, task, cx.call());
        }
        A::call(&mut actor, cx, method, args)
    }

    /// Wakes what waits for an answer.
    fn answer(&self, answer: Rest<'_>) -> Result<Answer, Error> {
        if A::ASYNC {
            let (token, answer) = answer.answer().ok_or_else(unsupported)?;
            self.world.arrive(token, answer.into());
        }
        Ok(Answer::Nothing)
    }

    /// Hands over evidence.
    fn assigned(&self, evidence: Rest<'_>) -> Result<Answer, Error> {
        if !A::ASSIGNED {
            return Err(expansion::no_evidence());
        }
        let (evidence, call) = evidence.assigned().ok_or_else(unsupported)?;
        let cx = self.context(call);
        let mut actor = self.state.get_mut().ok_or_else(not_born)?;
        A::assigned(&mut actor, &cx, Evidence::new(evidence))
    }

    /// Calls the method of a timer. One without a method is a task's that sleeps.
    fn timer(&mut self, token: u64, method: &[u8], args: &[u8]) -> Result<Answer, Error> {
        if !method.is_empty() {
            let cx = self.context(None);
            return self.call(&cx, method, args);
        }
        if A::ASYNC {
            self.world.arrive(token, Arrival::Due);
        }
        Ok(Answer::Nothing)
    }

    /// Takes a first state and gives the reply that says so: null.
    fn bear(&mut self, actor: A) -> Answer {
        self.state.bear(actor);
        if A::ASYNC {
            self.tasks.clear();
        }
        Answer::Nothing
    }
}

fn load<A: Actor>(cx: &Context, saved: Saved) -> Result<A, Error> {
    match saved.image_of {
        Some(module) if A::RECOVERS => A::recover(cx, MemoryImage::new(module, saved.state)),
        Some(_) => Err(expansion::no_recovery()),
        None => A::load(cx, saved.version, &saved.state),
    }
}

fn not_born() -> Error {
    Error::known(Error::NOT_BORN, "the process has no state yet")
}

fn unsupported() -> Error {
    Error::known(Error::UNSUPPORTED_INPUT, "this module does not handle such inputs here")
}

#[cfg(test)]
mod tests;
