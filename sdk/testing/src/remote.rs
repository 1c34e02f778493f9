//! The stage of a real network.

use std::{any::type_name, collections::BTreeMap, io, time::Duration};

use antiphon::{Actor, ActorRef, Args, Call, Error, ModuleRef, Stage, Ticket};
use antiphon_client::{CallError, Client, ClientError, ClientOptions, SendResult, SpawnOptions};
use protocol::{ComputePolicy, Role, UnitId, Value};
use serde::de::DeserializeOwned;
use tokio::{runtime::Runtime, task::JoinHandle, time::timeout};

use crate::modules::Modules;

/// How long anything may take before a scenario fails: far more than it ever should.
const PATIENCE: Duration = Duration::from_secs(60);

/// How many compute units execute what a scenario spawns, if there are so many.
const COMPUTES: usize = 2;

/// Actors on a real network, in real time.
///
/// The scenario's messages are those of the client's account. Whatever it spawns stays on the network.
///
/// ```no_run
/// use antiphon::{Stage, args};
/// use antiphon_client::{ClientError, ClientOptions};
/// use antiphon_testing::Remote;
/// use counter::Counter;
///
/// fn it_counts(network: ClientOptions) -> Result<(), ClientError> {
///     let mut remote = Remote::connect(network)?.with::<Counter>(example_modules::COUNTER);
///     let counter = remote.spawn::<Counter>(args! { start: 5 });
///     assert_eq!(remote.send(counter.add(3)), Ok(8));
///     Ok(())
/// }
/// ```
#[derive(Debug)]
pub struct Remote {
    runtime: Runtime,
    client: Client,
    modules: Modules,
    /// Who orders and executes all that is spawned, so that one acceptance of a module is enough for
    /// children of whichever process.
    place: Option<(UnitId, ComputePolicy)>,
    posted: BTreeMap<u64, JoinHandle<Result<SendResult, ClientError>>>,
    numbers: u64,
}

impl Remote {
    /// Reaches a network.
    ///
    /// # Errors
    ///
    /// As [`Client::connect`].
    pub fn connect(options: ClientOptions) -> Result<Self, ClientError> {
        let system = |error: io::Error| ClientError::System(error.to_string());
        let runtime = Runtime::new().map_err(system)?;
        let client = runtime.block_on(Client::connect(options))?;
        let (modules, posted) = (Modules::default(), BTreeMap::new());
        Ok(Self { runtime, client, modules, place: None, posted, numbers: 0 })
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

    /// The client that plays, for what a stage does not do.
    pub const fn client(&self) -> &Client {
        &self.client
    }

    /// Who orders and executes what is spawned.
    ///
    /// # Panics
    ///
    /// If nobody does.
    fn place(&mut self) -> (UnitId, ComputePolicy) {
        let directory = self.client.directory();
        let place = self.place.get_or_insert_with(|| {
            let schedulers = directory.units(Role::Scheduler);
            let scheduler = *schedulers.first().expect("the network has a scheduler");
            let mut units = directory.units(Role::Compute);
            let operator = directory.operator(&scheduler);
            // Those of the scheduler's operator first.
            units.sort_by_key(|unit| directory.operator(unit) != operator);
            units.truncate(COMPUTES);
            assert!(!units.is_empty(), "the network has a compute unit");
            (scheduler, ComputePolicy { units, quorum: 1, version: 0, previous: None })
        });
        place.clone()
    }
}

impl Stage for Remote {
    /// # Panics
    ///
    /// If no unit takes the module.
    fn module<A: Actor + 'static>(&mut self) -> ModuleRef {
        let (scheduler, policy) = self.place();
        let module = self.modules.of::<A>();
        let taken = self.runtime.block_on(async {
            let id = self.client.put_module(scheduler, module).await?;
            let unit = *policy.units.first().expect("a place has a compute unit");
            Ok::<_, ClientError>(ModuleRef::new(id, self.client.accept(unit, module).await?))
        });
        taken.unwrap_or_else(|error| panic!("{} is not taken: {error}", type_name::<A>()))
    }

    fn spawn<A: Actor + 'static>(&mut self, args: impl Into<Args>) -> ActorRef<A> {
        let (scheduler, policy) = self.place();
        let args = Value::decode(&args.into().encode()).expect("arguments are canonical");
        let options = SpawnOptions {
            args,
            scheduler: Some(scheduler),
            policy: Some(policy),
            timeout: PATIENCE,
            ..SpawnOptions::new(self.modules.of::<A>().to_vec())
        };
        match self.runtime.block_on(self.client.spawn_actor::<A>(options)) {
            Ok(actor) => A::at(actor.id()),
            Err(error) => panic!("{} is not born: {error}", type_name::<A>()),
        }
    }

    fn post<R>(&mut self, call: Call<R>) -> Ticket<R> {
        self.numbers += 1;
        let (client, target) = (self.client.clone(), call.target());
        let (method, args) = (call.method(), Value::decode(&call.args()));
        let args = args.expect("arguments are canonical");
        let sending = async move { client.call(target, method, &args, PATIENCE).await };
        self.posted.insert(self.numbers, self.runtime.spawn(sending));
        Ticket::new(self.numbers)
    }

    /// # Panics
    ///
    /// If the network does not answer.
    fn wait<R: DeserializeOwned>(&mut self, ticket: Ticket<R>) -> Result<R, Error> {
        let sent = self.posted.remove(&ticket.number()).expect("a ticket is of its own stage");
        let sent = self.runtime.block_on(sent).expect("sending does not panic");
        told(sent.map_err(CallError::from).and_then(SendResult::typed))
    }

    /// # Panics
    ///
    /// If the network does not answer.
    fn view<R: DeserializeOwned>(&mut self, call: &Call<R>) -> Result<R, Error> {
        let (client, process) = (self.client.clone(), call.target());
        let view = client.typed(call.clone()).deadline(PATIENCE);
        told(self.runtime.block_on(async move {
            // Not older than the log is now: what a process that was asked has done shows.
            let head = client.head(process).await?;
            view.view_at(Some(head.slot)).await
        }))
    }

    fn until<R: DeserializeOwned>(&mut self, call: &Call<R>, holds: impl Fn(&R) -> bool) -> R {
        let (client, process) = (self.client.clone(), call.target());
        let shown = async {
            // Followed from here on, so that nothing comes between a view and the next outcome.
            let head = client.head(process).await?;
            let mut outcomes = client.subscribe(process, head.slot).await?;
            loop {
                let slot = outcomes.next().await.outcome.slot;
                let reply = client.typed(call.clone()).view_at(Some(slot)).await?;
                if holds(&reply) {
                    return Ok::<R, CallError>(reply);
                }
            }
        };
        let shown = self.runtime.block_on(async { timeout(PATIENCE, shown).await });
        match shown {
            Ok(Ok(reply)) => reply,
            Ok(Err(error)) => panic!("`{}`: {error}", call.method()),
            Err(_) => panic!("`{}` never shows what it shall", call.method()),
        }
    }

    fn pass(&mut self, span: Duration) {
        self.runtime.block_on(async { tokio::time::sleep(span).await });
    }
}

/// What a scenario is told; it does not go on without an answer.
fn told<R>(result: Result<R, CallError>) -> Result<R, Error> {
    match result {
        Ok(reply) => Ok(reply),
        Err(CallError::Actor(error)) => Err(error),
        Err(CallError::Failed { failure, .. }) => Err(Error::new(failure.code, failure.detail)),
        Err(CallError::Client(ClientError::Refused { refusal, .. })) => {
            Err(Error::new(refusal.code.word(), refusal.detail))
        }
        Err(error) => panic!("the network does not answer: {error}"),
    }
}
