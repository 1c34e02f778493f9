//! Scenarios over any stage. Each tells what it saw, which is the same on every stage.

use alarm::Alarm;
use antiphon::{Actor as _, Error, ProcessId, Stage, args, millis};
use bank::Bank;
use counter::Counter;
use pingpong::PingPong;
use supervisor::Supervisor;
use tokenring::TokenRing;
use worker::Worker;

/// What a play saw, in order.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Seen(Vec<String>);

impl Seen {
    fn note(&mut self, what: impl std::fmt::Debug) {
        self.0.push(format!("{what:?}"));
    }
}

/// Nobody's id.
const NOBODY: ProcessId = ProcessId::from_bytes([9; 32]);

/// Messages, views, errors, and what is no process.
pub(crate) fn counting(stage: &mut impl Stage) -> Seen {
    let mut seen = Seen::default();
    let counter = stage.spawn::<Counter>(args! { start: 5 });
    seen.note(stage.send(counter.add(3)));
    seen.note(stage.send(counter.add(u64::MAX)));
    seen.note(stage.view(&counter.get()));
    seen.note(stage.send(counter.get()));
    let posted: Vec<_> = (1..=10).map(|by| stage.post(counter.add(by))).collect();
    for ticket in posted {
        seen.note(stage.wait(ticket).is_ok());
    }
    seen.note(stage.view(&counter.get()));
    seen.note(stage.send(counter.reset()));
    seen.note(stage.view(&counter.get()));
    seen.note(stage.send(PingPong::at(counter.id()).start(PingPong::at(NOBODY), 1)));
    let nobody = stage.send(Counter::at(NOBODY).add(1));
    seen.note(nobody.map_err(|error| error.code().to_owned()));
    seen
}

/// Tells.
pub(crate) fn playing(stage: &mut impl Stage) -> Seen {
    let mut seen = Seen::default();
    let (ping, pong) = (stage.spawn::<PingPong>(args! {}), stage.spawn::<PingPong>(args! {}));
    seen.note(stage.send(ping.start(pong, 0)));
    seen.note(stage.send(ping.start(pong, 100)));
    for player in [ping, pong] {
        seen.note(stage.until(&player.count(), |caught| *caught == 50));
        seen.note(stage.view(&player.last()));
    }
    seen
}

/// Asks, errors of those who are asked, and asks that cross each other.
pub(crate) fn paying(stage: &mut impl Stage) -> Seen {
    let mut seen = Seen::default();
    let mut open = |balance: u64| stage.spawn::<Bank>(args! { balance: balance });
    let all = [open(100), open(100), open(100), open(u64::MAX)];
    seen.note(stage.send(all[0].transfer(all[1], 30)));
    seen.note(stage.send(all[0].transfer(all[1], 71)));
    seen.note(stage.send(all[0].transfer(all[3], 1)));
    let crossing = [(0, 1, 60), (1, 2, 70), (2, 0, 80), (0, 0, 10)];
    let posted = crossing.map(|(from, to, amount)| stage.post(all[from].transfer(all[to], amount)));
    for ticket in posted {
        seen.note(stage.wait(ticket).is_ok());
    }
    for account in all {
        seen.note(stage.view(&account.balance()));
        seen.note(stage.view(&account.under_way()));
        seen.note(stage.view(&account.counts()));
        seen.note(stage.view(&account.doubts()));
    }
    seen
}

/// Timers, and replies that come later.
pub(crate) fn ringing(stage: &mut impl Stage) -> Seen {
    let mut seen = Seen::default();
    let (alarm, other) = (stage.spawn::<Alarm>(args! {}), stage.spawn::<Alarm>(args! {}));
    let waiting = stage.post(alarm.wait());
    let listening = stage.post(other.listen(alarm, 60_000));
    stage.pass(millis(1_000));
    seen.note(stage.send(alarm.once(300)));
    seen.note((stage.wait(waiting), stage.wait(listening)));
    let missed = stage.send(other.listen(alarm, 100));
    seen.note(missed.map_err(|error| error.code().to_owned()));
    seen.note(stage.send(other.listen(Alarm::at(NOBODY), 200)));
    seen.note(stage.send(other.listen(Alarm::at(NOBODY), 60_000)));
    seen.note(stage.send(alarm.ring()));
    seen.note(stage.send(alarm.every(50, true)));
    seen.note(stage.until(&alarm.rings(), |rings| *rings >= 3) >= 3);
    seen.note(stage.send(alarm.cancel()));
    seen
}

/// Children of the same kind, and of another.
pub(crate) fn raising(stage: &mut impl Stage) -> Seen {
    let mut seen = Seen::default();
    let head = stage.spawn::<TokenRing>(args! { next: None::<ProcessId> });
    seen.note(stage.send(head.start(0, 1, 1)));
    seen.note(stage.send(head.build(4)));
    seen.note(stage.send(head.start(7, 3, 10)));
    seen.note(stage.until(&head.arrived(), |arrived| arrived.len() == 3));
    seen.note(stage.view(&head.passed()));
    let module = stage.module::<Worker>();
    let supervisor = stage.spawn::<Supervisor>(args! {});
    seen.note(stage.send(supervisor.sum(module.clone(), 3, 10)));
    let refused: Result<u64, Error> = stage.send(supervisor.sum(module, 3, worker::PART_MAX + 1));
    seen.note(refused);
    seen.note(stage.view(&supervisor.done()));
    seen
}
