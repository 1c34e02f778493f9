//! The client itself: its key, its directory of units, and what it knows of processes.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use protocol::{
    Acceptance, ModuleId, NetworkId, Principal, ProcessId, ProfileId, RefusalCode, Role, SecretKey,
    Signed, Slot, UnitId, UnitRecord,
    api::{Records, Request},
    schema::Schema,
};
use tokio::{task::JoinSet, time::timeout};
use transport::{Directory, Endpoint, Limits, Peers, UnitAddress};

use crate::{
    ClientError, Described, check::Checker, doubts::Doubts, locations::Locations, shell,
    submitter::Submitter,
};

/// How long one bootstrap unit may take to be reached and to name the units it knows.
const BOOTSTRAP_TIMEOUT: Duration = Duration::from_secs(5);

/// How long a unit may take to be connected.
pub(crate) const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// How often the units known are asked for news of each other.
const REFRESH: Duration = Duration::from_secs(20);

/// How many things of each kind are remembered.
const REMEMBERED_MAX: usize = 65_536;

/// How a client finds its network.
#[derive(Debug, Clone)]
pub struct ClientOptions {
    /// The network; nothing signed for another one is believed.
    pub network: NetworkId,
    /// The account's key; without one the client only reads.
    pub key: Option<SecretKey>,
    /// Which units to start from.
    pub units: Units,
}

/// Which units a client starts from.
#[derive(Debug, Clone)]
pub enum Units {
    /// All those in a directory that somebody else keeps up to date.
    Directory(Directory),
    /// These, and whom they name. One that answers is enough.
    Bootstrap(Vec<UnitAddress>),
}

/// A connection to a network. Cheap to clone; the last clone closes it.
#[derive(Debug, Clone)]
pub struct Client {
    pub(crate) inner: Arc<Inner>,
}

#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) network: NetworkId,
    pub(crate) key: Option<SecretKey>,
    pub(crate) directory: Directory,
    pub(crate) peers: Peers,
    pub(crate) checker: Arc<Checker>,
    pub(crate) locations: Arc<Locations>,
    pub(crate) submitter: Submitter,
    pub(crate) doubts: Doubts,
    nonce: AtomicU64,
    known: Mutex<Known>,
    _refresh: JoinSet<()>,
}

/// What was checked once and cannot change.
#[derive(Debug, Default)]
pub(crate) struct Known {
    pub(crate) schemas: HashMap<ModuleId, Option<Arc<Schema>>>,
    pub(crate) stored: HashMap<(UnitId, ModuleId), ()>,
    pub(crate) accepted: HashMap<(UnitId, ModuleId, ProfileId), Acceptance>,
    /// The last slot of a process that this client has seen to be assigned and executed.
    pub(crate) executed: HashMap<ProcessId, Slot>,
}

impl Client {
    /// Reaches the network. Must be called within a Tokio runtime.
    ///
    /// # Errors
    ///
    /// [`ClientError::Unreachable`] if no bootstrap unit answers, [`ClientError::System`] if no
    /// socket can be opened.
    pub async fn connect(options: ClientOptions) -> Result<Self, ClientError> {
        let ClientOptions { network, key, units } = options;
        let endpoint = Endpoint::client(&shell::connection_key()?, network, Limits::default())
            .map_err(|error| ClientError::System(error.to_string()))?;
        let (directory, own) = match units {
            Units::Directory(directory) => (directory, false),
            Units::Bootstrap(units) => (bootstrap(&endpoint, network, units).await?, true),
        };
        let peers = Peers::new(endpoint, directory.clone());
        let checker = Arc::new(Checker::new(network));
        let locations = Locations::new(network, directory.clone(), peers.clone());
        let locations = Arc::new(locations);
        let submitter = Submitter::start(
            peers.clone(),
            Arc::clone(&locations),
            Arc::clone(&checker),
            shell::number()?,
        );
        let mut tasks = JoinSet::new();
        if own {
            tasks.spawn(refresh(peers.clone(), directory.clone()));
        }
        let inner = Inner {
            network,
            key,
            directory,
            peers,
            checker,
            locations,
            submitter,
            doubts: Doubts::default(),
            nonce: AtomicU64::new(shell::number()?),
            known: Mutex::default(),
            _refresh: tasks,
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// The network this client talks to.
    pub fn network(&self) -> NetworkId {
        self.inner.network
    }

    /// The units this client knows.
    pub fn directory(&self) -> &Directory {
        &self.inner.directory
    }

    /// Who this client acts for.
    pub fn principal(&self) -> Principal {
        self.inner
            .key
            .as_ref()
            .map_or(Principal::Anonymous, |key| Principal::Account(key.public().account()))
    }

    /// Tells who orders and executes a process, from its own spawn and what changed that since.
    ///
    /// # Errors
    ///
    /// [`ClientError::Refused`] with `unknown-process` if no scheduler that answers knows it.
    pub async fn describe(&self, process: ProcessId) -> Result<Arc<Described>, ClientError> {
        self.inner.locations.find(process).await
    }

    /// Tells who orders and executes a process now, by asking all schedulers although something is
    /// known.
    ///
    /// # Errors
    ///
    /// As for [`Self::describe`], if nothing was known.
    pub async fn describe_again(&self, process: ProcessId) -> Result<Arc<Described>, ClientError> {
        self.inner.locations.find_again(process).await
    }

    /// Asks all units of a role at once and takes the first answer that `read` accepts.
    pub(crate) async fn first_of<T, U>(
        &self,
        role: Role,
        request: Request,
        read: impl Fn(&T) -> Result<U, ClientError>,
    ) -> Result<U, ClientError>
    where
        T: minicbor::Encode<()> + for<'b> minicbor::Decode<'b, ()> + Send + 'static,
    {
        let mut asked = JoinSet::new();
        let request = Arc::new(request);
        for unit in self.inner.directory.units(role) {
            let (peers, request) = (self.inner.peers.clone(), Arc::clone(&request));
            asked.spawn(async move { ask::<T>(&peers, unit, &request, CONNECT_TIMEOUT).await });
        }
        let mut worst = ClientError::NoUnit { role };
        while let Some(answer) = asked.join_next().await {
            let answer = match answer {
                Ok(answer) => answer.and_then(|answer| read(&answer)),
                Err(error) => Err(ClientError::System(error.to_string())),
            };
            match answer {
                Ok(answer) => return Ok(answer),
                Err(error) => worst = more_telling(worst, error),
            }
        }
        Err(worst)
    }

    /// Asks one unit.
    pub(crate) async fn ask<T>(&self, unit: UnitId, request: &Request) -> Result<T, ClientError>
    where
        T: minicbor::Encode<()> + for<'b> minicbor::Decode<'b, ()>,
    {
        ask(&self.inner.peers, unit, request, CONNECT_TIMEOUT).await
    }

    /// A number that no other message of this client has.
    pub(crate) fn next_nonce(&self) -> u64 {
        self.inner.nonce.fetch_add(1, Ordering::Relaxed)
    }

    pub(crate) fn key(&self) -> Result<&SecretKey, ClientError> {
        self.inner.key.as_ref().ok_or(ClientError::NoKey)
    }
}

/// Remembers something, unless too much is remembered already.
pub(crate) fn remember<K: Eq + Hash, V>(map: &mut HashMap<K, V>, key: K, value: V) {
    if map.len() < REMEMBERED_MAX || map.contains_key(&key) {
        map.insert(key, value);
    }
}

/// Asks one unit; gives up early on one that cannot be connected, for there may be others.
pub(crate) async fn ask<T>(
    peers: &Peers,
    unit: UnitId,
    request: &Request,
    connect: Duration,
) -> Result<T, ClientError>
where
    T: minicbor::Encode<()> + for<'b> minicbor::Decode<'b, ()>,
{
    let connected = peers.peer(unit).connection_within(connect).await;
    connected.map_err(ClientError::unreachable)?;
    Ok(peers.ask(unit, request).await?)
}

impl Inner {
    pub(crate) fn known(&self) -> MutexGuard<'_, Known> {
        // Every step under the lock leaves the maps whole.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A refusal with a reason says more than silence, and "not here" less than any other reason.
pub(crate) fn more_telling(one: ClientError, other: ClientError) -> ClientError {
    let weight = |error: &ClientError| match error {
        ClientError::NoUnit { .. } => 0,
        ClientError::Refused { refusal, .. } => match refusal.code {
            RefusalCode::UnknownRequest => 1,
            RefusalCode::NotHosted => 2,
            RefusalCode::NotFound | RefusalCode::UnknownProcess | RefusalCode::UnknownModule => 4,
            _ => 5,
        },
        ClientError::Unreachable { .. } => 3,
        _ => 6,
    };
    if weight(&other) > weight(&one) { other } else { one }
}

/// Asks the bootstrap units, all at once, whom they know.
async fn bootstrap(
    endpoint: &Endpoint,
    network: NetworkId,
    units: Vec<UnitAddress>,
) -> Result<Directory, ClientError> {
    let directory = Directory::new(network);
    let mut asked = JoinSet::new();
    for unit in units {
        let endpoint = endpoint.clone();
        asked.spawn(async move {
            let known = transport::bootstrap(&endpoint, network, unit);
            match timeout(BOOTSTRAP_TIMEOUT, known).await {
                Ok(known) => known.map_err(|error| error.to_string()),
                Err(_) => Err(format!("no answer from {unit}")),
            }
        });
    }
    let mut failures = Vec::new();
    while let Some(answer) = asked.join_next().await {
        match answer {
            Ok(Ok(known)) => {
                insert(&directory, known.records());
                // Each unit names all it knows; waiting for those that are down helps nobody.
                if complete(&directory) {
                    return Ok(directory);
                }
            }
            Ok(Err(failure)) => failures.push(failure),
            Err(error) => failures.push(error.to_string()),
        }
    }
    if directory.records().is_empty() {
        let detail = match failures.is_empty() {
            true => "there is no unit to start from".to_owned(),
            false => format!("no unit answers ({})", failures.join("; ")),
        };
        return Err(ClientError::Unreachable { detail });
    }
    Ok(directory)
}

/// Whether there is a unit of every role.
fn complete(directory: &Directory) -> bool {
    Role::ALL.iter().all(|role| !directory.units(*role).is_empty())
}

fn insert(directory: &Directory, records: Vec<Signed<UnitRecord>>) {
    for record in records {
        let unit = record.unverified().unit;
        if let Err(error) = directory.insert(record, shell::now()) {
            tracing::debug!(%unit, %error, "a record is not believed");
        }
    }
}

/// Asks one unit after the other for news, so that moved and new units are found.
async fn refresh(peers: Peers, directory: Directory) {
    let mut turn = 0_usize;
    loop {
        tokio::time::sleep(REFRESH).await;
        let records = directory.records();
        let Some(record) = turn.checked_rem(records.len()).and_then(|index| records.get(index))
        else {
            continue;
        };
        let unit = record.unverified().unit;
        match peers.ask::<Records>(unit, &Request::Records).await {
            Ok(records) => insert(&directory, records.records),
            Err(error) => tracing::debug!(%unit, %error, "no news of units"),
        }
        turn = turn.wrapping_add(1);
    }
}
