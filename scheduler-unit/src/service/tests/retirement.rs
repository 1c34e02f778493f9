//! Units whose place others take by a new policy.

use protocol::{ComputePolicy, ControlAction};

use super::{handovers::control, *};

/// Hears of a tail up to a slot of another process, and gives the slots of this one.
async fn slots(
    receiver: &mut FrameReceiver,
    target: ProcessId,
    (other, last): (ProcessId, u64),
) -> Vec<u64> {
    let mut slots = Vec::new();
    loop {
        let frame: TailFrame = codec::decode(&receiver.recv().await.unwrap().unwrap()).unwrap();
        for record in frame.records {
            let assignment = record.assignment;
            if assignment.process == target {
                slots.push(assignment.slot.get());
            } else if (assignment.process, assignment.slot) == (other, Slot::new(last)) {
                return slots;
            }
        }
    }
}

#[tokio::test]
async fn a_retired_unit_is_sent_the_control_that_retires_it_and_nothing_behind() {
    let data = tempfile::tempdir().unwrap();
    let (server, now) = (Server::start(data.path()), now());
    let client = server.connect(&client()).await;
    client.put_module().await;
    let (target, other) = (process(1, now), process(2, now));
    client.submit(vec![submission(1, spawn(1, now)), submission(2, spawn(2, now))]).await;
    client.submit(messages(target, 1, now)).await;
    let unit = server.connect(&compute()).await;
    let open = async |cursors| {
        let opening = codec::encode(&Opening::Tail { cursors, present: None });
        unit.connection.open_stream(&opening).await.unwrap()
    };
    let (_live, mut live) = open(vec![]).await;
    assert_eq!(slots(&mut live, target, (other, 0)).await.first(), Some(&0));

    let previous = Some(crate::fixture::spawn_body(1, now).policy.digest());
    let units = vec![key(5).public().unit()];
    let policy = ComputePolicy { units, quorum: 1, version: 1, previous };
    let control = Entry::Control(control(target, 0, ControlAction::Policy(policy)));
    let told = client.submit(vec![submission(3, control)]).await;
    assert_eq!(told.assigned[&3].assignment.slot, Slot::new(2));
    client.submit(vec![submission(4, message(target, 9, now))]).await;
    client.submit(vec![submission(5, message(other, 1, now))]).await;
    assert_eq!(slots(&mut live, target, (other, 1)).await.last(), Some(&2));

    let cursor = |slot| vec![Cursor { process: target, slot: Slot::new(slot) }];
    for (cursors, heard) in [(vec![], vec![]), (cursor(1), vec![2]), (cursor(3), vec![])] {
        let (_later, mut later) = open(cursors).await;
        assert_eq!(slots(&mut later, target, (other, 1)).await, heard, "who resumes is told");
    }
    server.stop().await;
}
