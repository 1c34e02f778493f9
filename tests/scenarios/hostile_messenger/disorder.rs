//! Everything twice, in random order and in bad company.

use protocol::{AskAnswer, ItemBody, OutboxItem, PairNumber, RefusalCode, Slot, Value};

use super::rogue::{Parcel, Rogue};
use crate::support::{Cluster, directory, process};

/// Balls thrown.
const ROUNDS: i128 = 12;
/// Transfers from each bank to the other.
const TRANSFERS: i128 = 4;

/// Numbers that are the same each time.
struct Dice(u64);

impl Dice {
    /// One of so many.
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        usize::try_from((self.0 >> 33) % u64::try_from(sides).unwrap()).unwrap()
    }
}

/// The item as the rogue would like it.
fn forged(dice: &mut Dice, parcel: &Parcel, other: &Parcel) -> Parcel {
    parcel.altered(|parcel| match dice.roll(4) {
        0 => corrupt(&mut parcel.item),
        1 => {
            let pair = parcel.item.pair.as_mut().unwrap();
            pair.number = PairNumber::new(pair.number.get() + 1);
        }
        2 => parcel.item.target = parcel.source,
        // The other's proof is of another item.
        _ => parcel.origin = other.origin.clone(),
    })
}

fn corrupt(item: &mut OutboxItem) {
    match &mut item.body {
        ItemBody::Tell { args, .. } | ItemBody::Ask { args, .. } => *args = vec![0xa0],
        ItemBody::Reply { answer, .. } => *answer = AskAnswer::Value(vec![0x18, 99]),
        other => panic!("not delivered: {other:?}"),
    }
}

/// Delivers everything that comes of some parcels; each twice, none in its turn but by chance.
async fn deliver_all(rogue: &mut Rogue, dice: &mut Dice, mut pending: Vec<Parcel>) {
    let mut done: Vec<(Parcel, Slot)> = Vec::new();
    while !pending.is_empty() {
        let at = dice.roll(pending.len());
        let parcel = pending[at].clone();
        if let Some((other, _)) = done.first().filter(|_| dice.roll(2) == 0) {
            let forged = forged(dice, &parcel, other);
            let answer = rogue.deliver(&forged).await;
            assert_eq!(answer, Err(RefusalCode::BadOrigin), "{forged:?}");
        }
        match rogue.deliver(&parcel).await {
            Ok(slot) => {
                let came = rogue.parcels(parcel.item.target, slot).await;
                pending.extend(came.into_iter().filter(|parcel| parcel.item.pair.is_some()));
                pending.swap_remove(at);
                done.push((parcel, slot));
            }
            Err(code) => assert_eq!(code, RefusalCode::OutOfOrder),
        }
        if !done.is_empty() {
            let (again, slot) = &done[dice.roll(done.len())];
            assert_eq!(rogue.deliver(again).await, Ok(*slot), "the same again");
        }
    }
}

#[test]
fn disorder_forgery_and_repetition_change_nothing() {
    let data = directory();
    let cluster = Cluster::up(data.path(), &["--computes", "1"]);
    let player = || cluster.spawn(example_modules::PINGPONG, "{}");
    let bank = || cluster.spawn(example_modules::BANK, r#"{"balance":100}"#);
    let (ping, pong, left, right) = (player(), player(), bank(), bank());
    let all = [&ping, &pong, &left, &right].map(|id| process(id));
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let mut rogue = Rogue::of(&cluster).await;
        let mut dice = Dice(42);
        let args = |name: &str, whom: &str, count: &str, value: i128| {
            Value::Map(vec![
                (Value::Text(name.to_owned()), Value::Text(whom.to_owned())),
                (Value::Text(count.to_owned()), Value::Integer(value)),
            ])
        };
        let mut pending = Vec::new();
        let game = args("peer", &pong, "rounds", ROUNDS);
        let slot = rogue.send(process(&ping), "start", &game).await;
        pending.extend(rogue.parcels(process(&ping), slot).await);
        for _ in 0..TRANSFERS {
            for (from, to, amount) in [(&left, &right, 3), (&right, &left, 1)] {
                let transfer = args("to", to, "amount", amount);
                let slot = rogue.send(process(from), "transfer", &transfer).await;
                pending.extend(rogue.parcels(process(from), slot).await);
            }
        }
        deliver_all(&mut rogue, &mut dice, pending).await;

        for (bank, balance) in [(&left, 92), (&right, 108)] {
            let bank = process(bank);
            assert_eq!(rogue.view(bank, "balance", Slot::ZERO).await, Value::Integer(balance));
            assert_eq!(rogue.view(bank, "under_way", Slot::ZERO).await, Value::Integer(0));
            let counts = Value::Array(vec![Value::Integer(TRANSFERS); 2]);
            assert_eq!(rogue.view(bank, "counts", Slot::ZERO).await, counts);
        }
        for player in [&ping, &pong] {
            let caught = rogue.view(process(player), "count", Slot::ZERO).await;
            assert_eq!(caught, Value::Integer(ROUNDS / 2));
        }
        for process in all {
            rogue.check_log(process).await;
        }
    });

    // An honest messenger goes on where the rogue has left everything.
    let _messenger = cluster.start_again("messenger", 1);
    let transfer = format!(r#"{{"to":"{right}","amount":2}}"#);
    let sent = cluster.run(&["send", &left, "transfer", &transfer]).done();
    assert_eq!(sent["reply"], 90, "{sent}");
    let sent = cluster.run(&["view", &right, "balance"]).done();
    assert_eq!(sent["reply"], 110, "{sent}");
    cluster.stop();
}
