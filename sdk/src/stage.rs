//! One scenario, wherever actors run.

use std::time::Duration;

use serde::de::DeserializeOwned;

use crate::{Actor, ActorRef, Args, Call, Error, ModuleRef, Sim, Ticket, sim::CLIENT_PATIENCE};

/// Where actors are spawned, called and looked at: a scenario is a function over any stage.
///
/// [`Sim`] runs the actors' own code. `antiphon-testing` has a stage that runs their Wasm modules as
/// compute units do, and one of a real network. What is not named here, as faults, belongs to one
/// stage alone.
///
/// ```
/// use antiphon::{Sim, Stage, prelude::*};
///
/// /// Counts.
/// #[actor]
/// #[derive(Serialize, Deserialize)]
/// pub struct Counter {
///     n: u64,
/// }
///
/// #[actor]
/// impl Counter {
///     #[init]
///     fn new(start: u64) -> Self {
///         Self { n: start }
///     }
///
///     fn get(&self) -> u64 {
///         self.n
///     }
///
///     fn add(&mut self, by: u64) -> u64 {
///         self.n += by;
///         self.n
///     }
/// }
///
/// fn it_counts(stage: &mut impl Stage) {
///     let counter = stage.spawn::<Counter>(args! { start: 5 });
///     assert_eq!(stage.send(counter.add(3)), Ok(8));
///     assert_eq!(stage.view(&counter.get()), Ok(8));
/// }
///
/// it_counts(&mut Sim::seeded(7));
/// ```
pub trait Stage {
    /// The module of an actor type, to spawn children of.
    fn module<A: Actor + 'static>(&mut self) -> ModuleRef;

    /// Spawns an actor, controlled by whoever sends what the scenario sends.
    ///
    /// # Panics
    ///
    /// If it is not born.
    fn spawn<A: Actor + 'static>(&mut self, args: impl Into<Args>) -> ActorRef<A>;

    /// Sends a message; its reply is [waited for](Self::wait) later. Of two that were posted, either
    /// may come first.
    fn post<R>(&mut self, call: Call<R>) -> Ticket<R>;

    /// Waits for the reply to a message.
    ///
    /// # Errors
    ///
    /// The actor's own; the failure of its execution, by the code of its kind.
    ///
    /// # Panics
    ///
    /// If the reply is not of the method's type.
    fn wait<R: DeserializeOwned>(&mut self, ticket: Ticket<R>) -> Result<R, Error>;

    /// Sends a message and waits for its reply.
    ///
    /// # Errors
    ///
    /// As [`wait`](Self::wait).
    fn send<R: DeserializeOwned>(&mut self, call: Call<R>) -> Result<R, Error> {
        let ticket = self.post(call);
        self.wait(ticket)
    }

    /// Reads a process's state: that after the last slot of its log.
    ///
    /// # Errors
    ///
    /// As [`wait`](Self::wait).
    fn view<R: DeserializeOwned>(&mut self, call: &Call<R>) -> Result<R, Error>;

    /// Lets a process work until a view shows what it shall; gives the reply.
    ///
    /// # Panics
    ///
    /// If it never does, or the view fails.
    fn until<R: DeserializeOwned>(&mut self, call: &Call<R>, holds: impl Fn(&R) -> bool) -> R;

    /// Lets a while pass. A stage in virtual time also lets everything happen that is due by then.
    fn pass(&mut self, span: Duration);
}

impl Stage for Sim {
    fn module<A: Actor + 'static>(&mut self) -> ModuleRef {
        self.module::<A>()
    }

    fn spawn<A: Actor + 'static>(&mut self, args: impl Into<Args>) -> ActorRef<A> {
        self.spawn(args)
    }

    fn post<R>(&mut self, call: Call<R>) -> Ticket<R> {
        self.post(call)
    }

    fn wait<R: DeserializeOwned>(&mut self, ticket: Ticket<R>) -> Result<R, Error> {
        self.wait(&ticket)
    }

    fn view<R: DeserializeOwned>(&mut self, call: &Call<R>) -> Result<R, Error> {
        self.view(call)
    }

    fn until<R: DeserializeOwned>(&mut self, call: &Call<R>, holds: impl Fn(&R) -> bool) -> R {
        let end = self.time().saturating_add(CLIENT_PATIENCE);
        self.run();
        loop {
            match self.view(call) {
                Ok(reply) if holds(&reply) => return reply,
                Ok(_) => assert!(self.step(end), "`{}` never shows what it shall", call.method()),
                Err(error) => panic!("`{}`: {error}", call.method()),
            }
        }
    }

    fn pass(&mut self, span: Duration) {
        self.pass(span);
    }
}
