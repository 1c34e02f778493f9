#![allow(warnings)]
use crate::*;
use crate::examples::*;
#[test]
fn dump() {
    use std::io::Write;
    let mut out = std::fs::File::create("/tmp/vectors.tsv").unwrap();
    let mut put = |file: &str, kind: &str, bytes: Vec<u8>| {
        let reader = vectors::READERS.iter().find(|(k, _)| *k == kind).expect(kind).1;
        let facts = reader(&bytes);
        let facts: Vec<String> = facts.iter().map(|(n, w)| format!("{n}: {w}")).collect();
        writeln!(out, "{file}\t{kind}\t{}\t{}", data_encoding::HEXLOWER.encode(&bytes), facts.join("\u{1}")).unwrap();
    };
    fn e<T: minicbor::Encode<()>>(t: T) -> Vec<u8> { codec::encode(&t) }
    for (n, x) in ["spawn","message","delivery","skip","timer","answer","control"].iter().zip(entries()) { put(&format!("entry-{n}"), "Entry", e(x)); }
    for x in control_actions() { put("control", "Signed<Control>", e(control(x))); }
    put("log", "Log", e(assignments()));
    put("batch-header", "Signed<BatchHeader>", e(assignment_proof().batch));
    put("assignment-proof", "AssignmentProof", e(assignment_proof()));
    put("refusal-leaf", "RefusalLeaf", e(statements::refusal_leaf()));
    put("receipt", "Receipt", e(receipt()));
    put("receipt", "Signed<ReceiptBatch>", e(receipt().batch));
    put("outcome", "Outcome", e(outcome()));
    let failed = Outcome { reply: Reply::Failure(Failure::of(FailureKind::OutOfGas)), logs: vec![], events: vec![], outbox: vec![], ..outcome() };
    put("outcome", "Outcome", e(failed));
    put("origin-proof", "OriginProof", e(origin_proof()));
    put("provenance", "Provenance", e(provenance()));
    put("provenance", "Change", e(Change { control: control(ControlAction::Move(unit(9))), sealed: assignment_proof() }));
    for x in statements::faults() { put("fault", "Fault", e(x)); }
    put("unit-record", "Signed<UnitRecord>", e(statements::unit_record()));
    put("view", "ViewRequest", e(statements::view_request()));
    for x in statements::view_answers() { put("view", "Signed<ViewAnswer>", e(x)); }
    put("head-statement", "Signed<HeadStatement>", e(statements::head()));
    put("pair-statement", "Signed<PairStatement>", e(pair_statement(Verdict::Assigned(Slot::new(5)))));
    put("pair-statement", "Signed<PairStatement>", e(pair_statement(Verdict::Refused(RefusalCode::Expired))));
    put("key", "PublicKey", e(client().public()));
    put("policy", "ComputePolicy", e(policy()));
    put("policy", "ComputePolicy", e(ComputePolicy { units: (1..=5).map(unit).collect(), quorum: 3, version: 1, previous: Some(policy().digest()) }));
    put("acceptance", "Acceptance", e(acceptance()));
    put("profile", "Profile", e(Profile::v1()));
    let table: Vec<(minicbor::bytes::ByteVec, minicbor::bytes::ByteVec)> = [("pair", "1"), ("timer", "two"), ("ask", "3"), ("call", "")].iter().map(|(k,v)| (byte_vec(k.as_bytes().to_vec()), byte_vec(v.as_bytes().to_vec()))).collect();
    put("host-table", "HostTable", e(Vec::<(minicbor::bytes::ByteVec, minicbor::bytes::ByteVec)>::new()));
    put("host-table", "HostTable", e(table[..1].to_vec()));
    put("host-table", "HostTable", e(table));
    for x in guest::inputs() { put("input", "Input", e(x)); }
    for x in guest::outputs() { put("output", "Output", e(x)); }
    put("schema", "Schema", e(guest::schema()));
    let v = Value::Map(vec![
        (Value::Text("null".into()), Value::Null), (Value::Text("bool".into()), Value::Bool(true)),
        (Value::Text("small".into()), Value::Integer(-1)), (Value::Text("large".into()), Value::Integer(u64::MAX.into())),
        (Value::Text("half".into()), Value::Float(1.5)), (Value::Text("single".into()), Value::Float(100_000.0)), (Value::Text("double".into()), Value::Float(1.1)),
        (Value::Text("bytes".into()), Value::Bytes(vec![1,2,3])), (Value::Text("list".into()), Value::Array(vec![Value::Integer(1), Value::Text("b".into())])),
    ]);
    put("value", "Value", v.encode().unwrap());
    use frames as f;
    for x in f::requests() { put("request", "Request", e(x)); }
    let r = f::responses();
    put("response", "Response", e(r.last().unwrap().clone()));
    put("response", "Response", e(r[r.len()-2].clone()));
    for x in f::openings() { put("opening", "Opening", e(x)); }
    put("submit-frame", "SubmitFrame", e(f::submit_frame()));
    for x in f::submit_events() { put("submit-event", "SubmitEvent", e(x)); }
    put("tail-frame", "TailFrame", e(f::tail_frame()));
    put("follow-frame", "FollowFrame", e(f::follow_frame()));
    put("unit-status", "UnitStatus", e(f::unit_status()));
    put("records", "Records", e(f::records()));
    put("log-page", "LogPage", e(f::log_page()));
    put("next-number", "NextNumber", e(f::next_number()));
    put("process-page", "ProcessPage", e(f::process_page()));
    put("module", "Stored", e(api::Stored { module: module() }));
    put("module", "ModuleBytes", e(f::module_bytes()));
    put("outcome-page", "OutcomePage", e(f::outcome_page()));
}
