//! Logs full of asks, calls, timers and births, executed in all ways and from the middle.

use proptest::prelude::*;
use protocol::{Effect, RefusalCode};

use super::upgrades::{UNFIT, versions};
use super::*;
use crate::{Replay, fixture::on_stack, process::matrix::ways};

/// One thing that happens, and two numbers that say how.
type Step = (u8, u8, u8);

/// Whatever of a slot could differ.
type Seen = (Executed, Option<Hash>);

fn result(how: u8) -> GuestResult {
    match how % 4 {
        0 => GuestResult::Later,
        1 => GuestResult::Held,
        2 => GuestResult::Error { code: "no".into(), detail: String::new() },
        _ => null(),
    }
}

fn next(how: u8) -> Next {
    match how % 5 {
        0 => Next::Trap,
        1 => Next::Output(output(null(), vec![ask(u64::from(how), None), reply(u64::from(how))])),
        2 => Next::Output(output(GuestResult::Later, vec![])),
        _ => Next::Null,
    }
}

impl Scripted {
    fn step(&mut self, (what, one, other): Step) {
        let (token, own) = (u64::from(one % 5), self.process.next.get());
        let call = (other % 3 == 0).then_some(own);
        let every = (other % 2 == 0).then_some(u64::from(other) + 1);
        let pick = |timers: Vec<Timer>, kind| {
            let timers: Vec<Timer> =
                timers.into_iter().filter(|timer| timer.kind == kind).collect();
            timers.get(usize::from(one) % timers.len().max(1)).copied()
        };
        let open = pick(self.process.agenda(), TimerKind::AskTimeout);
        let set = pick(self.process.agenda(), TimerKind::Timer);
        let place = |timer: Option<Timer>| {
            timer.map_or_else(|| (u64::from(one), 0), |timer| (timer.slot.get(), timer.index))
        };
        match what {
            0 | 1 => {
                let effects = vec![ask(token, call), reply(u64::from(other))];
                self.run(&output(result(other), effects), &next(one));
            }
            2 => {
                let effects = vec![timer(token, 500, every, call)];
                self.run(&output(result(one), effects), &next(other));
            }
            3 => drop(self.asked(&output(result(other), vec![ask(token, call)]))),
            4 => {
                let trapped = Failure::of(FailureKind::Trapped);
                let answer = match other % 2 {
                    0 => AskAnswer::Value(vec![0x01]),
                    _ => AskAnswer::Failure(trapped, Effect::No),
                };
                let (slot, index) = place(open);
                drop(self.replied(slot, index, answer));
            }
            5 => drop(self.due(TimerKind::AskTimeout, place(open), 0)),
            6 => {
                let occurrence = set.map_or(0, |timer| timer.occurrence + u64::from(other % 2));
                drop(self.due(TimerKind::Timer, place(set), occurrence));
            }
            7 => {
                let refused = Verdict::Refused(RefusalCode::TooLarge);
                let assigned = Verdict::Assigned(Slot::new(1));
                let verdict = if other % 2 == 0 { assigned } else { refused };
                drop(self.stated(OTHER, u64::from(one % 8), verdict));
            }
            8 => {
                let own = self.log.spawn.unverified().clone();
                let sender = Principal::Process(self.log.process);
                let limits = Limits { children: Some(u32::from(other % 3)), ..own.limits };
                let spawn = Spawn { sender, nonce: u64::from(one), limits, ..own };
                let spawn = codec::encode(&spawn);
                let effect = GuestEffect::Spawn { spawn, token: token + 9, patience: 1_000, call };
                drop(self.run(&output(result(other), vec![effect]), &next(one)));
            }
            9 => drop(self.do_now(null(), vec![GuestEffect::CancelTimer { token }])),
            10 => self.log.pass(10_000),
            _ => {
                let versions: Vec<ModuleId> =
                    versions().iter().map(|wasm| ModuleId::of(wasm)).chain([UNFIT]).collect();
                drop(self.upgrade(versions[usize::from(one) % versions.len()], other % 4 == 0));
            }
        }
    }
}

/// A log that these steps make, with all that came of it.
fn history(steps: &[Step]) -> Scripted {
    let limits = Limits { open_asks: 4, timers: 3, children: Some(6), ..Limits::DEFAULT };
    let mut scripted = Scripted::new(limits);
    scripted.known.extend(compiled(&Engine::new().unwrap()));
    steps.iter().for_each(|step| scripted.step(*step));
    scripted
}

/// All versions of the actor, compiled.
fn compiled(engine: &Engine) -> impl Iterator<Item = (ModuleId, Arc<CompiledModule>)> {
    versions().into_iter().map(|wasm| (ModuleId::of(&wasm), engine.compile(&wasm).unwrap()))
}

/// Executes a log on an engine of its own, from a checkpoint before each slot if it is cold.
fn executed(scripted: &Scripted, engine: &Engine, cold: bool) -> Vec<Seen> {
    let module = engine.compile(&actor()).unwrap();
    let mut again = Scripted::on(Log::with_args_of(&scripted.log), &module);
    again.known.extend(compiled(engine));
    let slots = scripted.history.iter().map(|(assignment, entry)| {
        let successor = again.successor(entry);
        let executed = again.process.execute_with(assignment, entry, successor.as_ref()).unwrap();
        let root = again.process.state_root().unwrap();
        if cold {
            again.restart();
        }
        (executed, root)
    });
    slots.collect()
}

fn check(steps: &[Step]) {
    let scripted = history(steps);
    let mut first: Option<Vec<Seen>> = None;
    for way in ways() {
        let engine = Engine::with(way.opt_level, way.tracking).unwrap();
        let seen = executed(&scripted, &engine, way.cold);
        let outcomes = seen.iter().map(|(executed, _)| executed);
        assert!(outcomes.eq(scripted.seen.iter()), "{way:?}");
        assert_eq!(first.get_or_insert_with(|| seen.clone()), &seen, "{way:?}");
    }
    let spawn = scripted.log.spawn.unverified().clone();
    let mut replay = Replay::new(scripted.log.process, spawn, &scripted.module).unwrap();
    for ((assignment, entry), seen) in scripted.history.iter().zip(&scripted.seen) {
        let module = replay.upgrade_of(entry).map(|module| scripted.known.get(&module).cloned());
        let successor = module.map(|module| module.map_or(Successor::Unfit, Successor::Ready));
        let replayed = replay.execute(assignment, entry, successor.as_ref()).unwrap();
        assert_eq!((&replayed.outcome, &replayed.leaf), (&seen.outcome, &seen.leaf));
    }
    assert_eq!(replay.table().root(), scripted.process.table().root());
}

#[test]
fn what_is_outstanding_is_the_same_in_all_ways_and_after_every_restart() {
    let step = (0..12_u8, any::<u8>(), any::<u8>());
    let steps = proptest::collection::vec(step, 1..30);
    on_stack(move || {
        proptest!(ProptestConfig::with_cases(4), |(steps in steps)| check(&steps));
    });
}

#[test]
fn a_long_log_of_everything_comes_to_every_kind_of_end() {
    let number = |n: u32, by: u32| u8::try_from((n * by + n / 7) % 251).unwrap();
    let steps: Vec<Step> =
        (0..120).map(|n| (number(n, 5) % 12, number(n, 13), number(n, 29))).collect();
    on_stack(move || {
        let scripted = history(&steps);
        let kinds: std::collections::BTreeSet<u16> = scripted
            .seen
            .iter()
            .filter_map(|seen| match &seen.outcome.reply {
                Reply::Failure(failure) => Some(failure.kind.number()),
                _ => None,
            })
            .collect();
        let wanted = [FailureKind::Trapped, FailureKind::LimitReached, FailureKind::BadOutput];
        assert!(wanted.iter().all(|kind| kinds.contains(&kind.number())), "{kinds:?}");
        let items = || scripted.seen.iter().flat_map(|seen| &seen.outcome.outbox);
        let bodies: [fn(&ItemBody) -> bool; 7] = [
            |body| matches!(body, ItemBody::Ask { .. }),
            |body| matches!(body, ItemBody::Reply { .. }),
            |body| matches!(body, ItemBody::Spawn(..)),
            |body| matches!(body, ItemBody::Skip(_)),
            |body| matches!(body, ItemBody::Timer { .. }),
            |body| matches!(body, ItemBody::CancelTimer { .. }),
            |body| matches!(body, ItemBody::Answered { .. }),
        ];
        for (at, is_one) in bodies.iter().enumerate() {
            assert!(items().any(|item| is_one(&item.body)), "{at}");
        }
        check(&steps);
    });
}
