//! What connects a compute unit with the others: its tails, its followers, and who is up.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use bytes::Bytes;
use compute_unit::simulation::Unit;
use protocol::{
    ProcessId, Provenance, Role, UnitId, UnitSet,
    api::{Opening, Request, TailFrame, UnitStatus},
    codec,
};
use simulated_tokio::{
    self as tokio,
    sync::{Notify, watch},
    time::{Instant, sleep},
};
use simulated_transport::{
    Connection, Endpoint, FrameReceiver, FrameSender, Handler, Peers, serve,
};
use tokio_util::sync::CancellationToken;

use crate::{numbers::Numbers, trace::note};

const REOPEN_PAUSE: Duration = Duration::from_millis(200);
const DESCRIBE_TIME: Duration = Duration::from_secs(2);
const REPORT_PACE: Duration = Duration::from_millis(20);
const PACE: Duration = Duration::from_secs(1);

struct Compute {
    unit: Mutex<Unit>,
    peers: Peers,
    wake: Notify,
    /// How often something was published.
    published: watch::Sender<u64>,
    present: watch::Sender<Option<UnitSet>>,
    /// How often frames were taken, which may give logs to other schedulers.
    taken: watch::Sender<u64>,
}

/// Lets a unit work until its machine crashes.
pub(crate) fn start(unit: Unit, endpoint: Endpoint, peers: Peers, numbers: Numbers) {
    let compute = Arc::new(Compute {
        unit: Mutex::new(unit),
        peers,
        wake: Notify::new(),
        published: watch::Sender::new(0),
        present: watch::Sender::new(None),
        taken: watch::Sender::new(0),
    });
    for scheduler in compute.peers.directory().units(Role::Scheduler) {
        tokio::spawn(Arc::clone(&compute).follow(scheduler));
    }
    tokio::spawn(Arc::clone(&compute).execute(numbers.clone()));
    tokio::spawn(Arc::clone(&compute).store(numbers));
    tokio::spawn(Arc::clone(&compute).watch());
    tokio::spawn(serve(endpoint, compute, CancellationToken::new()));
}

impl Compute {
    fn unit(&self) -> MutexGuard<'_, Unit> {
        self.unit.lock().unwrap()
    }

    async fn follow(self: Arc<Self>, scheduler: UnitId) {
        loop {
            let connection = self.peers.peer(scheduler).connection().await;
            if let Err(reason) = self.stream(scheduler, &connection).await {
                note(&format!("a tail ended: {reason}"));
            }
            sleep(REOPEN_PAUSE).await;
        }
    }

    async fn stream(&self, scheduler: UnitId, connection: &Connection) -> Result<(), String> {
        let mut present = self.present.subscribe();
        let (opening, report) = self.unit().open(scheduler);
        let opened = connection.open_stream(&opening).await;
        let (mut sender, mut receiver) = opened.map_err(|error| error.to_string())?;
        let sent = sender.send(&codec::encode(&report)).await;
        sent.map_err(|error| error.to_string())?;
        let reporting = async {
            loop {
                sleep(REPORT_PACE).await;
                let report = self.unit().report(scheduler);
                if let Some(report) = report
                    && let Err(error) = sender.send(&codec::encode(&report)).await
                {
                    return error.to_string();
                }
            }
        };
        tokio::select! {
            ended = self.read(scheduler, &mut receiver) => ended,
            error = reporting => Err(error),
            // The next stream is about other logs.
            _ = present.changed() => Ok(()),
            () = self.arrivals(scheduler) => Ok(()),
        }
    }

    /// Completes when logs have come over to a scheduler.
    async fn arrivals(&self, scheduler: UnitId) {
        let mut taken = self.taken.subscribe();
        while !self.unit().has_arrivals(scheduler) {
            // The sender is this unit's.
            drop(taken.changed().await);
        }
    }

    async fn read(&self, scheduler: UnitId, receiver: &mut FrameReceiver) -> Result<(), String> {
        loop {
            let frame = receiver.recv().await.map_err(|error| error.to_string())?;
            let frame = frame.ok_or("the scheduler ended the stream")?;
            let frame: TailFrame = codec::decode(&frame).map_err(|error| error.to_string())?;
            let arrived = self.learn(scheduler, &frame).await;
            let taken = self.unit().take(scheduler, frame);
            self.wake.notify_one();
            self.taken.send_modify(|count| *count += 1);
            taken?;
            if arrived {
                return Ok(());
            }
        }
    }

    /// Asks who processes are; whether logs are executed here now that were not before.
    async fn learn(&self, scheduler: UnitId, frame: &TailFrame) -> bool {
        let mut arrived = false;
        let (mut sources, mut logs) = self.unit().unknown(scheduler, frame);
        let mut schedulers = self.peers.directory().units(Role::Scheduler);
        schedulers.sort_by_key(|other| *other != scheduler);
        for asked in schedulers {
            let wanted: BTreeSet<ProcessId> = sources.iter().chain(&logs).copied().collect();
            for process in wanted {
                let request = Request::Describe(process);
                let answer = self.peers.ask_within::<Provenance>(asked, &request, DESCRIBE_TIME);
                if let Ok(provenance) = answer.await {
                    arrived |= self.unit().learn(scheduler, process, &provenance);
                    logs.retain(|log| *log != process);
                }
            }
            sources = self.unit().unknown_sources(scheduler, frame);
        }
        arrived
    }

    async fn execute(self: Arc<Self>, mut numbers: Numbers) {
        loop {
            self.wake.notified().await;
            while self.unit().waiting() > 0 {
                sleep(Duration::from_micros(numbers.below(2_000))).await;
                let most = usize::try_from(1 + numbers.below(24)).unwrap();
                self.unit().execute(most);
                self.published.send_modify(|count| *count += 1);
            }
        }
    }

    async fn store(self: Arc<Self>, mut numbers: Numbers) {
        loop {
            sleep(Duration::from_millis(1 + numbers.below(60))).await;
            self.unit().sync();
        }
    }

    async fn watch(self: Arc<Self>) {
        loop {
            let me = self.unit().id();
            let mut others = self.peers.directory().units(Role::Compute);
            others.retain(|unit| *unit != me);
            let now = tokio::simulation::now();
            let watched = self.unit().handle_time(now, &others);
            self.tell_present();
            for unit in watched {
                let this = Arc::clone(&self);
                tokio::spawn(async move {
                    let (request, limit) = (Request::Status, Duration::from_secs(3));
                    let asked = this.peers.ask_within::<UnitStatus>(unit, &request, limit);
                    if let Ok(status) = asked.await {
                        let waiting = status.counters.first().map_or(0, |(_, value)| *value);
                        let now = tokio::simulation::now();
                        this.unit().handle_answer(now, &unit, waiting);
                        this.tell_present();
                    }
                });
            }
            tokio::time::sleep_until(Instant::now() + PACE).await;
        }
    }

    fn tell_present(&self) {
        let present = self.unit().present();
        self.present.send_if_modified(|known| {
            let changed = *known != present;
            *known = present;
            changed
        });
    }
}

impl Handler for Compute {
    async fn request(&self, _: UnitId, body: Bytes) -> Bytes {
        let request = codec::decode::<Request>(&body).unwrap();
        self.unit().answer(&request).into()
    }

    async fn stream(
        &self,
        _: UnitId,
        opening: Bytes,
        mut sender: FrameSender,
        _receiver: FrameReceiver,
    ) {
        let Ok(Opening::Follow { cursors }) = codec::decode(&opening) else { return };
        let mut published = self.published.subscribe();
        let mut number = self.unit().first_needed(&cursors);
        loop {
            published.borrow_and_update();
            let frame = self.unit().frame(number);
            match frame {
                Some(frame) => match sender.send_all([frame]).await {
                    Ok(()) => number += 1,
                    Err(_) => return,
                },
                None => {
                    // Whoever follows may go away meanwhile.
                    tokio::select! {
                        changed = published.changed() => if changed.is_err() { return },
                        () = sender.stopped() => return,
                    }
                }
            }
        }
    }
}
