//! The stage of Wasm modules in this program.

use std::{
    any::Any,
    panic::resume_unwind,
    sync::mpsc::{SyncSender, sync_channel},
    thread::JoinHandle,
    time::Duration,
};

use antiphon::{
    Actor, ActorRef, Args, Call, Error, ModuleRef, ProcessId, Stage, Ticket, Timestamp,
};
use compute_unit::THREAD_STACK_BYTES;
use protocol::Outcome;
use serde::de::DeserializeOwned;

use crate::{engine::Engine, modules::Modules};

/// How long a client waits in virtual time, in milliseconds.
const CLIENT_PATIENCE: u64 = 60 * 60 * 1_000;

type Job = Box<dyn FnOnce(&mut Engine) + Send>;

/// Actors as Wasm modules that talk to each other, in virtual time, on the engine of compute units.
///
/// Equal seeds give equal runs.
///
/// ```
/// use antiphon::{Stage, args};
/// use antiphon_testing::Wasm;
/// use counter::Counter;
///
/// let mut wasm = Wasm::seeded(7).with::<Counter>(example_modules::COUNTER);
/// let counter = wasm.spawn::<Counter>(args! { start: 5 });
/// assert_eq!(wasm.send(counter.add(3)), Ok(8));
/// assert!(wasm.outcomes(counter)[1].gas.get() > 0);
/// wasm.check_replay();
/// ```
#[derive(Debug)]
pub struct Wasm {
    seed: u64,
    modules: Modules,
    jobs: SyncSender<Job>,
    /// The thread with enough stack for Wasm; none once it has panicked.
    thread: Option<JoinHandle<()>>,
}

impl Wasm {
    /// No process yet, at time 0. The seed decides whose message comes first.
    ///
    /// # Panics
    ///
    /// If this machine has no room for a thread.
    pub fn seeded(seed: u64) -> Self {
        let (jobs, todo) = sync_channel::<Job>(1);
        let work = move || {
            let mut engine = Engine::seeded(seed);
            for job in todo {
                job(&mut engine);
            }
        };
        let thread = std::thread::Builder::new().stack_size(THREAD_STACK_BYTES).spawn(work);
        let thread = Some(thread.expect("this machine has room for a thread"));
        Self { seed, modules: Modules::default(), jobs, thread }
    }

    /// Gives the module of an actor type.
    ///
    /// # Panics
    ///
    /// If the module has another interface than the type.
    #[must_use]
    pub fn with<A: Actor + 'static>(mut self, module: &[u8]) -> Self {
        self.modules.add::<A>(module);
        self
    }

    /// Delivers until nothing is under way. No time passes.
    pub fn run(&mut self) {
        self.on_engine(Engine::run);
    }

    /// The virtual time.
    pub fn time(&mut self) -> Timestamp {
        self.on_engine(|engine| engine.time())
    }

    /// What came of every slot of a process, in order: replies, gas, log lines, events, and what was
    /// sent.
    ///
    /// # Panics
    ///
    /// If there is no such process.
    pub fn outcomes(&mut self, process: impl Into<ProcessId>) -> Vec<Outcome> {
        let process = process.into();
        self.on_engine(move |engine| engine.outcomes(process))
    }

    /// Executes the log of every process again and compares all outcomes, the gas they used and the
    /// roots of the states.
    ///
    /// # Panics
    ///
    /// If one differs.
    pub fn check_replay(&mut self) {
        self.on_engine(|engine| engine.check_replay());
    }

    /// Runs something where Wasm can be executed.
    fn on_engine<T: Send + 'static>(
        &mut self,
        job: impl FnOnce(&mut Engine) -> T + Send + 'static,
    ) -> T {
        let (done, result) = sync_channel(1);
        // If the thread is gone, there is no result either.
        let _ = self.jobs.send(Box::new(move |engine| drop(done.send(job(engine)))));
        match result.recv() {
            Ok(result) => result,
            Err(_) => resume_unwind(self.panic()),
        }
    }

    /// Why the thread is gone.
    fn panic(&mut self) -> Box<dyn Any + Send> {
        let panic = self.thread.take().and_then(|thread| thread.join().err());
        panic.unwrap_or_else(|| Box::new("the stage has panicked before"))
    }
}

impl Stage for Wasm {
    fn module<A: Actor + 'static>(&mut self) -> ModuleRef {
        let module = self.modules.of::<A>().to_vec();
        self.on_engine(move |engine| engine.module(&module))
    }

    fn spawn<A: Actor + 'static>(&mut self, args: impl Into<Args>) -> ActorRef<A> {
        let (module, args) = (self.modules.of::<A>().to_vec(), args.into().encode());
        match self.on_engine(move |engine| engine.spawn(&module, args)) {
            Ok(process) => A::at(process),
            Err(error) => panic!("{} is not born: {error}", std::any::type_name::<A>()),
        }
    }

    fn post<R>(&mut self, call: Call<R>) -> Ticket<R> {
        let (target, method, args) = (call.target(), call.method().to_owned(), call.args());
        Ticket::new(self.on_engine(move |engine| engine.post(target, method, args)))
    }

    fn wait<R: DeserializeOwned>(&mut self, ticket: Ticket<R>) -> Result<R, Error> {
        let number = ticket.number();
        let reply = self.on_engine(move |engine| {
            let end = engine.time().saturating_add(CLIENT_PATIENCE);
            engine.run();
            while !engine.has_reply(number) && engine.step(end) {}
            engine.take_reply(number)
        });
        read(
            reply.unwrap_or_else(|| {
                Err(Error::new("no-reply", "there is no reply within an hour"))
            })?,
        )
    }

    fn view<R: DeserializeOwned>(&mut self, call: &Call<R>) -> Result<R, Error> {
        let (target, method, args) = (call.target(), call.method(), call.args());
        read(self.on_engine(move |engine| engine.view(target, method, &args))?)
    }

    fn until<R: DeserializeOwned>(&mut self, call: &Call<R>, holds: impl Fn(&R) -> bool) -> R {
        let end = self.time().saturating_add(CLIENT_PATIENCE);
        self.run();
        loop {
            match self.view(call) {
                Ok(reply) if holds(&reply) => return reply,
                Ok(_) => {
                    let passed = self.on_engine(move |engine| engine.step(end));
                    assert!(passed, "`{}` never shows what it shall", call.method());
                }
                Err(error) => panic!("`{}`: {error}", call.method()),
            }
        }
    }

    fn pass(&mut self, span: Duration) {
        let span = u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
        self.on_engine(move |engine| engine.pass(span));
    }
}

impl Drop for Wasm {
    #[expect(clippy::print_stderr, reason = "it is what a failed test shows")]
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the test failed on Wasm::seeded({})", self.seed);
        }
    }
}

/// Reads a reply.
pub(crate) fn read<R: DeserializeOwned>(reply: Vec<u8>) -> Result<R, Error> {
    Ok(antiphon::cbor::from_slice(&reply).expect("a reply is of the method's type"))
}
