use std::collections::HashMap;

use proptest::prelude::*;
use protocol::{Entry, Message, ProcessId, Signed, codec};

use super::*;
use crate::{
    clock::{Clock, testing::Clocks},
    fixture::{NETWORK, NOW, client, message_body, process, scheduler, spawn, spawn_body},
    order::{Checked, CheckedBody, Decision, EXPIRY_WINDOW, Order, StoredLog, may_precede},
};

/// Something that happens to a unit or to the clocks of its machine.
#[derive(Debug, Clone)]
enum Step {
    /// A batch arrives; each message is new, with an expiry so far from the unit's time, or was
    /// sent before.
    Batch(Vec<Sent>, Disk),
    Pass(u64),
    SetClock(i64),
    Restart,
}

#[derive(Debug, Clone)]
enum Sent {
    New(u64),
    Again(prop::sample::Index),
}

/// What the disk makes of a batch.
#[derive(Debug, Clone, Copy)]
enum Disk {
    Durable,
    Failed,
}

fn sent() -> impl Strategy<Value = Sent> {
    prop_oneof![
        (0..EXPIRY_WINDOW + 1_000).prop_map(Sent::New),
        any::<prop::sample::Index>().prop_map(Sent::Again),
        any::<prop::sample::Index>().prop_map(Sent::Again),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let fate = prop_oneof![4 => Just(Disk::Durable), 1 => Just(Disk::Failed)];
    prop_oneof![
        4 => (prop::collection::vec(sent(), 1..4), fate).prop_map(|(sent, fate)| {
            Step::Batch(sent, fate)
        }),
        2 => (0..400_000_u64).prop_map(Step::Pass),
        1 => prop_oneof![
            -86_400_000..=86_400_000_i64,
            -600_000..=600_000_i64,
            -2_000..=2_000_i64,
        ].prop_map(Step::SetClock),
        1 => Just(Step::Restart),
    ]
}

/// A unit with what survives it.
struct World {
    clocks: Clocks,
    clock: Clock,
    order: Order,
    sent: Vec<Checked>,
    /// What the log and the index hold.
    durable: HashMap<EntryId, Place>,
    /// The time of the last batch in the log.
    floor: Timestamp,
}

impl World {
    fn new() -> Self {
        let clocks = Clocks::at(NOW);
        let mut order = Order::resume(scheduler().public().unit(), [], [], []);
        let Entry::Spawn(birth) = spawn(1, NOW) else { unreachable!() };
        let body = CheckedBody::Spawn(Box::new(birth.verify(NETWORK).unwrap()));
        let birth = Checked {
            id: spawn(1, NOW).id(),
            entry: vec![0].into(),
            origin: None,
            looked_up: Timestamp::ZERO,
            body,
        };
        assert!(matches!(order.handle(NOW, &birth), Decision::Assigned(_)));
        order.commit(NOW);
        let clock = clocks.start(NOW);
        Self { clocks, clock, order, sent: vec![], durable: HashMap::new(), floor: NOW }
    }

    fn restart(&mut self) {
        self.clock = self.clocks.start(self.floor);
        let head = self.order.log(&target()).unwrap().head;
        let log = StoredLog {
            process: target(),
            number: 0,
            spawn: spawn_body(1, NOW),
            born: NOW,
            changes: vec![],
            head,
        };
        self.order = Order::resume(scheduler().public().unit(), [log], [], []);
    }

    /// The position of a message among those sent.
    fn send(&mut self, sent: &Sent) -> usize {
        match sent {
            Sent::Again(index) if !self.sent.is_empty() => index.index(self.sent.len()),
            Sent::Again(_) => self.send(&Sent::New(1_000)),
            Sent::New(ahead) => {
                let nonce = u64::try_from(self.sent.len()).unwrap();
                let expiry = self.clock.now().saturating_add(*ahead);
                let message = Signed::sign(message_body(target(), nonce, expiry), &client());
                let entry = Entry::Message(message.clone());
                let body = CheckedBody::Message(Box::new(message.verify(NETWORK).unwrap()));
                let (id, entry) = (entry.id(), codec::encode(&entry).into());
                self.sent.push(Checked {
                    id,
                    entry,
                    origin: None,
                    looked_up: Timestamp::ZERO,
                    body,
                });
                self.sent.len() - 1
            }
        }
    }

    /// Verifies and orders a batch as a unit does, and checks what is decided.
    fn batch(&mut self, sent: &[Sent], fate: Disk) {
        let positions: Vec<usize> = sent.iter().map(|sent| self.send(sent)).collect();
        let (now, mut fresh) = (self.clock.now(), HashMap::new());
        assert!(now >= self.floor, "log time went back");
        for checked in positions.into_iter().map(|position| &self.sent[position]) {
            let CheckedBody::Message(message) = &checked.body else { unreachable!() };
            let Message { expiry, .. } = *message.body();
            let known = self.durable.get(&checked.id);
            if may_precede(expiry, self.clock.started()) && known.is_some() {
                continue;
            }
            match self.order.handle(now, checked) {
                Decision::Assigned(assignment) => {
                    assert_eq!(known, None, "a message has a second slot");
                    let place = Place { process: target(), slot: assignment.slot };
                    assert_eq!(fresh.insert(checked.id, place), None, "assigned twice in a batch");
                }
                Decision::Duplicate(place) => {
                    assert_eq!(known.or_else(|| fresh.get(&checked.id)), Some(&place));
                }
                Decision::Old(_) | Decision::Refused(_) | Decision::Final(_) => {}
            }
        }
        match fate {
            Disk::Durable if !fresh.is_empty() => {
                self.order.commit(now);
                self.durable.extend(fresh);
                self.floor = now;
            }
            Disk::Durable => {}
            Disk::Failed => self.order.roll_back(),
        }
    }
}

fn target() -> ProcessId {
    process(1, NOW)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn no_id_that_was_forgotten_is_accepted_again_whatever_the_clocks_say(
        steps in prop::collection::vec(step(), 1..80),
    ) {
        let mut world = World::new();
        for step in steps {
            match step {
                Step::Batch(sent, fate) => world.batch(&sent, fate),
                Step::Pass(millis) => world.clocks.pass(millis),
                Step::SetClock(millis) => world.clocks.step(millis),
                Step::Restart => world.restart(),
            }
        }
    }
}
