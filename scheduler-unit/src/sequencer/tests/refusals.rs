//! Refusals for good: signed with the batch, kept, and never taken back.

use protocol::{ControlAction, Entry, Limits, Message, Principal, RefusalCode, Signed, Slot, Tag};

use super::kinds::{born, restarted, speak};
use crate::{
    fixture::{
        NETWORK, NOW, client, control, control_by, key, message, message_body, process, scheduler,
        speaker::tell, submission,
    },
    sequencer::testing::Told,
    store::testing::FaultDisk,
};

#[test]
fn what_has_expired_is_refused_for_good_and_the_proof_is_kept() {
    let disk = FaultDisk::new();
    let mut bench = born(&disk, &[1]);
    let late = message(process(1, NOW), 1, NOW);
    bench.clocks.pass(70_000);
    let told = bench.submit(vec![
        submission(1, late.clone()),
        submission(2, message(process(1, NOW), 2, NOW.saturating_add(70_000))),
    ]);
    assert_eq!(told[0].1.final_code(), RefusalCode::Expired);
    assert_eq!(told[1].1.assignment().slot, Slot::new(1));
    for _ in 0..2 {
        let proof = bench.archive().refusal(&late.id()).unwrap().expect("it was refused");
        proof.verify(NETWORK, &scheduler().public().unit()).unwrap();
        assert_eq!(proof.refusal.floor, NOW.saturating_add(70_000));
        bench = restarted(&disk, bench);
        bench.clocks.step(-86_400_000);
        // The time in the log is a floor: however the host's clock stands, it stays refused.
        assert!(matches!(bench.one(submission(3, late.clone())), Told::LookUp));
        bench.clocks.step(86_400_000);
    }
    let refused = bench.archive().refusal(&process(1, NOW).spawn_entry()).unwrap();
    assert_eq!(refused, None);
}

#[test]
fn a_batch_of_refusals_alone_is_durable() {
    let disk = FaultDisk::new();
    let mut bench = born(&disk, &[1]);
    let batches = bench.archive().log.count().unwrap();
    let mut body = message_body(process(1, NOW), 1, NOW.saturating_add(60_000));
    body.tags = vec![Tag { name: "x".repeat(900), value: "y".repeat(900) }];
    let huge = Entry::Message(Signed::sign(body, &client()));
    assert_eq!(bench.one(submission(1, huge.clone())).final_code(), RefusalCode::TooLarge);
    assert!(matches!(bench.one(submission(2, huge.clone())), Told::LookUp), "no second leaf");
    assert_eq!(bench.archive().log.count().unwrap(), batches + 1);
    let bench = restarted(&disk, bench);
    assert!(bench.archive().refusal(&huge.id()).unwrap().is_some());
}

#[test]
fn a_refused_delivery_uses_up_its_number_and_the_pair_goes_on() {
    let disk = FaultDisk::new();
    let mut bench = born(&disk, &[1, 2]);
    let target = process(2, NOW);
    let huge = protocol::ItemBody::Tell { method: "x".repeat(100), args: vec![0xa0; 1] };
    let huge = match huge {
        protocol::ItemBody::Tell { method, .. } => {
            let value = protocol::Value::Text("y".repeat(2_000));
            let args = protocol::Value::Map(vec![(protocol::Value::Text("a".to_owned()), value)]);
            protocol::ItemBody::Tell { method, args: args.encode().unwrap() }
        }
        other => other,
    };
    let items = vec![(target, Some(0), huge), (target, Some(1), tell()), (target, Some(2), tell())];
    let speaker = speak(&bench, 1, items);
    assert_eq!(bench.one(speaker.delivery(1, 1)).code(), RefusalCode::OutOfOrder);
    assert_eq!(bench.one(speaker.delivery(2, 0)).final_code(), RefusalCode::TooLarge);
    bench.one(speaker.delivery(3, 1)).assignment();
    assert!(matches!(bench.one(speaker.delivery(4, 0)), Told::LookUp), "it has its answer");
    let mut bench = restarted(&disk, bench);
    assert!(matches!(bench.one(speaker.delivery(5, 0)), Told::LookUp));
    bench.one(speaker.delivery(6, 2)).assignment();
}

#[test]
fn a_stopped_process_takes_no_calls_but_what_is_owed_to_it() {
    let disk = FaultDisk::new();
    let mut bench = born(&disk, &[1, 2]);
    let stopped = process(2, NOW);
    let reply = protocol::ItemBody::Reply {
        slot: Slot::ZERO,
        index: 0,
        answer: protocol::AskAnswer::Value(vec![0x03]),
    };
    let items = vec![(stopped, Some(0), tell()), (stopped, Some(1), reply)];
    let speaker = speak(&bench, 1, items);
    bench.one(submission(0, control(stopped, 1, ControlAction::Stop))).assignment();
    for round in 0..2 {
        let told = bench.one(submission(1, message(stopped, round, NOW)));
        assert_eq!(told.final_code(), RefusalCode::Stopped);
        bench = restarted(&disk, bench);
    }
    assert_eq!(bench.one(speaker.delivery(2, 0)).final_code(), RefusalCode::Stopped);
    bench.one(speaker.delivery(3, 1)).assignment();
    bench.one(submission(4, control(stopped, 2, ControlAction::Stop))).assignment();
}

#[test]
fn who_becomes_controller_later_cannot_use_an_order_that_was_refused() {
    let disk = FaultDisk::new();
    let mut bench = born(&disk, &[1]);
    let (target, heir) = (process(1, NOW), key(8));
    let early = control_by(&heir, target, 1, ControlAction::Stop);
    let told = bench.one(submission(1, early.clone()));
    assert_eq!(told.final_code(), RefusalCode::NotController);
    let account = Principal::Account(heir.public().account());
    let told = bench.one(submission(2, control(target, 2, ControlAction::Controller(account))));
    told.assignment();
    for _ in 0..2 {
        assert!(matches!(bench.one(submission(3, early.clone())), Told::LookUp));
        bench = restarted(&disk, bench);
    }
    let now = control_by(&heir, target, 3, ControlAction::Stop);
    bench.one(submission(4, now)).assignment();
    let old = bench.one(submission(5, control(target, 4, ControlAction::Stop)));
    assert_eq!(old.final_code(), RefusalCode::NotController);
}

#[test]
fn garbage_is_refused_without_a_trace() {
    let mut bench = born(&FaultDisk::new(), &[1]);
    let batches = bench.archive().log.count().unwrap();
    let body = Message { expiry: NOW, ..message_body(process(1, NOW), 1, NOW) };
    let forged = Entry::Message(Signed::sign(body, &key(9)));
    assert!(matches!(bench.one(submission(1, forged)), Told::Refused(RefusalCode::WrongSigner)));
    assert_eq!(Limits::DEFAULT.pending, 10_000);
    assert_eq!(bench.archive().log.count().unwrap(), batches);
}
