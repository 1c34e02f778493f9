//! Who can reach whom, and how badly.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};

use bytes::Bytes;
use protocol::UnitId;
use simulated_tokio::sync::{mpsc, oneshot};

use crate::{Connection, Error, FrameReceiver, FrameSender, link::Link};

/// What goes wrong on the network.
#[derive(Debug, Clone, Copy, Default)]
pub struct Weather {
    /// The longest time on the way, in milliseconds.
    pub delay: u64,
    /// Of 10,000 messages, how many break their connection while they are on the way.
    pub breaks: u64,
    /// Of 100 requests, how many come twice.
    pub doubled: u64,
}

/// What reaches a unit.
#[derive(Debug)]
pub(crate) enum Exchange {
    Request { link: Arc<Link>, body: Bytes, answer: oneshot::Sender<Bytes> },
    Stream { link: Arc<Link>, opening: Bytes, sender: FrameSender, receiver: FrameReceiver },
}

#[derive(Debug)]
struct State {
    numbers: u64,
    weather: Weather,
    listening: BTreeMap<UnitId, mpsc::Sender<Exchange>>,
    cut: BTreeSet<(UnitId, UnitId)>,
    links: Vec<Weak<Link>>,
}

/// A network. Clones are of one and the same.
#[derive(Debug, Clone)]
pub struct Network(Arc<Mutex<State>>);

/// Exchanges that may wait to be taken by a unit.
const WAITING_MAX: usize = 1_024;

impl Network {
    /// A network without units, whose chance follows from a seed.
    pub fn new(seed: u64) -> Self {
        Self(Arc::new(Mutex::new(State {
            numbers: seed,
            weather: Weather::default(),
            listening: BTreeMap::new(),
            cut: BTreeSet::new(),
            links: Vec::new(),
        })))
    }

    /// Changes the weather.
    pub fn set_weather(&self, weather: Weather) {
        self.lock().weather = weather;
    }

    /// The end of a unit's connections.
    pub fn endpoint(&self, unit: UnitId) -> Endpoint {
        Endpoint { network: self.clone(), unit }
    }

    /// Lets two units reach each other no more.
    pub fn cut(&self, one: UnitId, other: UnitId) {
        self.lock().cut.insert(pair(one, other));
        self.break_links(|link| link.is_between(one, other));
    }

    /// Lets all units reach each other again.
    pub fn heal(&self) {
        self.lock().cut.clear();
    }

    /// A unit is gone: nobody is told, but finds out.
    pub fn crash(&self, unit: UnitId) {
        self.lock().listening.remove(&unit);
        self.break_links(|link| link.is_of(unit));
    }

    fn break_links(&self, which: impl Fn(&Link) -> bool) {
        let links: Vec<Arc<Link>> = {
            let mut state = self.lock();
            state.links.retain(|link| link.strong_count() > 0);
            state.links.iter().filter_map(Weak::upgrade).filter(|link| which(link)).collect()
        };
        links.iter().for_each(|link| self.break_link(link));
    }

    /// Breaks a connection: each end finds out at a time of its own.
    pub(crate) fn break_link(&self, link: &Arc<Link>) {
        let patience = |number: u64| Duration::from_millis(number % 3_000);
        link.break_off([patience(self.number()), patience(self.number())]);
    }

    pub(crate) fn number(&self) -> u64 {
        let mut state = self.lock();
        // SplitMix64 (Steele, Lea and Flood 2014).
        state.numbers = state.numbers.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = state.numbers;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn weather(&self) -> Weather {
        self.lock().weather
    }

    /// How long something takes from one unit to another, in which time the connection may break.
    pub(crate) fn way(&self, link: &Arc<Link>) -> Duration {
        let weather = self.weather();
        if weather.breaks > self.number() % 10_000 {
            self.break_link(link);
        }
        // Mostly short, so that things overtake each other.
        let longest =
            if self.number().is_multiple_of(4) { weather.delay } else { weather.delay / 8 };
        Duration::from_micros(200 + self.number() % (1_000 * longest + 1))
    }

    pub(crate) fn listen(&self, unit: UnitId) -> mpsc::Receiver<Exchange> {
        let (sender, receiver) = mpsc::channel(WAITING_MAX);
        self.lock().listening.insert(unit, sender);
        receiver
    }

    pub(crate) fn listener(&self, unit: UnitId) -> Option<mpsc::Sender<Exchange>> {
        self.lock().listening.get(&unit).filter(|sender| !sender.is_closed()).cloned()
    }

    /// Connects two units, if they can reach each other.
    pub(crate) fn connect(&self, from: UnitId, to: UnitId) -> Result<Connection, Error> {
        let reached = self.listener(to).is_some() && !self.lock().cut.contains(&pair(from, to));
        if !reached {
            return Err(Error::Unreachable { unit: to, address: NOWHERE });
        }
        let link = Arc::new(Link::new(from, to));
        self.lock().links.push(Arc::downgrade(&link));
        Ok(Connection::new(self.clone(), link))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where everybody is.
const NOWHERE: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 1);

fn pair(one: UnitId, other: UnitId) -> (UnitId, UnitId) {
    (one.min(other), one.max(other))
}

/// A unit's end of all its connections.
#[derive(Debug, Clone)]
pub struct Endpoint {
    pub(crate) network: Network,
    unit: UnitId,
}

impl Endpoint {
    /// The unit this endpoint is.
    pub const fn unit(&self) -> UnitId {
        self.unit
    }

    /// Closes every connection.
    pub async fn close(&self) {
        self.network.crash(self.unit);
        simulated_tokio::task::yield_now().await;
    }
}
