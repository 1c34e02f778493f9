//! Everything there is, and everything that goes wrong.

use std::{
    cell::RefCell,
    collections::BTreeMap,
    rc::Rc,
    sync::{Arc, Mutex},
    time::Duration,
};

use protocol::{
    Acceptance, ComputePolicy, Control, ControlAction, Entry, Kind, Limits, Message, ModuleId,
    Principal, ProcessId, Profile, Role, SecretKey, Signed, Spawn, Timestamp, V1,
    api::{OutboxPage, Request, Stored},
};
use simulated_tokio::{
    self as tokio,
    simulation::{self, Machine},
    sync::mpsc,
};
use simulated_transport::{Network, Weather};

use crate::{
    actor::{WASM, script},
    checks::{self, Logs},
    client::{Client, Told},
    numbers::Numbers,
    script::Author,
    trace::note,
    units::{Cluster, Host, NETWORK, key},
};

/// How long everything goes wrong.
const CHAOS: Duration = Duration::from_secs(8);

/// When it is looked whether everything has ended well, after that; the last time it must have.
const LOOKS: [u64; 5] = [5, 15, 40, 90, 200];

const CLIENTS: u8 = 2;

/// How a run differs from others.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan {
    pub(crate) schedulers: u8,
    pub(crate) messengers: u8,
    pub(crate) quorum: u8,
    pub(crate) trusting: bool,
    pub(crate) weather: Weather,
    /// Milliseconds between two troubles; none if absent.
    pub(crate) peace: Option<u64>,
    /// Of 100 messages, how many are orders that move a process to another scheduler.
    pub(crate) moves: u64,
    /// Whether schedulers' disks say of everything that it is durable before it is.
    pub(crate) lying: bool,
    pub(crate) processes: usize,
    pub(crate) messages: usize,
}

impl Plan {
    /// The plan of a seed.
    pub(crate) fn of(numbers: &mut Numbers) -> Self {
        let weather = Weather {
            delay: 1 + numbers.below(200),
            breaks: numbers.below(200),
            doubled: numbers.below(20),
        };
        Self {
            schedulers: 1 + u8::try_from(numbers.below(2)).unwrap(),
            messengers: 1 + u8::try_from(numbers.below(2)).unwrap(),
            quorum: 1 + u8::from(numbers.chance(25)),
            trusting: numbers.chance(50),
            weather,
            peace: (!numbers.chance(10)).then(|| 150 + numbers.below(1_500)),
            moves: if numbers.chance(40) { 5 + numbers.below(30) } else { 0 },
            lying: false,
            processes: 2 + usize::try_from(numbers.below(3)).unwrap(),
            messages: 6 + usize::try_from(numbers.below(10)).unwrap(),
        }
    }
}

/// What a run came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Report {
    pub(crate) slots: usize,
    pub(crate) deliveries: usize,
    pub(crate) skips: usize,
    pub(crate) timers: usize,
    pub(crate) answers: usize,
    pub(crate) troubles: usize,
    /// Of the chains of all logs.
    pub(crate) digest: u64,
}

impl Report {
    pub(crate) const fn add(&mut self, other: &Self) {
        self.slots += other.slots;
        self.deliveries += other.deliveries;
        self.skips += other.skips;
        self.timers += other.timers;
        self.answers += other.answers;
        self.troubles += other.troubles;
        self.digest ^= other.digest;
    }
}

/// All there is.
pub(crate) struct World {
    numbers: Numbers,
    plan: Plan,
    cluster: Rc<RefCell<Cluster>>,
    told: Arc<Mutex<Told>>,
    wishes: Vec<mpsc::Sender<Entry>>,
    nonce: u64,
    troubles: usize,
}

impl World {
    pub(crate) fn new(mut numbers: Numbers, plan: Plan) -> Self {
        simulation::begin(numbers.next());
        simulated_redb::reset();
        let network = Network::new(numbers.next());
        let counts = [
            (Role::Scheduler, plan.schedulers),
            (Role::Compute, 2),
            (Role::Messenger, plan.messengers),
        ];
        let mut cluster = Cluster::new(network, counts, plan.trusting);
        cluster.start_all(&mut numbers);
        let told = Arc::<Mutex<Told>>::default();
        let wishes = (0..CLIENTS).map(|number| {
            let (wish, wishes) = mpsc::channel(1_024);
            let client = Client {
                network: NETWORK,
                peers: cluster.stranger(100 + number),
                numbers: numbers.fork(),
                told: Arc::clone(&told),
                wishes,
                open: BTreeMap::new(),
                tag: 0,
            };
            let machine = Machine(u32::from(100 + number));
            simulation::on(machine, || tokio::spawn(client.run()));
            wish
        });
        let wishes = wishes.collect();
        let cluster = Rc::new(RefCell::new(cluster));
        Self { numbers, plan, cluster, told, wishes, nonce: 0, troubles: 0 }
    }

    /// Lets everything happen; tells what does not hold.
    pub(crate) fn run(mut self) -> Result<Report, String> {
        self.put_modules();
        run_for(Duration::from_secs(1));
        let processes = self.spawn_all();
        self.cluster.borrow().network.set_weather(self.plan.weather);
        let end = simulation::now() + CHAOS;
        let pause = CHAOS.as_millis() / (self.plan.messages as u128 + 1);
        let pause = u64::try_from(pause).unwrap();
        let mut author = self.author(processes);
        let mut message = 0;
        while simulation::now() < end {
            let wait = pause.min(self.plan.peace.unwrap_or(u64::MAX));
            run_for(Duration::from_millis(1 + self.numbers.below(wait)));
            if self.plan.lying {
                self.cluster.borrow().hosts.iter().for_each(Host::lie);
            }
            if message < self.plan.messages && self.numbers.chance(60) {
                message += 1;
                if self.numbers.chance(self.plan.moves) {
                    self.order_move(&author);
                } else {
                    self.send(&mut author);
                }
            } else if self.plan.peace.is_some() {
                self.trouble();
            }
        }
        self.calm();
        self.finish()
    }

    fn author(&mut self, processes: Vec<ProcessId>) -> Author {
        let child = self.spawn_body(0, Some(0));
        Author { numbers: self.numbers.fork(), processes, child, token: 0 }
    }

    /// Stores the module at all schedulers.
    fn put_modules(&self) {
        let peers = self.cluster.borrow().stranger(99);
        let schedulers = self.cluster.borrow().units(Role::Scheduler);
        tokio::spawn(async move {
            for scheduler in schedulers {
                let request = Request::PutModule(WASM.clone());
                while peers.ask::<Stored>(scheduler, &request).await.is_err() {}
            }
        });
    }

    fn spawn_body(&mut self, scheduler: usize, children: Option<u32>) -> Spawn {
        let cluster = self.cluster.borrow();
        let schedulers = cluster.units(Role::Scheduler);
        let (module, profile) = (ModuleId::of(&WASM), Profile::current().id());
        let policy = ComputePolicy {
            units: cluster.units(Role::Compute),
            quorum: self.plan.quorum.into(),
            version: 0,
            previous: None,
        };
        self.nonce += 1;
        Spawn {
            version: V1,
            kind: Kind,
            network: NETWORK,
            sender: account(),
            module,
            acceptance: Acceptance::sign(&cluster.compute_key(), NETWORK, &module, &profile),
            args: vec![0xa0],
            name: String::new(),
            tags: Vec::new(),
            nonce: self.nonce,
            expiry: Timestamp::new(simulation::wall_clock() + 240_000),
            scheduler: schedulers[scheduler % schedulers.len()],
            policy,
            profile,
            controller: account(),
            limits: Limits { memory_pages: 16, children, ..Limits::DEFAULT },
        }
    }

    fn spawn_all(&mut self) -> Vec<ProcessId> {
        let mut processes = Vec::new();
        for number in 0..self.plan.processes {
            let body = self.spawn_body(number, Some(5));
            let entry = Entry::Spawn(Signed::sign(body, &client_key()));
            processes.push(entry.target());
            self.wish(entry);
        }
        run_for(Duration::from_secs(2));
        processes
    }

    fn wish(&mut self, entry: Entry) {
        let wish = self.numbers.pick(&self.wishes);
        wish.try_send(entry).expect("clients are fast enough");
    }

    /// A client wants something from a process.
    fn send(&mut self, author: &mut Author) {
        let target = *self.numbers.pick(&author.processes);
        let now = Timestamp::new(simulation::wall_clock());
        let output = author.output(target, now, 3);
        self.nonce += 1;
        let message = Message {
            version: V1,
            kind: Kind,
            network: NETWORK,
            sender: account(),
            target,
            method: "do".to_owned(),
            args: script(Some(&output)),
            nonce: self.nonce,
            expiry: now.saturating_add(60_000),
            tags: Vec::new(),
            reply_to: None,
            credit: None,
            trace_parent: None,
            evidence: None,
        };
        self.wish(Entry::Message(Signed::sign(message, &client_key())));
    }

    /// The controller gives a process to another scheduler, or to the one that has it.
    fn order_move(&mut self, author: &Author) {
        let target = *self.numbers.pick(&author.processes);
        let schedulers = self.cluster.borrow().units(Role::Scheduler);
        let next = *self.numbers.pick(&schedulers);
        note(&format!("{target} is given to {next}"));
        self.nonce += 1;
        let control = Control {
            version: V1,
            kind: Kind,
            network: NETWORK,
            sender: account(),
            target,
            nonce: self.nonce,
            expiry: Timestamp::new(simulation::wall_clock() + 60_000),
            action: ControlAction::Move(next),
        };
        self.wish(Entry::Control(Signed::sign(control, &client_key())));
    }

    /// Something goes wrong.
    fn trouble(&mut self) {
        self.troubles += 1;
        let mut cluster = self.cluster.borrow_mut();
        let at = usize::try_from(self.numbers.below(cluster.hosts.len() as u64)).unwrap();
        let (role, unit) = (cluster.hosts[at].role, cluster.hosts[at].unit());
        let after = Duration::from_millis(1 + self.numbers.below(2_500));
        let later = Rc::clone(&self.cluster);
        match self.numbers.below(10) {
            0..4 => {
                note(&format!("{role} {at} crashes"));
                let network = cluster.network.clone();
                cluster.hosts[at].crash(&network, self.numbers.next());
                if self.numbers.chance(30) {
                    cluster.hosts[at].forget();
                }
                let mut numbers = self.numbers.fork();
                self.soon(after, move || {
                    note(&format!("{role} {at} starts"));
                    later.borrow_mut().start(at, numbers.fork());
                });
            }
            4..7 => {
                let other = self.numbers.below(cluster.hosts.len() as u64);
                let other = cluster.hosts[usize::try_from(other).unwrap()].unit();
                note(&format!("the link of {role} {at} with {other} is cut"));
                cluster.network.cut(unit, other);
                self.soon(after, move || later.borrow().network.heal());
            }
            _ => {
                note(&format!("the disk of {role} {at} refuses"));
                let (left, failures) = (self.numbers.below(40), 1 + self.numbers.below(400));
                cluster.hosts[at].refuse(left, failures);
                self.soon(after, move || later.borrow().hosts[at].heal());
            }
        }
    }

    /// Does something after a while.
    fn soon(&self, after: Duration, act: impl FnOnce() + 'static) {
        simulation::later(after, act);
    }

    /// Nothing goes wrong any more.
    fn calm(&mut self) {
        note("calm");
        let mut cluster = self.cluster.borrow_mut();
        cluster.network.heal();
        cluster.network.set_weather(Weather { delay: 3, ..Weather::default() });
        cluster.hosts.iter().for_each(|host| host.heal());
        cluster.start_all(&mut self.numbers);
    }

    /// Waits until everything has ended well.
    fn finish(&mut self) -> Result<Report, String> {
        let mut last = String::new();
        let began = simulation::now();
        for look in LOOKS {
            let until = began + Duration::from_secs(look);
            simulation::run_until(until);
            self.cluster.borrow_mut().start_all(&mut self.numbers);
            // Before the logs, which go on while they are read.
            let told = self.told.lock().unwrap().clone();
            let logs = self.read_logs()?;
            match checks::check(&logs, &told, self.plan) {
                Ok(report) => return Ok(Report { troubles: self.troubles, ..report }),
                Err(checks::Wrong::Never(wrong)) => return Err(wrong),
                Err(checks::Wrong::NotYet(wrong)) => last = wrong,
            }
        }
        self.look_into_messengers();
        Err(format!("it does not come to an end: {last}"))
    }

    /// Takes note of what waits in messengers.
    fn look_into_messengers(&self) {
        let peers = self.cluster.borrow().stranger(97);
        let messengers = self.cluster.borrow().units(Role::Messenger);
        tokio::spawn(async move {
            for messenger in messengers {
                let request = Request::Outbox { source: None, limit: 100 };
                let waits = peers.ask::<OutboxPage>(messenger, &request).await;
                note(&format!("in {messenger} waits {waits:?}"));
            }
        });
        run_for(Duration::from_secs(2));
    }

    fn read_logs(&self) -> Result<Logs, String> {
        let (peers, units) = {
            let cluster = self.cluster.borrow();
            (cluster.stranger(98), (cluster.units(Role::Scheduler), cluster.units(Role::Compute)))
        };
        let read = Arc::new(Mutex::new(None));
        let reading = Arc::clone(&read);
        tokio::spawn(async move {
            let logs = checks::read(&peers, units).await;
            *reading.lock().unwrap() = Some(logs);
        });
        run_for(Duration::from_secs(2));
        let read = read.lock().unwrap().take();
        read.unwrap_or_else(|| Err("logs cannot be read in two seconds".to_owned()))
    }
}

fn run_for(time: Duration) {
    simulation::run_until(simulation::now() + time);
}

fn client_key() -> SecretKey {
    key(3)
}

fn account() -> Principal {
    Principal::Account(client_key().public().account())
}
