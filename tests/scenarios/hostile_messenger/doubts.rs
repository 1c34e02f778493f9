//! Asks that are given up: a scheduler's word tells later whether they took effect, and no messenger
//! can make it say no where it is yes, or yes where it is no.

use std::path::Path;

use protocol::{
    Answer, Entry, ItemBody, PairNumber, PairStatement, ProcessId, RefusalCode, Reply, SecretKey,
    Signed, Slot, TimerKind, UnitId, Value, Verdict,
    abi::{AnswerInput, Input},
};

use super::{
    puppet::{ask, puppet},
    rogue::{Parcel, Rogue},
};
use crate::support::{Cluster, directory, key, process, text};

const YES: u8 = 1;
const UNKNOWN: u8 = 2;

/// A cluster with an asker and two counters that it asks, all of the scheduler that a rogue submits
/// to, and the key of the other one.
fn scene(data: &Path) -> (Cluster, ProcessId, [ProcessId; 2], SecretKey) {
    let cluster = Cluster::up(data, &["--computes", "1", "--schedulers", "2"]);
    let schedulers = cluster.units("scheduler");
    let unit = |at: usize| text(&schedulers[at]["unit"]).parse::<UnitId>().unwrap();
    let (first, other) = if unit(0) < unit(1) { (0, 2) } else { (1, 1) };
    let first = unit(first).to_string();
    let other = key(&data.join(format!("units/scheduler-{other}/key")));
    let file = data.join("puppet.wasm");
    let spawn = |module: &[u8], args: &str| {
        std::fs::write(&file, module).unwrap();
        let file = file.to_string_lossy();
        let spawned = cluster.run(&["spawn", &file, "--args", args, "--scheduler", &first]).done();
        process(text(&spawned["process"]))
    };
    let asker = spawn(&puppet(), "{}");
    let counters = [0, 0].map(|_| spawn(example_modules::COUNTER, r#"{"start":0}"#));
    (cluster, asker, counters, other)
}

impl Rogue {
    /// Submits a scheduler's word; what the asker's slot replied.
    async fn answer(&mut self, statement: Signed<PairStatement>, asker: ProcessId) -> Reply {
        let slot = self.submit(Entry::Answer(Answer { statement }), None).await.unwrap();
        self.outcome(asker, slot).await.reply
    }

    /// Ends an ask when it is due; the skip that is emitted, and what the asker is told.
    async fn expire(&mut self, asked: &Parcel) -> (Parcel, u8) {
        let slot = self.fire_when_due(asked).await;
        let skip = self.parcels(asked.source, slot).await.remove(0);
        let number = asked.item.pair.unwrap().number;
        assert_eq!(skip.item.body, ItemBody::Skip(number));
        match self.last_input(asked.source, slot).await {
            Input::Answer { answer: AnswerInput::System { code, effect, .. }, .. } => {
                assert_eq!(code, "expired");
                (skip, effect)
            }
            other => panic!("not expired: {other:?}"),
        }
    }

    /// Tries every false word about a number of which there is a true one.
    async fn lie(&mut self, truth: &Signed<PairStatement>, other: &SecretKey) {
        let said = truth.unverified().clone();
        let mine = SecretKey::from_seed(&[68; 32]);
        let contrary = PairStatement {
            verdict: match said.verdict {
                Verdict::Assigned(_) => Verdict::Refused(RefusalCode::Skipped),
                Verdict::Refused(_) => Verdict::Assigned(Slot::new(1)),
            },
            ..said.clone()
        };
        let of =
            |key: &SecretKey| PairStatement { scheduler: key.public().unit(), ..contrary.clone() };
        let altered = |said: &PairStatement| {
            Signed::from_parts(protocol::codec::encode(said), *truth.authority()).unwrap()
        };
        let number = PairNumber::new(said.number.get() + 1);
        let lies = [
            ("its own word", Signed::sign(of(&mine), &mine), RefusalCode::BadOrigin),
            ("another scheduler's", Signed::sign(of(other), other), RefusalCode::BadOrigin),
            ("in its name", Signed::sign(contrary.clone(), &mine), RefusalCode::WrongSigner),
            ("another verdict", altered(&contrary), RefusalCode::BadSignature),
            (
                "another number",
                altered(&PairStatement { number, ..said.clone() }),
                RefusalCode::BadSignature,
            ),
            (
                "another target",
                altered(&PairStatement { target: said.source, ..said.clone() }),
                RefusalCode::BadSignature,
            ),
        ];
        for (what, statement, code) in lies {
            let answer = self.submit(Entry::Answer(Answer { statement }), None).await;
            assert_eq!(answer, Err(code), "{what}");
        }
    }
}

fn effect(word: &str) -> Reply {
    let effect = Value::Map(vec![(Value::Text("effect".into()), Value::Text(word.into()))]);
    Reply::Value(effect.encode().unwrap())
}

const NULL: [u8; 1] = [0xf6];

#[test]
fn what_has_been_executed_is_never_said_not_to_have_been() {
    let data = directory();
    let (cluster, asker, [counter, other], stranger) = scene(data.path());
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let mut rogue = Rogue::of(&cluster).await;
        let asked = rogue.command(asker, vec![ask(1, counter, 300), ask(2, other, 300)]).await;
        // The acknowledgement is for nobody, and the reply is withheld.
        let slot = rogue.deliver(&asked[0]).await.unwrap();
        let replied = rogue.parcels(counter, slot).await.remove(0);
        let (skip, effect_then) = rogue.expire(&asked[0]).await;
        assert_eq!(effect_then, UNKNOWN);
        let answer = rogue.deliver(&skip).await;
        assert_eq!(answer, Err(RefusalCode::PairConflict), "it has come already");
        assert_eq!(rogue.statement(&skip).await, Err(Some(RefusalCode::NotFound)));

        let truth = rogue.statement(&asked[0]).await.unwrap();
        assert_eq!(truth.unverified().verdict, Verdict::Assigned(slot));
        rogue.lie(&truth, &stranger).await;
        assert_eq!(rogue.answer(truth, asker).await, effect("yes"));
        // What is withheld for too long says nothing any more.
        let slot = rogue.deliver(&replied).await.unwrap();
        assert_eq!(rogue.outcome(asker, slot).await.reply, Reply::Value(NULL.to_vec()));
        assert!(matches!(
            rogue.last_input(asker, slot).await,
            Input::Answer { answer: AnswerInput::System { .. }, .. }
        ));

        // Told in time, the asker knows it when it gives up.
        let slot = rogue.deliver(&asked[1]).await.unwrap();
        let truth = rogue.statement(&asked[1]).await.unwrap();
        assert_eq!(truth.unverified().verdict, Verdict::Assigned(slot));
        rogue.lie(&truth, &stranger).await;
        assert_eq!(rogue.answer(truth, asker).await, Reply::Value(NULL.to_vec()));
        assert_eq!(rogue.expire(&asked[1]).await.1, YES);
        for counter in [counter, other] {
            assert_eq!(rogue.view(counter, "get", Slot::new(1)).await, Value::Integer(1));
            rogue.check_log(counter).await;
        }
        rogue.check_log(asker).await;
    });
    cluster.stop();
}

#[test]
fn what_is_said_not_to_have_been_executed_never_will_be() {
    let data = directory();
    let (cluster, asker, [counter, other], stranger) = scene(data.path());
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let mut rogue = Rogue::of(&cluster).await;
        let effects = vec![ask(1, counter, 1), ask(2, counter, 1), ask(3, other, 600_000)];
        let asked = rogue.command(asker, effects).await;
        let (first, then) = rogue.expire(&asked[0]).await;
        assert_eq!(then, UNKNOWN);
        let (second, then) = rogue.expire(&asked[1]).await;
        assert_eq!(then, UNKNOWN);

        let early = rogue.deliver(&second).await;
        assert_eq!(early, Err(RefusalCode::OutOfOrder), "the number before may still come");
        let forged = [
            ("another pair's", first.altered(|parcel| parcel.item.target = other)),
            (
                "one that was never given up",
                asked[2].altered(|parcel| parcel.item.body = ItemBody::Skip(PairNumber::ZERO)),
            ),
            (
                "another number",
                first.altered(|parcel| parcel.item.body = ItemBody::Skip(PairNumber::new(1))),
            ),
            ("another's proof", first.altered(|parcel| parcel.origin = second.origin.clone())),
        ];
        for (what, forged) in &forged {
            assert_eq!(rogue.deliver(forged).await, Err(RefusalCode::BadOrigin), "{what}");
        }
        let skipped = rogue.deliver(&first).await.unwrap();
        assert_eq!(rogue.deliver(&first).await, Ok(skipped), "once");
        let late = rogue.deliver(&asked[0]).await;
        assert_eq!(late, Err(RefusalCode::PairConflict), "its number is passed over");
        assert_eq!(rogue.statement(&asked[0]).await, Err(Some(RefusalCode::NotFound)));
        let truth = rogue.statement(&first).await.unwrap();
        assert_eq!(truth.unverified().verdict, Verdict::Refused(RefusalCode::Skipped));
        rogue.lie(&truth, &stranger).await;
        assert_eq!(rogue.answer(truth.clone(), asker).await, effect("no"));
        assert_eq!(rogue.answer(truth, asker).await, effect("no"), "the same place again");

        // The number behind has no skip in the log yet, so it comes: in doubt is not undone.
        let slot = rogue.deliver(&asked[1]).await.unwrap();
        assert_eq!(rogue.deliver(&second).await, Err(RefusalCode::PairConflict));
        let truth = rogue.statement(&asked[1]).await.unwrap();
        assert_eq!(rogue.answer(truth, asker).await, effect("yes"));
        assert_eq!(rogue.view(counter, "get", slot).await, Value::Integer(1), "the second alone");
        for process in [asker, counter, other] {
            rogue.check_log(process).await;
        }
    });
    cluster.stop();
}

#[test]
fn no_ask_ends_before_its_time() {
    let data = directory();
    let (cluster, asker, [counter, other], _) = scene(data.path());
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let mut rogue = Rogue::of(&cluster).await;
        let effects = vec![ask(1, counter, 600_000), ask(2, other, 600_000)];
        let asked = rogue.command(asker, effects).await;
        let [first, second] = asked.as_slice() else { panic!("{asked:?}") };
        let timer = first.timer();
        assert_eq!(rogue.fire(timer, first).await, Err(RefusalCode::NotDue));
        let nowhere = protocol::Timer { occurrence: 1, kind: TimerKind::NoTarget, ..timer };
        let answer = rogue.fire(nowhere, first).await;
        assert_eq!(answer, Err(RefusalCode::NotDue), "its target is known");
        let due = protocol::Timestamp::new(1);
        let hasty = first.altered(|parcel| {
            if let ItemBody::Ask { deadline, .. } = &mut parcel.item.body {
                *deadline = due;
            }
        });
        let forged = [
            ("an earlier deadline", protocol::Timer { due, ..timer }, first),
            ("an earlier deadline of an item of that", protocol::Timer { due, ..timer }, &hasty),
            ("an ask that is none", protocol::Timer { index: 7, ..timer }, first),
            ("another slot", protocol::Timer { slot: Slot::new(2), ..timer }, first),
            ("another process", protocol::Timer { process: counter, ..timer }, first),
            ("another ask's item", timer, second),
            ("a second time", protocol::Timer { occurrence: 1, ..timer }, first),
            ("another kind", protocol::Timer { kind: TimerKind::Timer, ..timer }, first),
            ("an end of another kind", protocol::Timer { occurrence: 0, ..nowhere }, first),
        ];
        for (what, timer, parcel) in forged {
            let answer = rogue.fire(timer, parcel).await;
            assert_eq!(answer, Err(RefusalCode::BadOrigin), "{what}");
        }
        let answer = rogue.submit(Entry::Timer(timer), Some(first.origin.clone())).await;
        assert_eq!(answer, Err(RefusalCode::BadOrigin), "without the item");
        let answer = rogue.submit(Entry::Timer(timer), None).await;
        assert_eq!(answer, Err(RefusalCode::BadOrigin), "without any proof");
        for asked in [first, second] {
            let slot = rogue.deliver(asked).await.unwrap();
            let replied = rogue.parcels(asked.item.target, slot).await.remove(0);
            let slot = rogue.deliver(&replied).await.unwrap();
            let input = rogue.last_input(asker, slot).await;
            assert!(matches!(input, Input::Answer { answer: AnswerInput::Reply(_), .. }));
        }
        rogue.check_log(asker).await;
    });
    cluster.stop();
}
