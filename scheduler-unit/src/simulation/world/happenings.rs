//! What happens in a world, one event after the other, and what must hold at its end.

use protocol::{Assignment, Slot, Timestamp, api::LogPage, codec};

use super::*;
use crate::{order::Place, simulation::platter::Fault};

/// Between two attempts of a client, in milliseconds.
const RETRY: u64 = 700;

impl World {
    pub(super) fn happen(&mut self, event: Event) -> Result<(), Broken> {
        match event {
            Event::Act(peer) => self.act(peer),
            Event::Retry(client, entry) => {
                if self.clients[client].waits_for(&entry) {
                    self.insist(client, entry);
                }
            }
            Event::Arrive(peer, submissions) => {
                if let Some(unit) = &self.unit {
                    unit.receive(peer, submissions);
                    let pause = self.numbers.below(60);
                    self.after(pause, Event::Step);
                }
            }
            Event::Step => self.step()?,
            Event::Index => {
                if let Some(unit) = &self.unit {
                    unit.index();
                }
            }
            Event::Told(peer, event) => self.told(peer, &event)?,
            Event::Trouble => self.trouble()?,
            Event::Start => self.start()?,
        }
        Ok(())
    }

    fn time(&self) -> Timestamp {
        NOW.saturating_add(self.now)
    }

    fn act(&mut self, peer: usize) {
        if peer < CLIENTS {
            self.write(peer);
        } else {
            self.carry(peer);
        }
        // In bursts, so that batches have more than one entry.
        let burst = !self.calm && self.numbers.chance(70);
        let pause = if burst { 1 } else { 20 + self.numbers.below(400) };
        self.after(pause, Event::Act(peer));
    }

    /// A client sends something new, or something old again.
    fn write(&mut self, peer: usize) {
        let time = self.time();
        let client = &mut self.clients[peer];
        let again = self.numbers.chance(25);
        match again.then(|| client.any(&mut self.numbers)).flatten() {
            _ if self.calm => {}
            Some(entry) => self.submit(peer, entry),
            None => {
                let entry = client.write(&mut self.numbers, time, &mut self.processes);
                self.insist(peer, entry);
            }
        }
        if self.tellers.is_empty() && self.processes.len() >= 2 {
            let teller = |nonce| Arc::new(Teller::of_many(nonce, &self.processes, TELLS));
            self.tellers = (500..500 + TELLERS).map(teller).collect();
        }
    }

    /// A messenger offers some tells of a pair.
    fn carry(&mut self, peer: usize) {
        if self.tellers.is_empty() {
            return;
        }
        let source = self.numbers.index(self.tellers.len());
        let target = self.processes[self.numbers.index(self.processes.len())];
        if self.calm && !self.checker.logs.contains_key(&target) {
            return;
        }
        let teller = (source, &self.tellers[source]);
        let messenger = &mut self.messengers[peer - CLIENTS];
        let tells = messenger.carry(&mut self.numbers, &mut self.tags, teller, target);
        self.send(peer, tells);
    }

    fn submit(&mut self, client: usize, entry: EntryId) {
        self.tags += 1;
        let submission = self.clients[client].submit(self.tags, entry);
        self.send(client, vec![submission]);
    }

    fn insist(&mut self, client: usize, entry: EntryId) {
        self.submit(client, entry);
        self.after(RETRY + self.tags % 97, Event::Retry(client, entry));
    }

    /// Sends over a network that drops, doubles, delays and thereby reorders.
    fn send(&mut self, peer: usize, submissions: Vec<Submission>) {
        if !submissions.is_empty() {
            for delay in self.delays() {
                self.after(delay, Event::Arrive(peer, submissions.clone()));
            }
        }
    }

    /// When the copies of a message arrive.
    fn delays(&mut self) -> Vec<u64> {
        let Weather { dropped, doubled, delay, .. } = self.weather;
        if self.calm {
            return vec![1];
        }
        let mut delays = Vec::new();
        if !self.numbers.chance(dropped) {
            delays.push(1 + self.numbers.below(delay));
        }
        if self.numbers.chance(doubled) {
            delays.push(1 + self.numbers.below(3 * delay));
        }
        delays
    }

    fn step(&mut self) -> Result<(), Broken> {
        let Some(unit) = &mut self.unit else { return Ok(()) };
        let told = unit.step();
        if self.platter.lost_power() {
            // Nobody hears what was on its way.
            return self.crash();
        }
        let segments = self.platter.durable(self.checker.batches);
        self.checker.durable(&segments)?;
        for (peer, event) in told {
            self.checker.said(&event)?;
            let client = self.clients.get(peer);
            if let Some(entry) =
                client.and_then(|client| client.contradicted(&event, &self.checker))
            {
                return Err(format!("{entry} is acknowledged, and then {event:?}"));
            }
            for delay in self.delays() {
                self.after(delay, Event::Told(peer, Box::new(event.clone())));
            }
        }
        if self.numbers.chance(20) {
            let pause = self.numbers.below(300);
            self.after(pause, Event::Index);
        }
        Ok(())
    }

    /// A peer hears of its submissions.
    fn told(&mut self, peer: usize, event: &SubmitEvent) -> Result<(), Broken> {
        self.report.told += 1;
        let time = self.time();
        if let Some(client) = self.clients.get_mut(peer) {
            client.learn(time, event);
            return Ok(());
        }
        if let SubmitEvent::Refused { refusal, .. } = event
            && !refusal.code.is_retryable()
        {
            return Err(format!("an honest tell is refused for good: {refusal}"));
        }
        let next = |source: usize, target| {
            let teller = self.tellers.get(source)?;
            let found = self.unit.as_ref()?.archive.next_number(&teller.id, &target);
            found.ok().flatten()
        };
        self.messengers[peer - CLIENTS].learn(event, next);
        Ok(())
    }

    fn trouble(&mut self) -> Result<(), Broken> {
        if self.calm {
            return Ok(());
        }
        let (written, lost) = (self.numbers.chance(50), self.numbers.chance(50));
        match self.numbers.below(8) {
            0 | 1 => self.crash()?,
            2 => self.platter.fail(Fault::Power { written }, 0),
            3 => self.platter.fail(Fault::Refused, self.numbers.below(4)),
            4 => self.platter.fail(Fault::Written, self.numbers.below(4)),
            5 => self.platter.fail(Fault::Unsynced { lost }, self.numbers.below(4)),
            6 => self.disk.fail_after(self.numbers.below(20), 1 + self.numbers.below(3)),
            _ => {
                let farthest = self.weather.step.unsigned_abs();
                let by = i64::try_from(self.numbers.below(2 * farthest + 1)).unwrap();
                let by = by - self.weather.step - self.stepped;
                self.clocks.step(by);
                self.stepped += by;
            }
        }
        self.after(200, Event::Step);
        let pause = self.numbers.below(2 * self.weather.peace);
        self.after(pause, Event::Trouble);
        Ok(())
    }

    /// The unit is gone from one moment to the next, with all that its disks had not synced.
    pub(super) fn crash(&mut self) -> Result<(), Broken> {
        self.unit = None;
        self.platter.crash();
        self.disk.crash(self.numbers.next());
        let pause = if self.calm { 1 } else { 1 + self.numbers.below(2_000) };
        self.after(pause, Event::Start);
        // It may have died between the sync and the acknowledgement.
        self.checker.durable(&self.platter.durable(self.checker.batches))
    }

    fn start(&mut self) -> Result<(), Broken> {
        if self.unit.is_some() {
            return Ok(());
        }
        // The first start is on a disk that works: what is left of a database that was never whole
        // is for the tests of the store.
        if !self.calm && self.report.starts > 0 && self.numbers.chance(15) {
            self.disk.fail_after(self.numbers.below(60), u64::MAX);
        }
        let started = Unit::start(&self.platter, &self.disk, &self.clocks, PEERS, self.variant);
        let unit = match started {
            Ok(unit) => unit,
            // It needs no more than a disk that works.
            Err(error) if self.calm => return Err(format!("the unit does not start: {error}")),
            Err(_) => return self.crash(),
        };
        self.report.starts += 1;
        for (entry, assignment) in &self.checker.acknowledged {
            let place = Place { process: assignment.process, slot: assignment.slot };
            let kept = unit.archive.proof(&place).ok().flatten().map(|proof| proof.assignment);
            if kept.as_ref() != Some(assignment) {
                return Err(format!("{entry} was acknowledged, and {kept:?} came back"));
            }
        }
        self.unit = Some(unit);
        Ok(())
    }

    /// Nobody waits, everything that was told has arrived, and readers see what is durable.
    pub(super) fn check_end(&self) -> Result<(), Broken> {
        let unit = self.unit.as_ref().ok_or("the unit does not start")?;
        let waiting = self.clients.iter().map(Client::waiting).sum::<usize>();
        if waiting > 0 {
            return Err(format!("{waiting} entries came to nothing"));
        }
        for teller in &self.tellers {
            for process in teller.targets().filter(|target| self.checker.logs.contains_key(target))
            {
                let arrived = self.checker.pairs.get(&(process, teller.id)).copied();
                if arrived.unwrap_or_default().get() != u64::from(TELLS) {
                    return Err(format!("{process} got tells up to {arrived:?}"));
                }
            }
        }
        for (process, log) in &self.checker.logs {
            let page = unit.archive.page(*process, Slot::ZERO, usize::MAX);
            let page = page.map_err(|error| error.to_string())?.ok_or("a log is missing")?;
            let page: LogPage = codec::decode(&page).map_err(|error| error.to_string())?;
            let seen: Vec<Assignment> =
                page.records.iter().map(|record| record.assignment).collect();
            if seen != *log {
                return Err(format!("readers see another log of {process}"));
            }
        }
        for (entry, assignment) in &self.checker.places {
            let place = Place { process: assignment.process, slot: assignment.slot };
            if unit.archive.find(entry).ok().flatten() != Some(place) {
                return Err(format!("{entry} cannot be found"));
            }
        }
        Ok(())
    }
}
