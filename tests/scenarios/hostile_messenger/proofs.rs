//! Proofs of origin that prove something else.

use std::time::Duration;

use protocol::{
    ComputePolicy, ControlAction, Entry, ItemBody, PairNumber, ProcessId, RefusalCode, Role, Slot,
    UnitId, Value, abi::GuestEffect,
};

use super::{
    puppet::{puppet, script},
    rogue::Rogue,
};
use crate::support::{Cluster, directory, integer, process};

fn tell(target: ProcessId) -> GuestEffect {
    let args = integer("by", 1).encode().unwrap();
    GuestEffect::Tell { target, method: "add".to_owned(), args, hint: None }
}

/// A process of two units, both of which must agree.
async fn spawn(client: &antiphon_client::Client, units: &[UnitId]) -> ProcessId {
    let units = units.to_vec();
    let policy = Some(ComputePolicy { units, quorum: 2, version: 0, previous: None });
    let options = antiphon_client::SpawnOptions {
        policy,
        timeout: Duration::from_secs(60),
        ..antiphon_client::SpawnOptions::new(puppet())
    };
    client.spawn(options).await.unwrap().process
}

#[test]
#[expect(clippy::too_many_lines, reason = "one story, told step by step")]
fn a_proof_counts_with_a_quorum_of_the_newest_policy_and_for_its_slot_alone() {
    let data = directory();
    let cluster = Cluster::up(data.path(), &["--computes", "3"]);
    let counter = process(&cluster.spawn(example_modules::COUNTER, r#"{"start":0}"#));
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let client = cluster.client().await;
        let units = client.directory().units(Role::Compute);
        let source = spawn(&client, &units[..2]).await;
        let other = spawn(&client, &units[1..]).await;
        let mut rogue = Rogue::of(&cluster).await;
        let slot = rogue.send(source, "do", &script(vec![tell(counter), tell(counter)])).await;
        let told = rogue.parcels_by(source, slot, 2).await;
        let [first, second] = told.as_slice() else { panic!("{told:?}") };
        let later = rogue.send(source, "do", &script(vec![tell(counter)])).await;
        let third = rogue.parcels_by(source, later, 2).await.remove(0);
        let slot = rogue.send(other, "do", &script(vec![tell(counter)])).await;
        let foreign = rogue.parcels_by(other, slot, 2).await.remove(0);

        let receipts = first.origin.receipts.clone();
        let outsider = foreign.origin.receipts.iter().find(|r| r.unit() == units[2]).unwrap();
        let bad = RefusalCode::BadOrigin;
        let forged = [
            ("one receipt", first.altered(|p| drop(p.origin.receipts.pop())), bad),
            ("one twice", first.altered(|p| p.origin.receipts[0] = receipts[1].clone()), bad),
            ("one too many", first.altered(|p| p.origin.receipts.push(receipts[0].clone())), bad),
            (
                "a unit outside the policy",
                first.altered(|p| p.origin.receipts[0] = outsider.clone()),
                RefusalCode::WrongPolicy,
            ),
            ("another slot's proof", first.altered(|p| p.origin = third.origin.clone()), bad),
            ("another item's path", first.altered(|p| p.origin = second.origin.clone()), bad),
            (
                "another slot's assignment",
                first.altered(|p| p.origin.assignment = third.origin.assignment.clone()),
                bad,
            ),
            (
                "another slot's receipts",
                first.altered(|p| p.origin.receipts = third.origin.receipts.clone()),
                bad,
            ),
            (
                "another number",
                first.altered(|p| p.item.pair.as_mut().unwrap().number = PairNumber::new(1)),
                bad,
            ),
            ("another slot", first.altered(|p| p.slot = later), bad),
            ("another process's proof", first.altered(|p| p.origin = foreign.origin.clone()), bad),
            (
                "a skip of it",
                first.altered(|p| p.item.body = ItemBody::Skip(PairNumber::ZERO)),
                bad,
            ),
        ];
        for (what, forged, code) in &forged {
            assert_eq!(rogue.deliver(forged).await, Err(*code), "{what}");
        }
        let slot = rogue.deliver(first).await.unwrap();
        assert_eq!(rogue.deliver(first).await, Ok(slot));

        // The source trusts other units from now on: the old proof is worth nothing, a new one is.
        let present = rogue.client.describe_again(source).await.unwrap();
        let previous = Some(present.source.policy().digest());
        let policy = ComputePolicy { units: units[1..].to_vec(), quorum: 2, version: 1, previous };
        let control = rogue.client.prepare_control(source, ControlAction::Policy(policy)).unwrap();
        rogue.submit(Entry::Control(control), None).await.unwrap();
        assert_eq!(rogue.deliver(second).await, Err(RefusalCode::WrongPolicy), "a stale policy");
        let all = rogue.parcels_by(source, second.slot, 3).await.remove(1);
        let stale = all.altered(|p| p.origin.receipts.retain(|r| r.unit() != units[2]));
        assert_eq!(rogue.deliver(&stale).await, Err(RefusalCode::WrongPolicy));
        let fresh = all.altered(|p| p.origin.receipts.retain(|r| r.unit() != units[0]));
        let slot = rogue.deliver(&fresh).await.unwrap();
        assert_eq!(rogue.view(counter, "get", slot).await, Value::Integer(2));
        assert_ne!(slot, Slot::ZERO);
        for process in [counter, source, other] {
            rogue.check_log(process).await;
        }
    });
    cluster.stop();
}
