use super::*;

fn process(seed: u8) -> ProcessId {
    ProcessId::from_bytes([seed; 32])
}

#[tokio::test]
async fn what_gathers_is_told_once_with_the_newest_slot_of_each_process() {
    let reports = Reports::default();
    reports.executed(process(2), Slot::new(1));
    reports.executed(process(1), Slot::new(7));
    reports.executed(process(2), Slot::new(5));
    let report = reports.next().await;
    let told: Vec<_> = report.executed.iter().map(|c| (c.process, c.slot.get())).collect();
    assert_eq!(told, [(process(1), 7), (process(2), 5)]);
    let next = tokio::spawn(async move {
        let report = reports.next().await;
        (reports, report)
    });
    assert!(!next.is_finished());
    next.abort();
}

#[tokio::test]
async fn provenances_are_told_one_at_a_time() {
    let reports = Reports::default();
    let provenance = Provenance { spawn: vec![1], changes: vec![] };
    reports.superseded(process(1), provenance.clone());
    reports.superseded(process(2), provenance);
    assert_eq!(reports.next().await.superseded.len(), 1);
    assert_eq!(reports.next().await.superseded.len(), 1);
    assert!(reports.take().superseded.is_empty());
}
