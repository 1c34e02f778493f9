use protocol::{
    ComputePolicy, Delivery, EntryId, Epoch, Message, OriginProof, PairNumber, ProcessId, Slot,
    Timer, TimerKind, api::Submission, codec,
};

use super::*;
use crate::{
    fixture::{
        NETWORK, NOW, Teller, client, compute, control, key, message, message_body, opened,
        other_scheduler, process, spawn, spawn_body, submission, verifier, verifier_since, verify,
    },
    sequencer::testing::Bench,
    store::testing::FaultDisk,
};

fn fresh() -> Verifier {
    verifier(&opened(&FaultDisk::new()))
}

#[track_caller]
fn refused(ready: Ready) -> RefusalCode {
    match ready {
        Ready::Refused(refusal) => refusal.code,
        other => panic!("not refused: {other:?}"),
    }
}

fn verify_entry(verifier: &Verifier, entry: Entry) -> Ready {
    verify(verifier, NOW, submission(0, entry))
}

#[test]
fn what_is_properly_signed_passes() {
    let verifier = fresh();
    for entry in [spawn(1, NOW), message(process(1, NOW), 1, NOW)] {
        let Ready::Checked(checked) = verify_entry(&verifier, entry.clone()) else { panic!() };
        assert_eq!(checked.id, entry.id());
        assert_eq!(codec::decode::<Entry>(&checked.entry), Ok(entry));
    }
}

#[test]
fn another_key_may_not_sign_for_an_account() {
    let body = message_body(process(1, NOW), 1, NOW);
    let entry = Entry::Message(Signed::sign(body, &key(8)));
    assert_eq!(refused(verify_entry(&fresh(), entry)), RefusalCode::WrongSigner);
}

#[test]
fn a_changed_body_does_not_keep_its_signature() {
    let signed = Signed::sign(message_body(process(1, NOW), 1, NOW), &client());
    let changed = codec::encode(&message_body(process(1, NOW), 2, NOW));
    let forged = Signed::from_parts(changed, *signed.authority()).unwrap();
    assert_eq!(refused(verify_entry(&fresh(), Entry::Message(forged))), RefusalCode::BadSignature);
}

#[test]
fn nobody_in_particular_may_send() {
    let body = Message { sender: Principal::Anonymous, ..message_body(process(1, NOW), 1, NOW) };
    let entry = Entry::Message(Signed::sign(body, &client()));
    assert_eq!(refused(verify_entry(&fresh(), entry)), RefusalCode::WrongSigner);
}

#[test]
fn another_network_is_refused() {
    let network = NetworkId::from_bytes([1; 32]);
    let body = Message { network, ..message_body(process(1, NOW), 1, NOW) };
    let entry = Entry::Message(Signed::sign(body, &client()));
    assert_eq!(refused(verify_entry(&fresh(), entry)), RefusalCode::WrongNetwork);
}

#[test]
fn a_spawn_that_breaks_a_rule_is_refused() {
    let other = other_scheduler().public().unit();
    let elsewhere = Spawn { scheduler: other, ..spawn_body(1, NOW) };
    let profile = ProfileId::from_bytes([1; 32]);
    let unknown_profile = Spawn { profile, ..spawn_body(1, NOW) };
    let module = ModuleId::of(b"other");
    let unknown_module = Spawn { module, ..spawn_body(1, NOW) };
    let mut unaccepted = spawn_body(1, NOW);
    unaccepted.acceptance.signature = protocol::Signature::from_bytes([0; 64]);
    let mut outsider = spawn_body(1, NOW);
    outsider.policy = ComputePolicy { units: vec![other], ..outsider.policy };
    let cases = [
        (elsewhere, RefusalCode::WrongScheduler),
        (unknown_profile, RefusalCode::UnknownProfile),
        (unknown_module, RefusalCode::UnknownModule),
        (unaccepted, RefusalCode::BadAcceptance),
        (outsider, RefusalCode::BadBody),
    ];
    for (body, code) in cases {
        let entry = Entry::Spawn(Signed::sign(body, &client()));
        assert_eq!(refused(verify_entry(&fresh(), entry)), code);
    }
}

#[test]
fn accounts_that_are_not_listed_are_refused() {
    let opened = opened(&FaultDisk::new());
    let unit = crate::fixture::scheduler().public().unit();
    let with = |account| {
        let shards = Arc::clone(&opened.shards);
        Verifier::new(NETWORK, unit, Some(vec![account]), shards, Timestamp::ZERO)
    };
    let entries = [spawn(1, NOW), message(process(1, NOW), 1, NOW)];
    for entry in entries {
        let listed = with(client().public().account());
        assert!(matches!(verify_entry(&listed, entry.clone()), Ready::Checked(_)));
        let unlisted = with(key(8).public().account());
        assert_eq!(refused(verify_entry(&unlisted, entry)), RefusalCode::NotListed);
    }
}

#[test]
fn what_a_process_emits_comes_with_its_proof_and_nothing_else_does() {
    let target = process(1, NOW);
    let mut bare = Teller::new(target, 1).delivery(0, 0);
    let origin = bare.origin.take();
    let Entry::Delivery(delivery) = bare.entry.clone() else { panic!() };
    let timer = Timer {
        process: target,
        slot: Slot::ZERO,
        index: 0,
        occurrence: 0,
        kind: TimerKind::Timer,
        due: NOW,
    };
    for entry in [bare.entry, Entry::Skip(delivery), Entry::Timer(timer)] {
        assert_eq!(refused(verify_entry(&fresh(), entry)), RefusalCode::BadOrigin);
    }
    let proven = Submission { origin, ..submission(0, message(target, 1, NOW)) };
    assert_eq!(refused(verify(&fresh(), NOW, proven)), RefusalCode::BadOrigin);
}

#[test]
fn a_proven_delivery_passes() {
    let target = process(1, NOW);
    let teller = Teller::new(target, 3);
    let Ready::Checked(checked) = verify(&fresh(), NOW, teller.delivery(0, 2)) else { panic!() };
    let CheckedBody::Delivery(proven) = checked.body else { panic!() };
    assert_eq!((proven.source(), proven.target()), (teller.id, target));
    assert_eq!(proven.number(), PairNumber::new(2));
}

#[test]
fn an_unknown_source_must_be_introduced_once() {
    let (verifier, teller) = (fresh(), Teller::new(process(1, NOW), 2));
    let bare = || teller.delivery_without_introduction(0, 1);
    assert_eq!(refused(verify(&verifier, NOW, bare())), RefusalCode::IntroductionNeeded);
    verifier.meet(&teller.delivery(0, 0));
    assert!(matches!(verify(&verifier, NOW, bare()), Ready::Checked(_)));
}

/// A way to forge a delivery.
type Forgery = fn(&mut Delivery, &mut OriginProof);

#[test]
fn every_forged_part_of_a_delivery_is_refused() {
    let target = process(1, NOW);
    let forgeries: [Forgery; 12] = [
        |delivery, _| delivery.slot = Slot::new(1),
        |delivery, _| delivery.source = ProcessId::from_bytes([7; 32]),
        |delivery, _| delivery.item.target = ProcessId::from_bytes([7; 32]),
        |delivery, _| delivery.item.index += 1,
        |delivery, _| delivery.item.hint = Some(other_scheduler().public().unit()),
        |_, proof| proof.item.siblings[0] = protocol::Hash::ZERO,
        |_, proof| proof.receipts.clear(),
        |_, proof| proof.receipts[0].leaf.gas = protocol::Gas::new(2),
        |_, proof| {
            let body = proof.receipts[0].batch.unverified().clone();
            proof.receipts[0].batch = Signed::sign(body, &key(8));
        },
        |_, proof| proof.assignment.assignment.epoch = Epoch::new(1),
        |_, proof| proof.assignment.assignment.entry = EntryId::from_bytes([7; 32]),
        |_, proof| {
            let body = proof.assignment.batch.unverified().clone();
            proof.assignment.batch = Signed::sign(body, &key(8));
        },
    ];
    for (number, forge) in forgeries.iter().enumerate() {
        let mut submission = Teller::new(target, 2).delivery(0, 0);
        let Submission { entry: Entry::Delivery(delivery), origin: Some(proof), .. } =
            &mut submission
        else {
            panic!()
        };
        forge(delivery, proof);
        let code = refused(verify(&fresh(), NOW, submission));
        assert_eq!(code, RefusalCode::BadOrigin, "forgery {number}");
    }
}

#[test]
fn a_delivery_without_proof_is_refused() {
    let mut submission = Teller::new(process(1, NOW), 1).delivery(0, 0);
    submission.origin = None;
    assert_eq!(refused(verify(&fresh(), NOW, submission)), RefusalCode::BadOrigin);
}

#[test]
fn messages_from_before_the_start_are_looked_up() {
    let disk = FaultDisk::new();
    let mut bench = Bench::new(opened(&disk));
    let target = process(1, NOW);
    bench.submit(vec![submission(0, spawn(1, NOW)), submission(1, message(target, 1, NOW))]);
    bench.archive().close();
    drop(bench);
    let opened = opened(&disk);
    let verifier = verifier_since(&opened, NOW);
    let known = verify_entry(&verifier, message(target, 1, NOW));
    let Ready::Known(place) = known else { panic!("{known:?}") };
    assert_eq!(place, Place { process: target, slot: Slot::new(1) });
    assert!(matches!(verify_entry(&verifier, message(target, 2, NOW)), Ready::Checked(_)));
}

#[test]
fn an_upgrade_is_sent_on_to_who_orders_the_log_now_whatever_its_module() {
    let mut bench = Bench::new(opened(&FaultDisk::new()));
    let target = process(1, NOW);
    let module = ModuleId::of(b"stored with the next scheduler");
    let profile = Profile::current().id();
    let acceptance = Acceptance::sign(&compute(), NETWORK, &module, &profile);
    let upgrade = |nonce| {
        let acceptance = acceptance.clone();
        control(target, nonce, ControlAction::Upgrade { module, acceptance, raw: false })
    };
    assert_eq!(bench.one(submission(0, upgrade(1))).code(), RefusalCode::UnknownProcess);
    bench.one(submission(0, spawn(1, NOW))).assignment();
    assert_eq!(bench.one(submission(0, upgrade(2))).code(), RefusalCode::UnknownModule);
    let next = other_scheduler().public().unit();
    bench.one(submission(0, control(target, 3, ControlAction::Move(next)))).assignment();
    assert_eq!(bench.one(submission(0, upgrade(4))).code(), RefusalCode::Moved);
}
