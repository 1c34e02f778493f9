use std::{collections::BTreeSet, future::Future, net::SocketAddr, time::Duration};

use futures::StreamExt;
use libp2p::{
    PeerId, Swarm, SwarmBuilder, identity,
    kad::{self, store::MemoryStore},
    noise as encryption,
    swarm::{SwarmEvent, dial_opts::DialOpts},
    tcp, yamux,
};
use protocol::{NetworkId, Role, Signed, Timestamp, UnitId, UnitRecord};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinSet,
    time::timeout,
};

use super::{
    Discovery, DiscoveryConfig, DiscoveryError, behaviour, names,
    store::{self, Admission},
};
use crate::{
    Directory, Error, RecordSigner, UnitAddress,
    directory::{testing::signer, wall_clock},
    testing::{NETWORK, key, loopback, noise, unit},
};

async fn in_time<T>(done: impl Future<Output = T>) -> T {
    timeout(Duration::from_secs(60), done).await.expect("it happens within a minute")
}

struct Node {
    unit: UnitId,
    directory: Directory,
    discovery: Discovery,
}

impl Node {
    async fn start(number: u8, role: Role, bootstrap: &[UnitAddress]) -> Self {
        Self::start_knowing(Directory::new(NETWORK), number, role, bootstrap).await
    }

    async fn start_knowing(
        directory: Directory,
        number: u8,
        role: Role,
        bootstrap: &[UnitAddress],
    ) -> Self {
        let config = config(signer(number, role, &[]), bootstrap);
        let discovery = Discovery::start(config, directory.clone()).await.unwrap();
        Self { unit: unit(number), directory, discovery }
    }

    fn address(&self) -> UnitAddress {
        UnitAddress { unit: self.unit, address: self.discovery.address() }
    }

    /// Waits until the directory satisfies a claim.
    async fn until(&self, claim: impl Fn(&Directory) -> bool) {
        let mut changed = self.directory.changed();
        in_time(changed.wait_for(|_| claim(&self.directory))).await.unwrap();
    }

    async fn knows(&self, units: &[UnitId]) {
        let expected: BTreeSet<_> = units.iter().copied().collect();
        self.until(|directory| {
            let records = directory.records();
            records.iter().map(|record| record.unverified().unit).collect::<BTreeSet<_>>()
                == expected
        })
        .await;
    }

    fn sequence(&self, unit: UnitId) -> Option<u64> {
        self.directory.record(&unit).map(|record| record.unverified().sequence)
    }
}

fn config(signer: RecordSigner, bootstrap: &[UnitAddress]) -> DiscoveryConfig {
    DiscoveryConfig { signer, listen: loopback(0), bootstrap: bootstrap.to_vec(), mdns: false }
}

/// A peer that speaks Kademlia and says whatever the test wants.
struct Liar {
    swarm: Swarm<kad::Behaviour<MemoryStore>>,
    peer: PeerId,
}

impl Liar {
    async fn connect(number: u8, to: UnitAddress) -> Self {
        let seed = *key(number).seed();
        let key = identity::Keypair::ed25519_from_bytes(seed).unwrap();
        let own = key.public().to_peer_id();
        let config = kad::Config::new(names::kademlia(NETWORK));
        let kad = kad::Behaviour::with_config(own, MemoryStore::new(own), config);
        let mut swarm = SwarmBuilder::with_existing_identity(key)
            .with_tokio()
            .with_tcp(tcp::Config::default(), encryption::Config::new, yamux::Config::default)
            .unwrap()
            .with_behaviour(|_| kad)
            .unwrap()
            .with_swarm_config(|config| config.with_idle_connection_timeout(Duration::MAX))
            .build();
        let peer = names::peer_id(&to.unit).unwrap();
        let address = names::multiaddr(to.address);
        swarm.behaviour_mut().add_address(&peer, address.clone());
        swarm.dial(DialOpts::peer_id(peer).addresses(vec![address]).build()).unwrap();
        let established =
            |event: &SwarmEvent<_>| matches!(event, SwarmEvent::ConnectionEstablished { .. });
        let mut liar = Self { swarm, peer };
        liar.until(established).await;
        liar
    }

    fn put(&mut self, record: kad::Record) {
        let to = [self.peer].into_iter();
        self.swarm.behaviour_mut().put_record_to(record, to, kad::Quorum::One);
    }

    /// Waits until the peer has answered the last record.
    async fn answered(&mut self) {
        self.until(|event| {
            let SwarmEvent::Behaviour(kad::Event::OutboundQueryProgressed { result, .. }) = event
            else {
                return false;
            };
            matches!(result, kad::QueryResult::PutRecord(Ok(_)))
        })
        .await;
    }

    async fn cut_off(&mut self) {
        self.until(|event| matches!(event, SwarmEvent::ConnectionClosed { .. })).await;
    }

    async fn until(&mut self, wanted: impl Fn(&SwarmEvent<kad::Event>) -> bool) {
        in_time(async { while !wanted(&self.swarm.select_next_some().await) {} }).await;
    }
}

/// A record of a unit, changed and signed again by it.
fn altered(number: u8, alter: impl FnOnce(&mut UnitRecord)) -> kad::Record {
    let mut record = signer(number, Role::Compute, &[]).sign(wall_clock()).unverified().clone();
    alter(&mut record);
    store::record(&Signed::sign(record, &key(number)))
}

#[tokio::test]
async fn a_chain_of_bootstrap_addresses_joins_everybody() {
    let a = Node::start(1, Role::Scheduler, &[]).await;
    let b = Node::start(2, Role::Messenger, &[a.address()]).await;
    let c = Node::start(3, Role::Compute, &[b.address()]).await;
    for node in [&a, &b, &c] {
        node.knows(&[a.unit, b.unit, c.unit]).await;
        assert_eq!(node.directory.units(Role::Compute), [c.unit]);
    }
    // A newcomer is learnt by all, whomever it knows.
    let d = Node::start(4, Role::Compute, &[a.address()]).await;
    for node in [&a, &b, &c, &d] {
        node.knows(&[a.unit, b.unit, c.unit, d.unit]).await;
    }
}

#[tokio::test]
async fn a_record_in_the_directory_is_enough_to_join() {
    let a = Node::start(1, Role::Scheduler, &[]).await;
    let directory = Directory::new(NETWORK);
    let configured = signer(1, Role::Scheduler, &[a.discovery.address()]);
    directory.insert(configured.sign(Timestamp::ZERO), Timestamp::ZERO).unwrap();
    let b = Node::start_knowing(directory, 2, Role::Compute, &[]).await;
    a.knows(&[a.unit, b.unit]).await;
}

#[tokio::test]
async fn a_restarted_unit_is_known_by_its_new_record() {
    let a = Node::start(1, Role::Scheduler, &[]).await;
    let b = Node::start(2, Role::Compute, &[a.address()]).await;
    a.knows(&[a.unit, b.unit]).await;
    let (unit, before) = (b.unit, b.sequence(b.unit));
    b.discovery.shutdown().await;
    let moved: SocketAddr = "127.0.0.1:1".parse().unwrap();
    let again = config(signer(2, Role::Compute, &[moved]), &[a.address()]);
    let _again = Discovery::start(again, Directory::new(NETWORK)).await.unwrap();
    let address = a.directory.address(unit);
    a.until(|_| *address.borrow() == Some(moved)).await;
    assert!(a.sequence(unit) > before);
}

#[tokio::test]
async fn a_first_unit_that_forgot_everything_is_found_by_the_others() {
    let a = Node::start(1, Role::Scheduler, &[]).await;
    let b = Node::start(2, Role::Messenger, &[a.address()]).await;
    let c = Node::start(3, Role::Compute, &[a.address()]).await;
    let all = [a.unit, b.unit, c.unit];
    a.knows(&all).await;
    let address = a.address().address;
    a.discovery.shutdown().await;
    let directory = Directory::new(NETWORK);
    let again = DiscoveryConfig { listen: address, ..config(signer(1, Role::Scheduler, &[]), &[]) };
    let discovery = Discovery::start(again, directory.clone()).await.unwrap();
    Node { unit: unit(1), directory, discovery }.knows(&all).await;
}

#[tokio::test]
async fn more_units_than_one_answer_holds_find_each_other() {
    let first = Node::start(1, Role::Compute, &[]).await;
    let mut nodes = Vec::new();
    for number in 2..=22 {
        nodes.push(Node::start(number, Role::Compute, &[first.address()]).await);
    }
    nodes.push(first);
    let all: Vec<_> = nodes.iter().map(|node| node.unit).collect();
    for node in &nodes {
        node.knows(&all).await;
    }
}

#[tokio::test]
async fn a_unit_whose_clock_was_set_back_replaces_its_older_record() {
    let a = Node::start(1, Role::Scheduler, &[]).await;
    let ahead = wall_clock().saturating_add(600_000);
    let record = signer(2, Role::Compute, &[loopback(1)]).sign(ahead);
    a.directory.insert(record, wall_clock()).unwrap();
    let _b = Node::start(2, Role::Compute, &[a.address()]).await;
    let renewed = |directory: &Directory| {
        let record = directory.record(&unit(2)).unwrap();
        record.unverified().sequence > ahead.get() && record.unverified().addresses.is_empty()
    };
    a.until(renewed).await;
}

#[tokio::test]
async fn whoever_passes_on_a_forged_record_is_cut_off() {
    let a = Node::start(1, Role::Scheduler, &[]).await;
    let (honest, other) = (altered(5, |_| {}), altered(5, |record| record.sequence += 1));
    let mut grafted = honest.clone();
    // The signature is the last field.
    let at = grafted.value.len() - 1;
    grafted.value[at] ^= 1;
    let mut misplaced = other;
    misplaced.key = names::record_key(&unit(6));
    let mut oversize = honest;
    oversize.value = vec![0; store::RECORD_MAX + 1];
    let foreign = altered(5, |record| record.network = NetworkId::from_bytes([8; 32]));
    let promoted = altered(5, |record| record.role = Role::Scheduler);
    for forged in [grafted, misplaced, oversize, foreign, promoted] {
        let mut liar = Liar::connect(9, a.address()).await;
        liar.put(forged);
        liar.cut_off().await;
    }
    a.knows(&[a.unit]).await;
}

#[tokio::test]
async fn stale_and_expired_records_change_nothing() {
    let a = Node::start(1, Role::Scheduler, &[]).await;
    let b = Node::start(2, Role::Compute, &[a.address()]).await;
    a.knows(&[a.unit, b.unit]).await;
    let before = a.directory.record(&b.unit);
    let mut liar = Liar::connect(9, a.address()).await;
    for record in [
        altered(2, |record| record.sequence = 1),
        altered(5, |record| record.expires = Timestamp::new(1)),
        altered(6, |record| record.expires = Timestamp::new(u64::MAX)),
        altered(7, |_| {}),
    ] {
        liar.put(record);
        liar.answered().await;
    }
    // The last record, which holds, shows that all before it were looked at.
    a.knows(&[a.unit, b.unit, unit(7)]).await;
    assert_eq!(a.directory.record(&b.unit), before);
}

#[tokio::test]
async fn a_peer_of_another_network_is_sent_away() {
    let a = Node::start(1, Role::Scheduler, &[]).await;
    let network = NetworkId::from_bytes([8; 32]);
    let operator = key(200);
    let vouch = UnitRecord::vouch(&operator, network, &unit(2), Role::Compute);
    let vouch = (operator.public().operator(), vouch);
    let stranger = RecordSigner::new(key(2), network, Role::Compute, vouch, &[]);
    let directory = Directory::new(network);
    directory.insert(stranger.sign(wall_clock()), wall_clock()).unwrap();
    let mut swarm = behaviour::swarm(&stranger, &directory, false).unwrap();
    let peer = names::peer_id(&a.unit).unwrap();
    let address = names::multiaddr(a.discovery.address());
    swarm.dial(DialOpts::peer_id(peer).addresses(vec![address]).build()).unwrap();
    in_time(async {
        loop {
            if let SwarmEvent::ConnectionClosed { .. } = swarm.select_next_some().await {
                return;
            }
        }
    })
    .await;
    a.knows(&[a.unit]).await;
}

#[tokio::test]
async fn a_flood_of_garbage_does_not_keep_units_apart() {
    let a = Node::start(1, Role::Scheduler, &[]).await;
    let mut flood = JoinSet::new();
    for seed in 0..200 {
        let address = a.discovery.address();
        flood.spawn(async move {
            let Ok(mut stream) = TcpStream::connect(address).await else {
                return;
            };
            // The other side may hang up at any point of it.
            let _ = stream.write_all(&noise(seed, 64 << 10)).await;
            let _ = stream.read_to_end(&mut Vec::new()).await;
        });
    }
    in_time(flood.join_all()).await;
    let b = Node::start(2, Role::Compute, &[a.address()]).await;
    a.knows(&[a.unit, b.unit]).await;
    b.knows(&[a.unit, b.unit]).await;
}

#[tokio::test]
async fn a_taken_port_is_named() {
    let a = Node::start(1, Role::Scheduler, &[]).await;
    let address = a.discovery.address();
    let there =
        || DiscoveryConfig { listen: address, ..config(signer(2, Role::Compute, &[]), &[]) };
    let taken = Discovery::start(there(), Directory::new(NETWORK)).await.unwrap_err();
    assert_eq!(taken, DiscoveryError::Listen(Error::AddressTaken { address }));
    a.discovery.shutdown().await;
    let free = Discovery::start(there(), Directory::new(NETWORK)).await.unwrap();
    assert_eq!(free.address(), address);
}

#[tokio::test]
async fn a_unit_without_its_operators_word_does_not_start() {
    let vouch = UnitRecord::vouch(&key(201), NETWORK, &unit(2), Role::Compute);
    let vouch = (key(200).public().operator(), vouch);
    let signer = RecordSigner::new(key(2), NETWORK, Role::Compute, vouch, &[]);
    let refused = Discovery::start(config(signer, &[]), Directory::new(NETWORK)).await;
    assert!(matches!(refused, Err(DiscoveryError::Record(_))));
}

#[test]
fn arbitrary_bytes_are_never_a_record() {
    let admission = Admission::new(Directory::new(NETWORK), wall_clock);
    for seed in 0..500 {
        let length = usize::try_from(seed).unwrap();
        assert!(admission.admit(&names::record_key(&unit(1)), &noise(seed, length)).is_err());
    }
}
