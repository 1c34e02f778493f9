//! Replies that nobody gave.

use protocol::{
    AskAnswer, Entry, ItemBody, PairNumber, Principal, RefusalCode, Slot, Value,
    abi::{AnswerInput, Input},
};

use super::{
    puppet::{ask, puppet},
    rogue::{Parcel, Rogue},
};
use crate::support::{Cluster, directory, process};

/// A reply with something else in it.
fn reply(parcel: &Parcel, alter: impl FnOnce(&mut Slot, &mut u32, &mut AskAnswer)) -> Parcel {
    parcel.altered(|parcel| match &mut parcel.item.body {
        ItemBody::Reply { slot, index, answer } => alter(slot, index, answer),
        other => panic!("not a reply: {other:?}"),
    })
}

fn number(parcel: &mut Parcel, number: u64) {
    parcel.item.pair.as_mut().unwrap().number = PairNumber::new(number);
}

/// Whether an input is the answer to the ask of a token, with this integer below 24.
fn is_reply(input: &Input, to: u64, value: u8) -> bool {
    matches!(input, Input::Answer { token, answer: AnswerInput::Reply(reply), .. }
        if *token == to && *reply == [value])
}

#[test]
fn only_what_its_target_replied_answers_an_ask() {
    let data = directory();
    let cluster = Cluster::up(data.path(), &["--computes", "1"]);
    let spawn = |module: &[u8], args: &str| process(&cluster.spawn(module, args));
    let (asker, other) = (spawn(&puppet(), "{}"), spawn(&puppet(), "{}"));
    let one = spawn(example_modules::COUNTER, r#"{"start":4}"#);
    let two = spawn(example_modules::COUNTER, r#"{"start":7}"#);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let mut rogue = Rogue::of(&cluster).await;
        let effects = vec![ask(1, one, 600_000), ask(2, two, 600_000), ask(3, one, 600_000)];
        let asked = rogue.command(asker, effects).await;
        let asked_elsewhere = rogue.command(other, vec![ask(9, one, 600_000)]).await;

        let early = rogue.deliver(&asked[2]).await;
        assert_eq!(early, Err(RefusalCode::OutOfOrder), "the second of a pair");
        let slot = rogue.deliver(&asked[0]).await.unwrap();
        assert_eq!(rogue.deliver(&asked[0]).await, Ok(slot), "the same again has the same place");
        let replied = rogue.parcels(one, slot).await.remove(0);
        let slot = rogue.deliver(&asked[1]).await.unwrap();
        let second = rogue.parcels(two, slot).await.remove(0);
        let slot = rogue.deliver(&asked_elsewhere[0]).await.unwrap();
        let elsewhere = rogue.parcels(one, slot).await.remove(0);

        let forged = [
            ("another value", reply(&replied, |_, _, answer| *answer = AskAnswer::Value(vec![9]))),
            ("another ask", reply(&replied, |_, index, _| *index = 2)),
            ("another slot", reply(&replied, |slot, _, _| *slot = Slot::new(2))),
            ("another asker", replied.altered(|parcel| parcel.item.target = other)),
            ("another number", replied.altered(|parcel| number(parcel, 1))),
            ("another position", replied.altered(|parcel| parcel.item.index = 1)),
            ("another source", replied.altered(|parcel| parcel.source = two)),
            ("another slot of the source", replied.altered(|parcel| parcel.slot = elsewhere.slot)),
            ("the reply to another", elsewhere.altered(|parcel| parcel.item.target = asker)),
            ("one target's for another's", reply(&second, |_, index, _| *index = 0)),
            ("another's proof", replied.altered(|parcel| parcel.origin = second.origin.clone())),
            ("the ask itself, turned", asked[0].altered(|parcel| parcel.item.target = asker)),
        ];
        for (what, forged) in &forged {
            let answer = rogue.deliver(forged).await;
            assert_eq!(answer, Err(RefusalCode::BadOrigin), "{what}");
        }
        let as_skip = Entry::Skip(match replied.entry() {
            Entry::Delivery(delivery) => delivery,
            other => panic!("{other:?}"),
        });
        let answer = rogue.submit(as_skip, Some(replied.origin.clone())).await;
        assert_eq!(answer, Err(RefusalCode::BadBody), "a reply is no skip");

        // In any order: each is the first of its pair.
        let slot = rogue.deliver(&second).await.unwrap();
        assert!(is_reply(&rogue.last_input(asker, slot).await, 2, 8));
        let slot = rogue.deliver(&replied).await.unwrap();
        let input = rogue.last_input(asker, slot).await;
        assert!(is_reply(&input, 1, 5), "{input:?}");
        let Input::Answer { context, .. } = input else { unreachable!("it is an answer") };
        assert_eq!(context.sender, Principal::Process(one));
        for (what, forged) in &forged {
            assert!(rogue.deliver(forged).await.is_err(), "{what}, afterwards");
        }
        assert_eq!(rogue.deliver(&replied).await, Ok(slot));
        let slot = rogue.deliver(&elsewhere).await.unwrap();
        assert!(is_reply(&rogue.last_input(other, slot).await, 9, 6));

        let slot = rogue.deliver(&asked[2]).await.unwrap();
        assert_eq!(rogue.view(one, "get", slot).await, Value::Integer(7), "three asks, once each");
        for process in [asker, other, one, two] {
            rogue.check_log(process).await;
        }
    });
    cluster.stop();
}
