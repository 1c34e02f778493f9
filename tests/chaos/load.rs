//! What processes do meanwhile: accounts move money, tokens go round, alarms ring, listeners wait,
//! families grow.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use antiphon_client::{Client, ClientError, SendResult, SpawnOptions};
use futures::{StreamExt, stream};
use protocol::{ComputePolicy, ItemBody, ProcessId, Role, Slot, Timestamp, Value};
use tokio::{task::JoinSet, time::Instant};

use crate::{
    audit::{Account, Audit, Doubt, check_rings},
    schedule::Random,
};

/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(300);

const ACCOUNTS: usize = 100;
const MONEY: i128 = 1_000;
/// Transfers under way at once.
const MOVERS: u64 = 6;
/// Nodes of the rings beside their heads.
const SMALL_RING: i128 = 19;
const LARGE_RING: i128 = 999;
/// Milliseconds between two rings of an alarm.
const PERIOD: u64 = 250;
/// Processes that are replayed in the end.
const SAMPLE: usize = 20;

/// The processes, and the tasks that send to them.
pub(crate) struct Load {
    client: Client,
    accounts: Vec<ProcessId>,
    small_ring: ProcessId,
    large_ring: ProcessId,
    /// Whether each makes up for what it has missed, and when it is due first.
    alarms: Vec<(ProcessId, bool, Timestamp)>,
    listeners: Vec<ProcessId>,
    supervisor: ProcessId,
    stop: Arc<AtomicBool>,
    tally: Arc<Tally>,
    tasks: JoinSet<()>,
}

/// How often what has happened.
#[derive(Debug, Default)]
struct Tally {
    moved: AtomicU64,
    /// Transfers that the actor answered with an error.
    failed: AtomicU64,
    tokens: AtomicU64,
    heard: AtomicU64,
    missed: AtomicU64,
    jobs: AtomicU64,
    failed_jobs: AtomicU64,
}

impl Load {
    /// Spawns everybody and sets all in motion.
    pub(crate) async fn begin(client: Client, seed: u64) -> Self {
        until_all_are_known(&client).await;
        let spawning = (0..ACCOUNTS).map(|number| {
            spawn(&client, number, example_modules::BANK, [("balance", Value::Integer(MONEY))])
        });
        let accounts = stream::iter(spawning).buffered(8).collect().await;
        let mut alarms = Vec::new();
        for catch_up in [true, true, false, false] {
            let alarm = spawn(&client, alarms.len(), example_modules::ALARM, []).await;
            let period = Value::Integer(PERIOD.into());
            let every = [("period", period), ("catch_up", Value::Bool(catch_up))];
            let set = call(&client, alarm, "every", every).await;
            let due = |body: &ItemBody| match body {
                ItemBody::Timer { due, .. } => Some(*due),
                _ => None,
            };
            let due = set.outcome.outbox.iter().find_map(|item| due(&item.body)).unwrap();
            alarms.push((alarm, catch_up, due));
        }
        let mut others = Vec::new();
        for module in [
            example_modules::TOKENRING,
            example_modules::TOKENRING,
            example_modules::SUPERVISOR,
            example_modules::ALARM,
            example_modules::ALARM,
        ] {
            others.push(spawn(&client, others.len(), module, []).await);
        }
        let listeners = others.split_off(3);
        let [small_ring, large_ring, supervisor] = others[..] else { panic!("three others") };
        let built = call(&client, small_ring, "build", [("nodes", Value::Integer(SMALL_RING))]);
        assert_eq!(built.await.reply().unwrap(), Value::Integer(SMALL_RING + 1));
        let mut load = Self {
            client,
            accounts,
            small_ring,
            large_ring,
            alarms,
            listeners,
            supervisor,
            stop: Arc::default(),
            tally: Arc::default(),
            tasks: JoinSet::new(),
        };
        load.set_in_motion(seed).await;
        load
    }

    async fn set_in_motion(&mut self, seed: u64) {
        let module = module_ref(&self.client, self.supervisor, example_modules::WORKER).await;
        for mover in 0..MOVERS {
            let random = Random::new(seed ^ (mover + 1));
            self.tasks.spawn(move_money(self.hand(), self.accounts.clone(), random));
        }
        for (number, listener) in self.listeners.iter().enumerate() {
            let random = Random::new(seed ^ (0x100 + number as u64));
            let (alarm, ..) = self.alarms[number];
            self.tasks.spawn(listen(self.hand(), (*listener, alarm), random));
        }
        self.tasks.spawn(pass_tokens(self.hand(), self.small_ring));
        self.tasks.spawn(build(self.hand(), self.large_ring));
        self.tasks.spawn(grow(self.hand(), self.supervisor, module));
    }

    fn hand(&self) -> Hand {
        let (client, stop, tally) = (self.client.clone(), self.stop.clone(), self.tally.clone());
        Hand { client, stop, tally }
    }

    /// Stops everything and waits until whatever was begun is done.
    pub(crate) async fn end(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        while let Some(ended) = self.tasks.join_next().await {
            ended.expect("a task does not panic");
        }
        for (alarm, catch_up, first) in &self.alarms {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis();
            let due = (now - u128::from(first.get())) / u128::from(PERIOD) + 1;
            let least = if *catch_up { i128::try_from(due).unwrap() } else { 1 };
            let rung = |seen: &Value| matches!(seen, Value::Integer(rings) if *rings >= least);
            until_view(&self.client, *alarm, "rings", rung).await;
            call(&self.client, *alarm, "cancel", []).await;
        }
    }

    /// Who talks to the cluster.
    pub(crate) const fn client(&self) -> &Client {
        &self.client
    }

    /// What has been done.
    pub(crate) fn summary(&self) -> String {
        format!("{:?}", self.tally)
    }

    /// Some of all kinds, to be replayed.
    pub(crate) fn sample(&self, audit: &Audit) -> Vec<ProcessId> {
        let alarms = self.alarms.iter().map(|(alarm, ..)| *alarm);
        let few = [self.small_ring, self.large_ring, self.supervisor].into_iter();
        let few = few.chain(alarms).chain(self.listeners.iter().copied());
        let children = audit.children().step_by(40).take(SAMPLE / 2);
        few.chain(children).chain(self.accounts.iter().copied()).take(SAMPLE).collect()
    }

    /// Compares what actors say with what they must.
    pub(crate) async fn check(&self, audit: &Audit) {
        let mut accounts = Vec::new();
        for account in &self.accounts {
            accounts.push(self.account(*account).await);
        }
        assert_eq!(audit.money(&accounts), MONEY * ACCOUNTS as i128, "no coin is lost or made");
        for (alarm, catch_up, _) in &self.alarms {
            check_rings(&audit.rings(*alarm), self.number(*alarm, "rings").await, *catch_up);
        }
        let tokens = self.tally.tokens.load(Ordering::Relaxed);
        let all = |tokens: u64| {
            Value::Array((0..tokens).map(|token| Value::Integer(token.into())).collect())
        };
        assert_eq!(self.view(self.small_ring, "arrived").await, all(tokens));
        assert_eq!(self.view(self.large_ring, "arrived").await, all(3));
        let done = self.number(self.supervisor, "done").await;
        assert_eq!(done, i128::from(self.tally.jobs.load(Ordering::Relaxed)));
    }

    async fn account(&self, process: ProcessId) -> Account {
        assert_eq!(self.number(process, "under_way").await, 0, "{process}");
        let balance = self.number(process, "balance").await;
        let Value::Array(doubts) = self.view(process, "doubts").await else { panic!("a list") };
        let doubt = |doubt: &Value| {
            let Value::Text(to) = field(doubt, "to") else { panic!("no process: {doubt:?}") };
            let slot = Slot::new(u64::try_from(integer(field(doubt, "slot"))).unwrap());
            Doubt { slot, to: to.parse().unwrap(), amount: integer(field(doubt, "amount")) }
        };
        Account { process, balance, doubts: doubts.iter().map(doubt).collect() }
    }

    async fn view(&self, process: ProcessId, view: &str) -> Value {
        self.client.view(process, view, &map([]), None).await.unwrap().reply
    }

    async fn number(&self, process: ProcessId, view: &str) -> i128 {
        integer(&self.view(process, view).await)
    }
}

/// What a task needs.
struct Hand {
    client: Client,
    stop: Arc<AtomicBool>,
    tally: Arc<Tally>,
}

impl Hand {
    fn goes_on(&self) -> bool {
        !self.stop.load(Ordering::Relaxed)
    }
}

async fn move_money(hand: Hand, accounts: Vec<ProcessId>, mut random: Random) {
    let mut pick = |bound: usize| usize::try_from(random.below(bound as u64)).unwrap();
    while hand.goes_on() {
        let from = pick(ACCOUNTS);
        let to = (from + 1 + pick(ACCOUNTS - 1)) % ACCOUNTS;
        let to = Value::Text(accounts[to].to_string());
        let amount = Value::Integer(1 + pick(20) as i128);
        let sent = call(&hand.client, accounts[from], "transfer", [("to", to), ("amount", amount)]);
        let came = sent.await;
        let counted = if came.reply().is_ok() { &hand.tally.moved } else { &hand.tally.failed };
        counted.fetch_add(1, Ordering::Relaxed);
    }
}

async fn listen(hand: Hand, (listener, alarm): (ProcessId, ProcessId), mut random: Random) {
    while hand.goes_on() {
        let patience = Value::Integer((20 + random.below(800)).into());
        let to = Value::Text(alarm.to_string());
        let heard = call(&hand.client, listener, "listen", [("to", to), ("patience", patience)]);
        let heard = heard.await;
        let counted = if heard.reply().is_ok() { &hand.tally.heard } else { &hand.tally.missed };
        counted.fetch_add(1, Ordering::Relaxed);
    }
}

/// Sends tokens round the small ring twice, some at a time.
async fn pass_tokens(hand: Hand, ring: ProcessId) {
    while hand.goes_on() {
        let first = hand.tally.tokens.load(Ordering::Relaxed);
        start(&hand.client, ring, first, 5, 2 * (SMALL_RING + 1)).await;
        hand.tally.tokens.fetch_add(5, Ordering::Relaxed);
        let arrived =
            |seen: &Value| matches!(seen, Value::Array(all) if all.len() as u64 >= first + 5);
        until_view(&hand.client, ring, "arrived", arrived).await;
    }
}

/// Builds the large ring and sends tokens round it.
async fn build(hand: Hand, ring: ProcessId) {
    let built = call(&hand.client, ring, "build", [("nodes", Value::Integer(LARGE_RING))]).await;
    assert_eq!(built.reply().unwrap(), Value::Integer(LARGE_RING + 1), "{built:?}");
    eprintln!("chaos: the large ring is built");
    start(&hand.client, ring, 0, 3, LARGE_RING + 1).await;
    let arrived = |seen: &Value| matches!(seen, Value::Array(all) if all.len() == 3);
    until_view(&hand.client, ring, "arrived", arrived).await;
}

/// Has jobs done by children.
async fn grow(hand: Hand, supervisor: ProcessId, module: Value) {
    while hand.goes_on() {
        let job = [
            ("module", module.clone()),
            ("workers", Value::Integer(3)),
            ("len", Value::Integer(100)),
        ];
        let sum = call(&hand.client, supervisor, "sum", job).await;
        match sum.reply() {
            Ok(sum) => {
                assert_eq!(sum, Value::Integer(299 * 300 / 2));
                hand.tally.jobs.fetch_add(1, Ordering::Relaxed);
            }
            Err(error) => {
                eprintln!("chaos: a job failed: {error}");
                hand.tally.failed_jobs.fetch_add(1, Ordering::Relaxed);
            }
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

async fn start(client: &Client, ring: ProcessId, first: u64, tokens: u64, hops: i128) {
    let args = [
        ("first", Value::Integer(first.into())),
        ("tokens", Value::Integer(tokens.into())),
        ("hops", Value::Integer(hops)),
    ];
    call(client, ring, "start", args).await.reply().unwrap();
}

/// Sends a message and waits for its last answer, whatever is going on.
async fn call<const N: usize>(
    client: &Client,
    process: ProcessId,
    method: &str,
    args: [(&str, Value); N],
) -> SendResult {
    let called = client.call(process, method, &map(args), PATIENCE).await;
    called.unwrap_or_else(|error| panic!("{method} of {process}: {error}"))
}

/// Spawns a process on one of the schedulers, to be executed by any of the compute units.
async fn spawn<const N: usize>(
    client: &Client,
    number: usize,
    module: &[u8],
    args: [(&str, Value); N],
) -> ProcessId {
    let schedulers = client.directory().units(Role::Scheduler);
    let units = client.directory().units(Role::Compute);
    let options = SpawnOptions {
        args: map(args),
        scheduler: Some(schedulers[number % schedulers.len()]),
        policy: Some(ComputePolicy { units, quorum: 1, version: 0, previous: None }),
        timeout: PATIENCE,
        ..SpawnOptions::new(module.to_vec())
    };
    let spawned = client.spawn(options).await.unwrap();
    spawned.birth.reply().unwrap();
    spawned.process
}

/// Stores a module where a process's children are ordered, and names it as actors do.
async fn module_ref(client: &Client, process: ProcessId, wasm: &[u8]) -> Value {
    let described = client.describe(process).await.unwrap();
    let module = client.put_module(described.source.scheduler(), wasm).await.unwrap();
    let unit = client.directory().units(Role::Compute)[0];
    let acceptance = client.accept(unit, wasm).await.unwrap();
    map([
        ("module", Value::Text(module.to_string())),
        ("unit", Value::Text(acceptance.unit.to_string())),
        ("signature", Value::Bytes(acceptance.signature.as_bytes().to_vec())),
    ])
}

async fn until_all_are_known(client: &Client) {
    let deadline = Instant::now() + PATIENCE;
    let known = || {
        [Role::Scheduler, Role::Messenger, Role::Compute]
            .map(|role| client.directory().units(role).len())
    };
    while known() != [2, 2, 3] {
        assert!(Instant::now() < deadline, "{:?} units are known", known());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Waits until a view without arguments answers as wanted.
async fn until_view(
    client: &Client,
    process: ProcessId,
    view: &str,
    wanted: impl Fn(&Value) -> bool,
) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let seen: Result<_, ClientError> = client.view(process, view, &map([]), None).await;
        if seen.as_ref().is_ok_and(|seen| wanted(&seen.reply)) {
            return;
        }
        assert!(Instant::now() < deadline, "{view} of {process} is {seen:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Named values.
fn map<const N: usize>(values: [(&str, Value); N]) -> Value {
    Value::Map(values.map(|(name, value)| (Value::Text(name.to_owned()), value)).to_vec())
}

fn field<'a>(value: &'a Value, name: &str) -> &'a Value {
    let Value::Map(fields) = value else { panic!("no map: {value:?}") };
    let found = fields.iter().find(|(key, _)| *key == Value::Text(name.to_owned()));
    &found.unwrap_or_else(|| panic!("no {name}: {value:?}")).1
}

fn integer(value: &Value) -> i128 {
    let Value::Integer(integer) = value else { panic!("no integer: {value:?}") };
    *integer
}
