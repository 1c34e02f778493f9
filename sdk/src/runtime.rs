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

use protocol::{
    Principal,
    abi::{self, GuestEffect},
};

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
    /// Handles an encoded [`abi::Input`] of a kind that may change the state; gives an encoded
    /// [`abi::Output`].
    pub fn handle(&mut self, input: &[u8]) -> Vec<u8> {
        let result = match request::read(input) {
            Some((context, Request::Init { args, spawn })) => {
                let cx = self.enter(context, None);
                if let Some(spawn) = spawn {
                    self.world.keep_spawn(spawn.to_vec());
                }
                A::init(&cx, args).map(|actor| self.bear(actor))
            }
            Some((context, Request::Call { method, args, call })) => {
                let cx = self.enter(context, call);
                self.call(&cx, method, args)
            }
            Some((context, Request::Answer(answer))) => {
                self.enter(context, None);
                self.answer(answer)
            }
            Some((context, Request::Timer { token, method, args })) => {
                let sender = Principal::Process(context.process);
                let cx = self.enter(abi::Context { sender, ..context }, None);
                self.timer(&cx, token, method, args)
            }
            Some((context, Request::Assigned(evidence))) => self.assigned(context, evidence),
            Some((context, Request::Load { saved, spawn })) => {
                let cx = self.enter(context, None);
                if let Some(spawn) = spawn {
                    self.world.keep_spawn(spawn.to_vec());
                }
                load(&cx, saved).map(|actor| self.bear(actor))
            }
            _ => Err(unsupported()),
        };
        if A::ASYNC {
            self.tasks.run(&self.world);
        }
        output(result, self.world.effects().take())
    }

    /// Answers an encoded [`abi::Input::View`]; gives an encoded [`abi::Output`]
    /// without effects.
    pub fn view(&self, input: &[u8]) -> Vec<u8> {
        let result = match request::read(input) {
            Some((context, Request::View { method, args })) => {
                let actor = self.state.get().ok_or_else(not_born);
                actor.and_then(|actor| A::view(&actor, &ViewContext::new(context), method, args))
            }
            _ => Err(unsupported()),
        };
        output(result.map(Answer::Reply), Vec::new())
    }

    /// Answers an encoded [`abi::Input::Save`]; gives an encoded
    /// [`abi::SavedState`].
    ///
    /// # Panics
    ///
    /// If there is no state yet, the input is of another kind, or the state has no CBOR form:
    /// the upgrade fails and the module goes on.
    pub fn save(&self, input: &[u8]) -> Vec<u8> {
        let input = request::read(input);
        assert!(matches!(input, Some((_, Request::Save))), "save takes a save");
        let actor = self.state.get().expect("an upgrade comes after the birth");
        let state = match A::save(&actor) {
            Ok(state) => state,
            Err(error) => panic!("state: {error}"),
        };
        response::write_saved(A::STATE_VERSION, state.chunks(Self::CHUNK_LEN))
    }

    /// Begins a slot. What waits for something that is lost is dropped.
    fn enter(&mut self, mut context: abi::Context, call: Option<u64>) -> Context {
        let lost = context.lost.take();
        let cx = Context::enter(&self.world, context, call);
        if A::ASYNC
            && let Some(lost) = lost
        {
            self.tasks.lose(&self.world, &lost);
        }
        cx
    }

    fn call(&mut self, cx: &Context, method: &str, args: &[u8]) -> Result<Answer, Error> {
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
        Ok(Answer::null())
    }

    /// Hands over evidence.
    fn assigned(&mut self, context: abi::Context, evidence: Rest<'_>) -> Result<Answer, Error> {
        if !A::ASSIGNED {
            self.enter(context, None);
            return Err(expansion::no_evidence());
        }
        let (evidence, call) = evidence.assigned().ok_or_else(unsupported)?;
        let cx = self.enter(context, call);
        let mut actor = self.state.get_mut().ok_or_else(not_born)?;
        A::assigned(&mut actor, &cx, Evidence::new(evidence))
    }

    /// Calls the method of a timer. One without a method is a task's that sleeps.
    fn timer(
        &mut self,
        cx: &Context,
        token: u64,
        method: &str,
        args: &[u8],
    ) -> Result<Answer, Error> {
        if !method.is_empty() {
            return self.call(cx, method, args);
        }
        if A::ASYNC {
            self.world.arrive(token, Arrival::Due);
        }
        Ok(Answer::null())
    }

    /// Takes a first state and gives the reply that says so: null.
    fn bear(&mut self, actor: A) -> Answer {
        self.state.bear(actor);
        if A::ASYNC {
            self.tasks.clear();
        }
        Answer::null()
    }
}

fn load<A: Actor>(cx: &Context, saved: Saved) -> Result<A, Error> {
    match saved.image_of {
        Some(module) if A::RECOVERS => A::recover(cx, MemoryImage::new(module, saved.state)),
        Some(_) => Err(expansion::no_recovery()),
        None => A::load(cx, saved.version, &saved.state),
    }
}

fn output(result: Result<Answer, Error>, effects: Vec<GuestEffect>) -> Vec<u8> {
    let result = match result {
        Ok(answer) => answer.into_result(),
        Err(error) => error.into_result(),
    };
    response::write(&result, &effects)
}

fn not_born() -> Error {
    Error::known(Error::NOT_BORN, "the process has no state yet")
}

fn unsupported() -> Error {
    Error::known(Error::UNSUPPORTED_INPUT, "this module does not handle such inputs here")
}

#[cfg(test)]
mod tests;
