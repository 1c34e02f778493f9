//! Reads the annotated vectors in `vectors/`: every object decodes, encodes to the same bytes and
//! has the digests, ids and signatures that the file says. Formats gain versions; old vectors stay.

mod states;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Debug,
    fs,
    path::Path,
};

use minicbor::{Decode, Encode, bytes::ByteVec};

use crate::{
    abi::{Input, Output},
    api::{
        Adopted, AgendaPage, Blobs, FollowFrame, HeadPage, Kept, LogPage, ModuleBytes, NextNumber,
        Opening, OutboxPage, OutcomePage, ProcessPage, Records, Request, Response, Stored,
        SubmitEvent, SubmitFrame, TailFrame, TailReport, UnitStatus,
    },
    schema::Schema,
    *,
};

/// The network of all vectors.
const NETWORK: NetworkId = NetworkId::from_bytes([0x4e; 32]);

/// Words about an object, in the order of the file.
type Facts = Vec<(&'static str, String)>;

/// One object of a file.
#[derive(Debug, Default)]
struct Vector {
    file: String,
    kind: String,
    facts: Vec<(String, String)>,
    bytes: Vec<u8>,
}

/// Reads `name: word` lines and lines of hex; `#` starts a comment, `type:` an object.
fn parse(file: &str, text: &str) -> Vec<Vector> {
    let mut vectors: Vec<Vector> = Vec::new();
    for line in text.lines() {
        let line = line.split('#').next().unwrap().trim();
        if let Some(("type", kind)) = line.split_once(": ") {
            vectors.push(Vector {
                file: file.to_owned(),
                kind: kind.to_owned(),
                ..Default::default()
            });
        } else if let Some((name, word)) = line.split_once(": ") {
            let vector = vectors.last_mut().expect("a file opens with a type");
            vector.facts.push((name.to_owned(), word.to_owned()));
        } else if !line.is_empty() {
            let hex = line.replace(' ', "");
            let bytes = data_encoding::HEXLOWER.decode(hex.as_bytes()).expect(line);
            vectors.last_mut().expect("a file opens with a type").bytes.extend(bytes);
        }
    }
    vectors
}

fn all() -> Vec<Vector> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors");
    let mut vectors = Vec::new();
    for file in fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "txt") {
            let name = path.file_name().unwrap().to_str().unwrap();
            vectors.extend(parse(name, &fs::read_to_string(&path).unwrap()));
        }
    }
    vectors
}

#[track_caller]
fn object<T>(bytes: &[u8]) -> T
where
    T: Encode<()> + for<'b> Decode<'b, ()> + Debug,
{
    let object: T = codec::decode(bytes).unwrap();
    assert_eq!(codec::encode(&object), bytes);
    object
}

fn plain<T>(bytes: &[u8]) -> Facts
where
    T: Encode<()> + for<'b> Decode<'b, ()> + Debug,
{
    object::<T>(bytes);
    Facts::new()
}

/// Checks the signature, too.
fn signed<T: Body + Debug + Clone>(bytes: &[u8]) -> Facts {
    let signed: Signed<T> = object(bytes);
    let digest = signed.digest();
    signed.clone().verify(NETWORK).unwrap();
    let authority = codec::encode(signed.authority());
    let again = Signed::<T>::from_parts(signed.body_bytes().to_vec(), object(&authority)).unwrap();
    assert_eq!(codec::encode(&again), bytes);
    vec![("digest", digest.to_string()), ("signer", signed.signer().unit().to_string())]
}

fn entry(bytes: &[u8]) -> Facts {
    let entry: Entry = object(bytes);
    match &entry {
        Entry::Spawn(spawn) => {
            let body = spawn.unverified();
            assert!(body.acceptance.holds(NETWORK, &body.module, &body.profile));
            drop(signed::<Spawn>(&codec::encode(spawn)));
        }
        Entry::Message(message) => drop(signed::<Message>(&codec::encode(message))),
        Entry::Control(control) => drop(signed::<Control>(&codec::encode(control))),
        Entry::Answer(answer) => drop(signed::<PairStatement>(&codec::encode(&answer.statement))),
        Entry::Delivery(_) | Entry::Skip(_) | Entry::Timer(_) => {}
    }
    vec![("id", entry.id().to_string()), ("target", entry.target().to_string())]
}

fn log(bytes: &[u8]) -> Facts {
    let log: Vec<Assignment> = object(bytes);
    let mut facts = Facts::new();
    let mut chain = Hash::ZERO;
    for slot in &log {
        chain = chain_hash(&chain, slot.epoch, slot.slot, slot.time, &slot.entry);
        facts.push(("chain", chain.to_string()));
        assert_eq!(slot.chain, chain);
    }
    facts.extend(log.iter().map(|slot| ("leaf", slot.leaf().to_string())));
    facts.push(("root", merkle_root(log.iter().map(Assignment::leaf).collect()).to_string()));
    facts
}

fn host_table(bytes: &[u8]) -> Facts {
    let entries: Vec<(ByteVec, ByteVec)> = object(bytes);
    let entries = entries.into_iter().map(|(key, value)| (key.into(), value.into()));
    let entries: BTreeMap<Vec<u8>, Vec<u8>> = entries.collect();
    vec![("root", host_table_root(&entries).to_string())]
}

fn public_key(bytes: &[u8]) -> Facts {
    let key: PublicKey = object(bytes);
    vec![
        ("account", key.account().to_string()),
        ("unit", key.unit().to_string()),
        ("operator", key.operator().to_string()),
    ]
}

fn policy(bytes: &[u8]) -> Facts {
    let policy: ComputePolicy = object(bytes);
    policy.check().unwrap();
    let process = ProcessId::from_bytes([0x77; 32]);
    let ranked = policy.ranked(&process).into_iter().map(|unit| ("ranked", unit.to_string()));
    [("digest", policy.digest().to_string()), ("process", process.to_string())]
        .into_iter()
        .chain(ranked)
        .collect()
}

fn outcome(bytes: &[u8]) -> Facts {
    let outcome: Outcome = object(bytes);
    let items = outcome.outbox.iter().map(|item| ("item", item.leaf().to_string()));
    items.chain([("digest", outcome.digest().to_string())]).collect()
}

fn assignment_proof(bytes: &[u8]) -> Facts {
    let proof: AssignmentProof = object(bytes);
    let scheduler = proof.batch.unverified().scheduler;
    proof.verify(NETWORK, &scheduler).unwrap();
    vec![("leaf", proof.assignment.leaf().to_string()), ("scheduler", scheduler.to_string())]
}

fn receipt(bytes: &[u8]) -> Facts {
    let receipt: Receipt = object(bytes);
    receipt.verify(NETWORK).unwrap();
    vec![
        ("digest", receipt.leaf.digest().to_string()),
        ("leaf", receipt.leaf.leaf().to_string()),
        ("unit", receipt.unit().to_string()),
    ]
}

fn fault(bytes: &[u8]) -> Facts {
    let culprits = object::<Fault>(bytes).culprits(NETWORK).unwrap();
    culprits.into_iter().map(|unit| ("culprit", unit.to_string())).collect()
}

fn provenance(bytes: &[u8]) -> Facts {
    let provenance: Provenance = object(bytes);
    let process = Domain::Spawn.digest(&[&provenance.spawn]);
    let process = ProcessId::from_bytes(*process.as_bytes());
    let source = provenance.source(&process, NETWORK).unwrap();
    vec![("process", process.to_string()), ("scheduler", source.scheduler().to_string())]
}

fn unit_record(bytes: &[u8]) -> Facts {
    let record: Signed<UnitRecord> = object(bytes);
    record.check_record(NETWORK, Timestamp::ZERO).unwrap();
    signed::<UnitRecord>(bytes)
}

fn value(bytes: &[u8]) -> Facts {
    assert_eq!(Value::decode(bytes).unwrap().encode().unwrap(), bytes);
    // Whether JSON objects keep their order depends on features of other crates.
    let json = json::bytes_to_json(bytes).to_string();
    let sorted: BTreeMap<String, serde_json::Value> = serde_json::from_str(&json).unwrap();
    vec![("json", serde_json::to_string(&sorted).unwrap())]
}

type Reader = fn(&[u8]) -> Facts;

/// What the files call a format, and how it is read.
const READERS: &[(&str, Reader)] = &[
    ("Acceptance", plain::<Acceptance>),
    ("Adopted", plain::<Adopted>),
    ("AgendaPage", plain::<AgendaPage>),
    ("AssignmentProof", assignment_proof),
    ("Blobs", plain::<Blobs>),
    ("Change", plain::<Change>),
    ("Checkpoint", states::checkpoint),
    ("CheckpointAnswer", states::checkpoint_answer),
    ("ComputePolicy", policy),
    ("Entry", entry),
    ("Fault", fault),
    ("FollowFrame", plain::<FollowFrame>),
    ("GlobalValue", plain::<GlobalValue>),
    ("HeadPage", plain::<HeadPage>),
    ("HostTable", host_table),
    ("HostTableChunk", states::host_table_chunk),
    ("Input", plain::<Input>),
    ("Kept", plain::<Kept>),
    ("KeyProof", states::key_proof),
    ("Log", log),
    ("LogPage", plain::<LogPage>),
    ("MemoryNode", states::memory_node),
    ("ModuleBytes", |bytes| {
        let module: ModuleBytes = object(bytes);
        vec![("id", ModuleId::of(&module.module).to_string())]
    }),
    ("NextNumber", plain::<NextNumber>),
    ("Opening", plain::<Opening>),
    ("OriginProof", plain::<OriginProof>),
    ("OutboxPage", plain::<OutboxPage>),
    ("Outcome", outcome),
    ("OutcomePage", plain::<OutcomePage>),
    ("Output", plain::<Output>),
    ("PageProof", states::page_proof),
    ("ProcessPage", plain::<ProcessPage>),
    ("Proof", states::proof),
    ("Profile", |bytes| vec![("id", object::<Profile>(bytes).id().to_string())]),
    ("Provenance", provenance),
    ("PublicKey", public_key),
    ("Receipt", receipt),
    ("Records", plain::<Records>),
    ("RefusalLeaf", |bytes| vec![("leaf", object::<RefusalLeaf>(bytes).leaf().to_string())]),
    ("Request", plain::<Request>),
    ("Response", plain::<Response>),
    ("Schema", plain::<Schema>),
    ("Signed<BatchHeader>", signed::<BatchHeader>),
    ("Signed<Control>", signed::<Control>),
    ("Signed<HeadStatement>", signed::<HeadStatement>),
    ("Signed<PairStatement>", signed::<PairStatement>),
    ("Signed<ReceiptBatch>", signed::<ReceiptBatch>),
    ("Signed<StateStatement>", signed::<StateStatement>),
    ("Signed<UnitRecord>", unit_record),
    ("Signed<ViewAnswer>", signed::<ViewAnswer>),
    ("State", |bytes| vec![("root", object::<State>(bytes).root().to_string())]),
    ("Stored", plain::<Stored>),
    ("SubmitEvent", plain::<SubmitEvent>),
    ("SubmitFrame", plain::<SubmitFrame>),
    ("TailFrame", plain::<TailFrame>),
    ("TailReport", plain::<TailReport>),
    ("UnitStatus", plain::<UnitStatus>),
    ("Value", value),
    ("ViewRequest", |bytes| vec![("digest", object::<ViewRequest>(bytes).digest().to_string())]),
];

#[test]
fn every_vector_is_as_its_file_says() {
    for vector in all() {
        let reader = READERS.iter().find(|(kind, _)| *kind == vector.kind);
        let (_, reader) = reader.unwrap_or_else(|| panic!("{}: {}?", vector.file, vector.kind));
        let facts = reader(&vector.bytes);
        let listed = vector.facts.iter().map(|(name, word)| (name.as_str(), word.clone()));
        assert_eq!(facts, listed.collect::<Vec<_>>(), "{}", vector.file);
    }
}

#[test]
fn every_format_has_a_vector() {
    let vectors = all();
    let present: BTreeSet<&str> = vectors.iter().map(|vector| vector.kind.as_str()).collect();
    let expected: BTreeSet<&str> = READERS.iter().map(|(kind, _)| *kind).collect();
    assert_eq!(present, expected);
}

#[test]
fn every_variant_has_a_vector() {
    let vectors = all();
    for (kind, forms) in [
        ("Entry", 0..7),
        ("Fault", 0..3),
        ("GlobalValue", 0..5),
        ("Input", 0..8),
        ("Opening", 0..6),
        ("Proof", 16..21),
        ("Request", 0..25),
        ("Response", 0..2),
        ("SubmitEvent", 0..5),
    ] {
        let of_kind = vectors.iter().filter(|vector| vector.kind == kind);
        // From 24 on a number takes a byte of its own.
        let number = |vector: &Vector| match vector.bytes[1] {
            24 => vector.bytes[2],
            small => small,
        };
        let numbers: BTreeSet<u8> = of_kind.map(number).collect();
        assert_eq!(numbers, forms.collect(), "{kind}");
    }
}

#[test]
fn the_vectors_of_a_delivery_and_of_its_origin_fit_together() {
    let vectors = all();
    let of_kind = |kind| vectors.iter().filter(move |vector| vector.kind == kind);
    let proof: OriginProof = object(&of_kind("OriginProof").next().unwrap().bytes);
    let deliveries = of_kind("Entry").filter_map(|vector| match object(&vector.bytes) {
        Entry::Delivery(delivery) => Some(delivery),
        _ => None,
    });
    let verified: Vec<_> = deliveries
        .map(|delivery| proof.verify(NETWORK, (&delivery).into(), None, false, PublicKey::verifies))
        .collect();
    assert_eq!(verified, [Ok(())]);
}

#[test]
fn the_vectors_of_checkpoints_and_of_their_blobs_fit_together() {
    let vectors = all();
    let of_kind = |kind| vectors.iter().filter(move |vector| vector.kind == kind);
    let blob = |kind| Hash::of_blob(&of_kind(kind).next().unwrap().bytes);
    let (mut nodes, mut chunks) = (Vec::new(), Vec::new());
    for vector in of_kind("Checkpoint") {
        let CheckpointState::Live { memory, host_table, .. } =
            object::<Checkpoint>(&vector.bytes).state
        else {
            continue;
        };
        nodes.extend(memory.root.iter().map(|entry| entry.address));
        if let HostTableIndex::Chunks(addresses) = host_table {
            chunks.extend(addresses);
        }
    }
    assert_eq!(nodes.last(), Some(&blob("MemoryNode")));
    assert_eq!(chunks.first(), Some(&blob("HostTableChunk")));
}

#[test]
fn comments_and_spaces_are_no_part_of_a_vector() {
    let text = "# A comment.\ntype: Timer\nid: x\n82 # two\n  01\n\n02 # : no fact\n";
    let [vector] = <[Vector; 1]>::try_from(parse("file", text)).unwrap();
    assert_eq!(vector.kind, "Timer");
    assert_eq!(vector.facts, [("id".to_owned(), "x".to_owned())]);
    assert_eq!(vector.bytes, [0x82, 0x01, 0x02]);
}
