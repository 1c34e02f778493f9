//! Children that nobody wanted.

use protocol::{
    AskAnswer, Domain, Entry, ItemBody, ModuleId, Principal, ProcessId, RefusalCode, Role,
    SecretKey, Signed, Slot, Spawn, Value, codec,
};

use super::rogue::{Parcel, Rogue};
use crate::support::{Cluster, directory, process};

/// A job for the workers of a module, as a supervisor takes it.
async fn job(rogue: &Rogue, workers: i128) -> Value {
    let unit = rogue.client.directory().units(Role::Compute)[0];
    let scheduler = rogue.client.directory().units(Role::Scheduler)[0];
    let acceptance = rogue.client.accept(unit, example_modules::WORKER).await.unwrap();
    let module = rogue.client.put_module(scheduler, example_modules::WORKER).await.unwrap();
    assert_eq!(module, ModuleId::of(example_modules::WORKER));
    let text = |text: &str| Value::Text(text.to_owned());
    let module = Value::Map(vec![
        (text("module"), text(&module.to_string())),
        (text("unit"), text(&unit.to_string())),
        (text("signature"), Value::Bytes(acceptance.signature.as_bytes().to_vec())),
    ]);
    Value::Map(vec![
        (text("module"), module),
        (text("workers"), Value::Integer(workers)),
        (text("len"), Value::Integer(10)),
    ])
}

/// The birth of a parcel with another spawn in it, and perhaps the target that goes with that.
fn respawned(parcel: &Parcel, moves: bool, alter: impl FnOnce(&mut Spawn)) -> Parcel {
    parcel.altered(|parcel| {
        let ItemBody::Spawn(bytes, _) = &mut parcel.item.body else { panic!("no birth") };
        let mut spawn: Spawn = codec::decode(bytes).unwrap();
        alter(&mut spawn);
        *bytes = codec::encode(&spawn);
        if moves {
            let digest = Domain::Spawn.digest(&[bytes]);
            parcel.item.target = ProcessId::from_bytes(*digest.as_bytes());
        }
    })
}

#[test]
#[expect(clippy::too_many_lines, reason = "one story, told step by step")]
fn only_children_that_were_wanted_are_born() {
    let data = directory();
    let cluster = Cluster::up(data.path(), &["--computes", "1"]);
    let spawn = |module| process(&cluster.spawn(module, "{}"));
    let parent = spawn(example_modules::SUPERVISOR);
    let stranger = spawn(example_modules::SUPERVISOR);
    let mut children = Vec::new();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let mut rogue = Rogue::of(&cluster).await;
        let args = job(&rogue, 2).await;
        let start = rogue.send(parent, "sum", &args).await;
        let wanted = rogue.parcels(parent, start).await;
        let is_birth = |parcel: &&Parcel| matches!(parcel.item.body, ItemBody::Spawn(..));
        let births: Vec<_> = wanted.iter().filter(is_birth).cloned().collect();
        let asks: Vec<_> = wanted.iter().filter(|parcel| !is_birth(parcel)).cloned().collect();
        assert_eq!((births.len(), asks.len()), (2, 2));
        let birth = &births[0];

        let answer = rogue.deliver(&asks[0]).await;
        assert!(
            matches!(answer, Err(RefusalCode::UnknownProcess | RefusalCode::OutOfOrder)),
            "nobody is there yet: {answer:?}"
        );
        let args = |spawn: &mut Spawn| spawn.args = vec![0xa0];
        let adopted = |spawn: &mut Spawn| spawn.sender = Principal::Process(stranger);
        let freed = |spawn: &mut Spawn| spawn.controller = Principal::Process(stranger);
        let forged = [
            ("other arguments", respawned(birth, false, args)),
            ("other arguments, another child", respawned(birth, true, args)),
            ("another parent in it", respawned(birth, true, adopted)),
            ("another controller", respawned(birth, true, freed)),
            ("one more", respawned(birth, true, |spawn| spawn.nonce += 1)),
            ("another parent", birth.altered(|parcel| parcel.source = stranger)),
            ("another slot", birth.altered(|parcel| parcel.slot = Slot::ZERO)),
            ("another's proof", birth.altered(|parcel| parcel.origin = births[1].origin.clone())),
            (
                "no deadline",
                birth.altered(|parcel| {
                    let ItemBody::Spawn(_, deadline) = &mut parcel.item.body else { panic!() };
                    *deadline = None;
                }),
            ),
        ];
        for (what, forged) in &forged {
            assert_eq!(rogue.deliver(forged).await, Err(RefusalCode::BadOrigin), "{what}");
        }
        // As a client's spawn, it would have to be signed by the parent.
        let ItemBody::Spawn(bytes, _) = &birth.item.body else { unreachable!("it is a birth") };
        let child: Spawn = codec::decode(bytes).unwrap();
        let signed = Signed::sign(child, &SecretKey::from_seed(&[68; 32]));
        let answer = rogue.submit(Entry::Spawn(signed), None).await;
        assert_eq!(answer, Err(RefusalCode::WrongSigner));
        let known = rogue.client.processes().await.unwrap();
        assert_eq!(known.len(), 2, "parent and stranger");

        // The true ones, from the last to the first where that can be.
        let mut replies = Vec::new();
        for birth in births.iter().rev() {
            let child = birth.item.target;
            assert_eq!(rogue.deliver(birth).await, Ok(Slot::ZERO));
            assert_eq!(rogue.deliver(birth).await, Ok(Slot::ZERO), "once");
            replies.extend(rogue.parcels(child, Slot::ZERO).await);
        }
        for asked in asks.iter().rev() {
            let slot = rogue.deliver(asked).await.unwrap();
            replies.extend(rogue.parcels(asked.item.target, slot).await);
        }
        for (what, forged) in &forged {
            assert!(rogue.deliver(forged).await.is_err(), "{what}, afterwards");
        }
        // The births are told before the sums: each is a pair of its own.
        let mut last = Slot::ZERO;
        for reply in &replies {
            last = rogue.deliver(reply).await.unwrap();
        }
        let outcome = rogue.outcome(parent, last).await;
        let sum = Value::Integer((0..20).sum()).encode().unwrap();
        let body = ItemBody::Answered { call: start, answer: AskAnswer::Value(sum) };
        assert!(outcome.outbox.iter().any(|item| item.body == body), "{:?}", outcome.outbox);
        assert_eq!(rogue.view(parent, "done", last).await, Value::Integer(1));
        for process in [parent, stranger, births[0].item.target, births[1].item.target] {
            rogue.check_log(process).await;
        }
        assert_eq!(rogue.client.processes().await.unwrap().len(), 4);
        children.extend(births.iter().map(|birth| birth.item.target.to_string()));
    });
    for child in &children {
        let verified = cluster.run(&["verify", child]).done();
        assert_eq!(verified["slots"], 2, "birth and work: {verified}");
        assert_eq!(cluster.calls(child, "work"), 1);
    }
    cluster.stop();
}
