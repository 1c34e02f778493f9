//! Logs that go from one scheduler to another.

use protocol::{
    Assignment, Control, ControlAction, Gas, Kind, Outcome, Principal, Receipt, Reply, SecretKey,
    UnitId, V1,
    api::{Adopted, Adoption, ExecutedHead, TailReport},
};

use super::{
    fake::Fake,
    log_streams::{read_log, too_large},
    *,
};

fn unit(key: &SecretKey) -> UnitId {
    key.public().unit()
}

/// The scheduler that logs go to.
fn next_scheduler() -> SecretKey {
    key(11)
}

pub(super) fn control(target: ProcessId, nonce: u64, action: ControlAction) -> Signed<Control> {
    control_by(&client(), target, nonce, action)
}

fn control_by(
    controller: &SecretKey,
    target: ProcessId,
    nonce: u64,
    action: ControlAction,
) -> Signed<Control> {
    let body = Control {
        version: V1,
        kind: Kind,
        network: NETWORK,
        sender: Principal::Account(controller.public().account()),
        target,
        nonce,
        expiry: now().saturating_add(60_000),
        action,
    };
    Signed::sign(body, controller)
}

fn adoption(control: &Signed<Control>, from: Vec<UnitId>) -> Request {
    let (control, attested) = (control.clone(), Vec::new());
    Request::Adopt(Box::new(Adoption { control, attested, from }))
}

/// Two schedulers that know of each other.
struct Two {
    directory: Directory,
    data: [tempfile::TempDir; 2],
    old: Server,
    new: Server,
}

impl Two {
    fn start() -> Self {
        let directory = Directory::new(NETWORK);
        let data = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
        let [one, two] = [data[0].path(), data[1].path()];
        let old = Server::start_as(&scheduler(), one, &directory, |config| config);
        let new = Server::start_as(&next_scheduler(), two, &directory, |config| config);
        Self { directory, data, old, new }
    }

    async fn restart_new(self) -> Self {
        let Self { directory, data, old, new } = self;
        new.stop().await;
        let path = data[1].path();
        let new = Server::start_as(&next_scheduler(), path, &directory, |config| config);
        Self { directory, data, old, new }
    }

    async fn stop(self) {
        self.old.stop().await;
        self.new.stop().await;
    }
}

#[tokio::test]
async fn a_moved_log_goes_on_at_its_new_scheduler() {
    let (two, now) = (Two::start(), now());
    let old = two.old.connect(&client()).await;
    let new = two.new.connect(&client()).await;
    old.put_module().await;
    let target = process(1, now);
    let teller = Teller::new(target, 3);
    old.submit(vec![submission(1, spawn(1, now)), submission(2, spawn(2, now))]).await;
    let first = old.submit(messages(target, 30, now)).await;
    old.submit(vec![teller.delivery(0, 0), too_large(target, 99, now)]).await;
    let moved = control(target, 0, ControlAction::Move(unit(&next_scheduler())));
    let from = vec![unit(&scheduler())];

    // Shown before it is in the log: everything is fetched, and nothing is owned.
    let request = adoption(&moved, from.clone());
    let adopted: Adopted = new.ask(&request).await.unwrap();
    assert_eq!(adopted, Adopted { next: Slot::new(32), done: false });
    let early = new.submit(vec![submission(0, message(target, 500, now))]).await;
    assert_eq!(early.refused[&0], RefusalCode::Moved);

    let told = old.submit(vec![submission(7, Entry::Control(moved.clone()))]).await;
    assert_eq!(told.assigned[&7].assignment.slot, Slot::new(32));
    let late = old.submit(vec![submission(0, message(target, 501, now))]).await;
    assert_eq!(late.refused[&0], RefusalCode::Moved);
    let adopted: Adopted = new.ask(&request).await.unwrap();
    assert_eq!(adopted, Adopted { next: Slot::new(33), done: true });

    // What was decided before stays decided, and the log goes on.
    let mut all = messages(target, 30, now);
    all.push(teller.delivery(50, 0));
    all.push(too_large(target, 99, now));
    let again = new.submit(all.clone()).await;
    for (tag, proof) in &first.assigned {
        assert_eq!(again.assigned[tag], *proof, "by the scheduler that assigned it");
        proof.verify(NETWORK, &unit(&scheduler())).unwrap();
    }
    assert_eq!(again.assigned[&50].assignment.slot, Slot::new(31));
    assert_eq!(again.refused[&99], RefusalCode::TooLarge);
    let more = new.submit(vec![teller.delivery(0, 1), submission(1, message(target, 600, now))]);
    let more = more.await;
    assert_eq!(more.assigned[&0].assignment.slot, Slot::new(33));
    assert_eq!(more.assigned[&1].assignment.epoch, protocol::Epoch::new(1));
    more.assigned[&1].verify(NETWORK, &unit(&next_scheduler())).unwrap();

    let two = two.restart_new().await;
    let new = two.new.connect(&client()).await;
    assert_eq!(new.submit(all).await.assigned, again.assigned);
    let adopted: Adopted = new.ask(&request).await.unwrap();
    assert_eq!(adopted, Adopted { next: Slot::new(35), done: true });
    let provenance: Provenance = new.ask(&Request::Describe(target)).await.unwrap();
    let source = provenance.source(&target, NETWORK).unwrap();
    assert_eq!(source.scheduler(), unit(&next_scheduler()));
    let described: Provenance = old.ask(&Request::Describe(target)).await.unwrap();
    assert_eq!(described, provenance);
    // The whole log, with whom each part was signed by.
    let frames = read_log(&new, target, 0).await.unwrap();
    let records = frames.iter().flat_map(|frame| &frame.records);
    assert!(records.map(|record| record.assignment.slot.get()).eq(0..35));
    assert_eq!(frames.iter().flat_map(|frame| frame.refusals.iter().flatten()).count(), 1);
    let more = new.submit(vec![teller.delivery(0, 2)]).await;
    assert_eq!(more.assigned[&0].assignment.slot, Slot::new(35));
    two.stop().await;
}

#[tokio::test]
async fn a_log_that_many_want_handed_over_at_once_is_taken_over_once() {
    let (two, now) = (Two::start(), now());
    let old = two.old.connect(&client()).await;
    let new = two.new.connect(&client()).await;
    old.put_module().await;
    let target = process(1, now);
    old.submit(vec![submission(0, spawn(1, now))]).await;
    old.submit(messages(target, 30, now)).await;
    let moved = control(target, 0, ControlAction::Move(unit(&next_scheduler())));
    old.submit(vec![submission(0, Entry::Control(moved.clone()))]).await;
    let request = adoption(&moved, vec![unit(&scheduler())]);
    let ask = || new.ask::<Adopted>(&request);
    let asked = tokio::join!(ask(), ask(), ask(), ask());
    let answers = [asked.0, asked.1, asked.2, asked.3].map(Result::unwrap);
    assert!(answers.iter().any(|adopted| adopted.done), "{answers:?}");
    assert_eq!(ask().await, Ok(Adopted { next: Slot::new(32), done: true }));
    two.stop().await;
}

#[tokio::test]
async fn a_handover_that_nothing_authorises_is_refused() {
    let (two, now) = (Two::start(), now());
    let old = two.old.connect(&client()).await;
    let new = two.new.connect(&client()).await;
    old.put_module().await;
    let target = process(1, now);
    old.submit(vec![submission(1, spawn(1, now))]).await;
    let me = unit(&next_scheduler());
    let from = vec![unit(&scheduler())];
    let mut expired = control(target, 3, ControlAction::Move(me)).unverified().clone();
    expired.expiry = Timestamp::new(now.get() - 1);
    let refused = [
        control(target, 1, ControlAction::Move(unit(&key(12)))),
        control(target, 2, ControlAction::Stop),
        control_by(&key(8), target, 3, ControlAction::Move(me)),
        Signed::sign(expired, &client()),
    ];
    for control in refused {
        let refusal = new.ask::<Adopted>(&adoption(&control, from.clone())).await.unwrap_err();
        assert_eq!(refusal.code, RefusalCode::BadHandover, "{control:?}");
    }
    let elsewhere = control(process(9, now), 4, ControlAction::Move(me));
    let refusal = new.ask::<Adopted>(&adoption(&elsewhere, from)).await.unwrap_err();
    assert_eq!(refusal.code, RefusalCode::UnknownProcess);
    two.stop().await;
}

/// A unit's receipt of some outcome of a slot.
fn attest(assignment: &Assignment, key: &SecretKey) -> Receipt {
    let outcome = Outcome {
        version: V1,
        process: assignment.process,
        slot: assignment.slot,
        entry: assignment.entry,
        reply: Reply::Value(vec![0xf6]),
        gas: Gas::new(1),
        logs: Vec::new(),
        events: Vec::new(),
        outbox: Vec::new(),
    };
    crate::fixture::receipt(&outcome, assignment.chain, key)
}

#[tokio::test]
async fn a_log_whose_scheduler_is_lost_goes_on_behind_the_attested_slot() {
    let (two, now) = (Two::start(), now());
    let old = two.old.connect(&client()).await;
    old.put_module().await;
    let target = process(1, now);
    old.submit(vec![submission(1, spawn(1, now))]).await;
    let sent = old.submit(messages(target, 5, now)).await;
    old.submit((5..9).map(|nonce| submission(nonce, message(target, nonce, now))).collect()).await;
    let fake = Fake::start(&compute(), &two.directory);
    fake.says.lock().unwrap().log = read_log(&old, target, 0).await.unwrap();
    let Two { directory, data, old: server, new: next } = two;
    server.stop().await;

    let new = next.connect(&client()).await;
    let last = sent.assigned[&2].assignment;
    assert_eq!(last.slot, Slot::new(3));
    let me = unit(&next_scheduler());
    let takeover = |nonce, slot: Slot, chain| {
        control(target, nonce, ControlAction::Takeover { scheduler: me, slot, chain })
    };
    let adopt = |control: Signed<Control>, attested: Vec<Receipt>| {
        let from = vec![unit(&compute())];
        Request::Adopt(Box::new(Adoption { control, attested, from }))
    };
    let good = takeover(1, last.slot, last.chain);
    let receipt = attest(&last, &compute());
    let refused = [
        adopt(good.clone(), Vec::new()),
        adopt(good.clone(), vec![attest(&last, &key(20))]),
        adopt(takeover(2, last.slot, Hash::ZERO), vec![receipt.clone()]),
        adopt(takeover(3, Slot::new(2), last.chain), vec![receipt.clone()]),
    ];
    for request in refused {
        let refusal = new.ask::<Adopted>(&request).await.unwrap_err();
        assert_eq!(refusal.code, RefusalCode::BadHandover, "{refusal}");
    }
    let request = adopt(good, vec![receipt]);
    for _ in 0..2 {
        let adopted: Adopted = new.ask(&request).await.unwrap();
        assert_eq!(adopted, Adopted { next: Slot::new(5), done: true });
    }
    let module: ModuleBytes = new.ask(&Request::GetModule(ModuleId::of(WASM))).await.unwrap();
    assert_eq!(module.module, WASM, "the unit that gave the log gave it as well");
    // The message of a void slot may come again.
    let more = new.submit(messages(target, 5, now)).await;
    assert_eq!(more.assigned[&2], sent.assigned[&2]);
    assert_eq!(more.assigned[&3].assignment.slot, Slot::new(5));
    assert_eq!(more.assigned[&3].assignment.epoch, protocol::Epoch::new(1));
    next.stop().await;

    let path = data[1].path();
    let next = Server::start_as(&next_scheduler(), path, &directory, |config| config);
    let new = next.connect(&client()).await;
    assert_eq!(new.submit(messages(target, 5, now)).await.assigned, more.assigned);
    let provenance: Provenance = new.ask(&Request::Describe(target)).await.unwrap();
    let source = provenance.source(&target, NETWORK).unwrap();
    assert_eq!((source.scheduler(), source.first()), (me, Slot::new(4)));
    next.stop().await;
    fake.stop().await;
}

#[tokio::test]
async fn a_scheduler_that_comes_back_learns_that_its_log_goes_on_elsewhere() {
    let (two, now) = (Two::start(), now());
    let old = two.old.connect(&client()).await;
    old.put_module().await;
    let target = process(1, now);
    old.submit(vec![submission(1, spawn(1, now)), submission(2, spawn(2, now))]).await;
    let sent = old.submit(messages(target, 3, now)).await;
    let last = sent.assigned[&1].assignment;
    let new = two.new.connect(&client()).await;
    let (scheduler, slot, chain) = (unit(&next_scheduler()), last.slot, last.chain);
    let control = control(target, 1, ControlAction::Takeover { scheduler, slot, chain });
    let (attested, from) =
        (vec![attest(&last, &compute())], vec![unit(&crate::fixture::scheduler())]);
    let request = Request::Adopt(Box::new(Adoption { control, attested, from }));
    let adopted: Adopted = new.ask(&request).await.unwrap();
    assert_eq!(adopted, Adopted { next: Slot::new(4), done: true });
    let provenance: Provenance = new.ask(&Request::Describe(target)).await.unwrap();

    // The old one has heard of nothing.
    let more = old.submit(vec![submission(0, message(target, 100, now))]).await;
    assert_eq!(more.assigned[&0].assignment.slot, Slot::new(4));
    let teller = Teller::new(target, 3);
    let told = teller.delivery(0, 0);
    let (source, number, entry) = (teller.id, PairNumber::ZERO, told.entry.id());
    let statement = Request::Statement { source, target, number, entry };
    old.submit(vec![told]).await;
    let stated: Signed<PairStatement> = old.ask(&statement).await.unwrap();
    assert_eq!(stated.unverified().verdict, Verdict::Assigned(Slot::new(5)));
    let compute = two.old.connect(&compute()).await;
    let opening = codec::encode(&tail_of_all());
    let (mut reports, _tail) = compute.connection.open_stream(&opening).await.unwrap();
    let mut forged = provenance.clone();
    forged.changes[0].attested = None;
    let report = |superseded| codec::encode(&TailReport { executed: Vec::new(), superseded });
    reports.send(&report(vec![forged, provenance.clone()])).await.unwrap();
    let mut described: Provenance = old.ask(&Request::Describe(target)).await.unwrap();
    while described != provenance {
        described = old.ask(&Request::Describe(target)).await.unwrap();
    }
    // What it said, it says no more: that slot is void.
    let stated = old.ask::<Signed<PairStatement>>(&statement).await;
    assert_eq!(stated.map_err(|refusal| refusal.code), Err(RefusalCode::Moved));
    let other = process(2, now);
    let Two { directory, data, old: server, new: next } = two;
    let sealed = old.submit(vec![
        submission(0, message(target, 101, now)),
        submission(1, message(other, 1, now)),
    ]);
    assert_eq!(sealed.await.refused, BTreeMap::from([(0, RefusalCode::Moved)]));
    server.stop().await;

    let path = data[0].path();
    let server = Server::start_as(&crate::fixture::scheduler(), path, &directory, |config| config);
    let old = server.connect(&client()).await;
    let sealed = old.submit(vec![submission(0, message(target, 102, now))]).await;
    assert_eq!(sealed.refused, BTreeMap::from([(0, RefusalCode::Moved)]));
    let page: ProcessPage = old.ask(&Request::Processes { offset: 0, limit: 9 }).await.unwrap();
    let moved = page.processes.iter().filter_map(|entry| Some((entry.process, entry.moved?)));
    assert_eq!(moved.collect::<Vec<_>>(), [(target, unit(&next_scheduler()))]);
    server.stop().await;
    next.stop().await;
}

#[tokio::test]
async fn a_scheduler_that_was_away_finds_out_at_its_start_that_another_one_took_over() {
    let (two, now) = (Two::start(), now());
    let old = two.old.connect(&client()).await;
    old.put_module().await;
    let target = process(1, now);
    old.submit(vec![submission(1, spawn(1, now))]).await;
    let sent = old.submit(messages(target, 3, now)).await;
    let last = sent.assigned[&2].assignment;
    let new = two.new.connect(&client()).await;
    let (scheduler, slot, chain) = (unit(&next_scheduler()), last.slot, last.chain);
    let control = control(target, 1, ControlAction::Takeover { scheduler, slot, chain });
    let (attested, from) =
        (vec![attest(&last, &compute())], vec![unit(&crate::fixture::scheduler())]);
    let request = Request::Adopt(Box::new(Adoption { control, attested, from }));
    let adopted: Adopted = new.ask(&request).await.unwrap();
    assert!(adopted.done, "{adopted:?}");
    let Two { directory, data, old: server, new: next } = two;
    server.stop().await;

    // A unit has executed the takeover; the old scheduler has ordered nothing since.
    let proof = Request::Proof { process: target, slot: Slot::new(4) };
    let proof: AssignmentProof = new.ask(&proof).await.unwrap();
    let fake = Fake::start(&compute(), &directory);
    let Assignment { process, slot, chain, .. } = proof.assignment;
    fake.says.lock().unwrap().heads = vec![ExecutedHead { process, slot, chain }];
    fake.says.lock().unwrap().proofs = vec![proof];
    let path = data[0].path();
    let server = Server::start_as(&crate::fixture::scheduler(), path, &directory, |config| config);
    let old = server.connect(&client()).await;
    let sealed = old.submit(vec![submission(0, message(target, 102, now))]).await;
    assert_eq!(sealed.refused, BTreeMap::from([(0, RefusalCode::Moved)]));
    server.stop().await;
    next.stop().await;
    fake.stop().await;
}
