//! What one message costs in hashing, signing and coding.

use divan::{Bencher, black_box};
use protocol::{
    Entry, Epoch, Hash, Kind, MerkleTree, Message, NetworkId, Principal, ProcessId, SecretKey,
    Signed, Slot, Timestamp, V1, Value, chain_hash, codec,
};

fn main() {
    divan::main();
}

const NETWORK: NetworkId = NetworkId::from_bytes([1; 32]);

fn message() -> Signed<Message> {
    let key = SecretKey::from_seed(&[1; 32]);
    let args = Value::Map(vec![(Value::Text("by".into()), Value::Integer(3))]);
    let message = Message {
        version: V1,
        kind: Kind,
        network: NETWORK,
        sender: Principal::Account(key.public().account()),
        target: ProcessId::from_bytes([2; 32]),
        method: "add".to_owned(),
        args: args.encode().expect("plain integers encode"),
        nonce: 7,
        expiry: Timestamp::new(1_000_000),
        tags: Vec::new(),
        reply_to: None,
        credit: None,
        trace_parent: None,
        evidence: None,
    };
    Signed::sign(message, &key)
}

#[divan::bench]
fn sign(bencher: Bencher<'_, '_>) {
    let key = SecretKey::from_seed(&[1; 32]);
    let body = message().unverified().clone();
    bencher.bench_local(|| Signed::sign(black_box(body.clone()), &key));
}

#[divan::bench]
fn verify(bencher: Bencher<'_, '_>) {
    let message = message();
    bencher.bench_local(|| black_box(message.clone()).verify(NETWORK));
}

#[divan::bench]
fn decode_strictly(bencher: Bencher<'_, '_>) {
    let bytes = codec::encode(&Entry::Message(message()));
    bencher.bench_local(|| codec::decode::<Entry>(black_box(&bytes)));
}

#[divan::bench]
fn entry_id(bencher: Bencher<'_, '_>) {
    let entry = Entry::Message(message());
    bencher.bench_local(|| black_box(&entry).id());
}

#[divan::bench]
fn chain(bencher: Bencher<'_, '_>) {
    let entry = Entry::Message(message()).id();
    let (slot, time) = (Slot::new(7), Timestamp::new(8));
    bencher.bench_local(|| chain_hash(black_box(&Hash::ZERO), Epoch::ZERO, slot, time, &entry));
}

#[divan::bench(args = [1, 16, 256])]
fn batch_root(bencher: Bencher<'_, '_>, leaves: usize) {
    bencher.bench_local(|| MerkleTree::new(vec![black_box(Hash::ZERO); leaves]).root());
}
