//! The way of what is sent: under way, delivered, refused, submitted again.

use protocol::{
    FailureKind, Principal, ProcessId, RefusalCode, Spawn, Timestamp,
    abi::{AnswerInput, GuestResult},
    codec,
};

use super::{
    Letter, RESUBMIT, SLOTS_MAX, Sim,
    answers::{Sent, failure, system},
    process::Process,
};
use crate::cbor;

/// How long an ask looks for a process that is nowhere, in milliseconds.
const SEARCH: u64 = 500;

impl Sim {
    pub(super) fn put(&mut self, from: Principal, to: ProcessId, letter: Letter) {
        let arrival = self.time.saturating_add(self.delay_of(from, to));
        let letters = self.under_way.entry((from, to)).or_default();
        // Nothing overtakes what was sent before.
        let arrival = letters.back().map_or(arrival, |(before, _)| arrival.max(*before));
        letters.push_back((arrival, letter));
    }

    /// Submits a client's message, which may be lost.
    pub(super) fn submit(&mut self, to: ProcessId, letter: Letter) {
        if self.is_lost(to) {
            self.lost.push_back((self.time.saturating_add(RESUBMIT), to, letter));
        } else {
            self.put(Self::CLIENT.into(), to, letter);
        }
    }

    /// Whether a letter is handed over once it has come. What is for a process that does not exist
    /// waits, as messengers try again: it may be born yet.
    fn is_taken(&self, to: &ProcessId, letter: &Letter) -> bool {
        let exists = match self.processes.get(to) {
            Some(process) => process.is_up(),
            None => self.unborn.contains(to),
        };
        let begins = matches!(letter, Letter::Birth { .. } | Letter::Client { .. });
        let is_new = begins && !self.processes.contains_key(to);
        !self.cut_off.contains(to) && (exists || is_new)
    }

    /// The pairs whose next letter is handed over once it has come, and when that is.
    fn arrivals(&self) -> impl Iterator<Item = ((Principal, ProcessId), Timestamp)> {
        self.under_way.iter().filter_map(|(pair, letters)| {
            let (arrival, letter) = letters.front()?;
            self.is_taken(&pair.1, letter).then_some((*pair, *arrival))
        })
    }

    /// The open asks of what is nowhere: when that is said, who asks, and the token. They stay under
    /// way: of a process that is born after all they are passed over.
    fn astray(&self) -> impl Iterator<Item = (Timestamp, ProcessId, u64)> {
        let pairs = self.under_way.iter().filter(|((_, to), _)| self.is_nowhere(to));
        pairs.flat_map(move |((from, to), letters)| {
            letters.iter().filter_map(move |(arrival, letter)| match (from, letter) {
                (Principal::Process(asker), Letter::Ask { token, .. }) => {
                    let asking = self.processes.get(asker)?;
                    let waits = asking.is_up() && asking.asks(*token, *to);
                    waits.then(|| (arrival.saturating_add(SEARCH), *asker, *token))
                }
                _ => None,
            })
        })
    }

    /// Whether no scheduler would know a process.
    fn is_nowhere(&self, process: &ProcessId) -> bool {
        let known = self.processes.contains_key(process) || self.unborn.contains(process);
        let is_birth = |(_, letter): &(_, Letter)| matches!(letter, Letter::Birth { .. });
        let mut coming = self.under_way.iter().filter(|((_, to), _)| to == process);
        // Of what cannot be reached nobody can say that it is nowhere.
        !known
            && !self.cut_off.contains(process)
            && !coming.any(|(_, letters)| letters.iter().any(is_birth))
    }

    /// One of the pairs whose next letter can be delivered.
    pub(super) fn choose(&mut self) -> Option<(Principal, ProcessId)> {
        let ready = self.arrivals().filter(|(_, arrival)| *arrival <= self.time);
        let ready: Vec<_> = ready.map(|(pair, _)| pair).collect();
        let at = self.draw().checked_rem(ready.len() as u64)?;
        ready.get(usize::try_from(at).ok()?).copied()
    }

    /// A number by the seed. Xorshift, as by Marsaglia.
    pub(super) const fn draw(&mut self) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random
    }

    pub(super) fn deliver(&mut self, from: Principal, to: ProcessId) {
        let Some(letters) = self.under_way.get_mut(&(from, to)) else { return };
        let letter = letters.pop_front();
        if letters.is_empty() {
            self.under_way.remove(&(from, to));
        }
        let Some((_, letter)) = letter else { return };
        self.slots += 1;
        assert!(self.slots < SLOTS_MAX, "the actors talk for ever");
        if let Letter::Birth { spawn, parent } = letter {
            return self.bear(from, to, spawn, parent);
        }
        if let (Letter::Ask { token, .. }, Principal::Process(source)) = (&letter, from) {
            let asker = self.processes.get(&source);
            // What is not asked any more is passed over.
            if !asker.is_some_and(|asker| asker.asks(*token, to)) {
                return;
            }
            if let Some(kind) = self.refusal(to) {
                let letter = Letter::Answer { token: *token, answer: system(kind, 0) };
                return self.put(to.into(), source, letter);
            }
        }
        if let Letter::Client { ticket, expiry, .. } = &letter
            && let Some(refusal) = self.refusal_of_client(to, *expiry)
        {
            self.replies.insert(*ticket, refusal);
            return;
        }
        let Some(process) = self.processes.get_mut(&to) else { return };
        let sent = process.handle(self.time, from, letter);
        self.take(to, sent);
        self.shake(to);
    }

    /// Why a client's message is not handled.
    fn refusal_of_client(&self, to: ProcessId, expiry: Timestamp) -> Option<GuestResult> {
        let code = match () {
            () if self.unborn.contains(&to) => return Some(failure(FailureKind::NotBorn)),
            () if !self.processes.contains_key(&to) => RefusalCode::UnknownProcess,
            () if self.time > expiry => RefusalCode::Expired,
            () => return None,
        };
        let detail = "the message was refused and has no effect".to_owned();
        Some(GuestResult::Error { code: code.word().to_owned(), detail })
    }

    /// Why a process takes no ask.
    fn refusal(&self, to: ProcessId) -> Option<FailureKind> {
        if self.unborn.contains(&to) {
            return Some(FailureKind::NotBorn);
        }
        self.refusing.contains(&to).then_some(FailureKind::Refused)
    }

    /// Makes a process, and tells its parent.
    fn bear(&mut self, from: Principal, id: ProcessId, spawn: Vec<u8>, parent: Option<u64>) {
        let body: Spawn = codec::decode(&spawn).expect("a child's spawn is canonical");
        let made = self.modules.get(&body.module).map(|make| {
            let mut process = Process::new(id, &body, *make);
            let sent = process.bear(self.time, spawn, &body);
            (process, sent)
        });
        let (answer, sent) = match made {
            Some((process, Ok(sent))) => {
                self.processes.insert(id, process);
                (AnswerInput::Reply(cbor::NULL.to_vec()), sent)
            }
            Some((_, Err(answer))) => {
                self.unborn.insert(id);
                (answer, Vec::new())
            }
            None => (system(FailureKind::NotBorn, 0), Vec::new()),
        };
        self.take(id, sent);
        if let (Some(token), Principal::Process(parent)) = (parent, from) {
            self.put(id.into(), parent, Letter::Answer { token, answer });
        }
    }

    /// Takes what a process sends: letters, and replies to clients.
    fn take(&mut self, from: ProcessId, sent: Vec<Sent>) {
        for sent in sent {
            match sent {
                Sent::Letter(to, letter) => self.put(from.into(), to, letter),
                Sent::Reply(ticket, result) => {
                    self.replies.insert(ticket, result);
                }
            }
        }
    }

    /// Lets time pass to whatever comes next, if there is anything until then.
    pub(super) fn pass_to_next(&mut self, end: Timestamp) -> bool {
        let processes = self.processes.iter().filter(|(_, process)| process.is_up());
        let due = processes.filter_map(|(id, process)| Some((process.next_due()?, *id))).min();
        let arrivals = self.arrivals().map(|(_, arrival)| arrival);
        let submissions = self.lost.front().map(|(again, ..)| *again);
        let astray = self.astray().map(|(due, ..)| due);
        let other = arrivals.chain(submissions).chain(astray).min();
        match (due, other) {
            (Some((due, id)), other) if other.is_none_or(|other| due <= other) => {
                if due > end {
                    return false;
                }
                self.time = self.time.max(due);
                self.handle_due(id);
            }
            (_, Some(other)) if other <= end => {
                self.time = self.time.max(other);
                self.submit_again();
                self.end_astray();
            }
            _ => return false,
        }
        true
    }

    /// Has a process handle what is due.
    fn handle_due(&mut self, id: ProcessId) {
        let Some(process) = self.processes.get(&id) else { return };
        if let Some(letter) = process.take_due(self.time) {
            self.handle_own(id, letter);
        }
    }

    /// Ends the asks of what is nowhere, once that is known.
    fn end_astray(&mut self) {
        while let Some((due, asker, token)) = self.astray().min()
            && due <= self.time
        {
            let answer = system(FailureKind::NoSuchProcess, 2);
            self.handle_own(asker, Letter::Answer { token, answer });
        }
    }

    /// Has a process handle what comes by itself: it does not wait for what others have sent.
    fn handle_own(&mut self, id: ProcessId, letter: Letter) {
        let Some(process) = self.processes.get_mut(&id) else { return };
        self.slots += 1;
        let sent = process.handle(self.time, id.into(), letter);
        self.take(id, sent);
        self.shake(id);
    }

    /// Submits once more what was lost long enough ago, or gives up.
    fn submit_again(&mut self) {
        while self.lost.front().is_some_and(|(again, ..)| *again <= self.time) {
            let Some((_, to, letter)) = self.lost.pop_front() else { return };
            match &letter {
                Letter::Client { ticket, expiry, .. } if self.time > *expiry => {
                    let refusal = self.refusal_of_client(to, *expiry);
                    self.replies.extend(refusal.map(|refusal| (*ticket, refusal)));
                }
                _ => self.submit(to, letter),
            }
        }
    }
}
