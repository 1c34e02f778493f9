use protocol::UnitId;

use super::*;

fn unit(kind: &str, counters: &[(&str, u64)]) -> StatusShape {
    StatusShape {
        kind: kind.to_owned(),
        unit: UnitId::from_bytes([1; 32]),
        address: "127.0.0.1:1".to_owned(),
        operator: "oper1x".to_owned(),
        up: true,
        software: Some("0.1.0".to_owned()),
        started: Some(1_000),
        error: None,
        counters: counters
            .iter()
            .map(|(name, count)| ((*name).to_owned(), (*count).into()))
            .collect(),
    }
}

#[test]
fn a_glance_shows_who_is_up_and_what_they_did() {
    let unreachable = ActorError { code: "unreachable".to_owned(), detail: "no answer".to_owned() };
    let down =
        StatusShape { up: false, started: None, error: Some(unreachable), ..unit("compute", &[]) };
    let scheduler = unit("scheduler", &[("assigned", 1), ("batches", 9), ("processes", 2)]);
    let status = Status {
        network: "net1x".to_owned(),
        gateway: Some("http://127.0.0.1:2".to_owned()),
        units: vec![scheduler, down],
    };
    let id = UnitId::from_bytes([1; 32]);
    let expected = format!(
        "network   net1x\n\
         explorer  http://127.0.0.1:2\n\
         units     1 of 2 up\n\n\
         unit       state    work                    address\n\
         scheduler  up 90 s  2 processes, 1 message  {id}@127.0.0.1:1\n\
         compute    down     unreachable             {id}@127.0.0.1:1"
    );
    assert_eq!(status.glance(Timestamp::new(91_000)), expected);
}

#[test]
fn details_cannot_command_a_terminal() {
    let hostile = StatusShape { software: Some("\u{1b}[2J".to_owned()), ..unit("compute", &[]) };
    assert!(!details(&hostile).contains('\u{1b}'));
}
