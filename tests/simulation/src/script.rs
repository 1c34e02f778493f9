//! What actors are told to do: trees of effects, made up from a seed.

use protocol::{
    ProcessId, Spawn, Timestamp,
    abi::{GuestEffect, GuestResult, Output},
    codec,
};

use crate::{actor::script, numbers::Numbers};

/// The value null.
const NULL: [u8; 1] = [0xf6];

/// Writes scripts.
#[derive(Debug)]
pub(crate) struct Author {
    pub(crate) numbers: Numbers,
    pub(crate) processes: Vec<ProcessId>,
    /// What a child is made of, but for its parent and nonce.
    pub(crate) child: Spawn,
    /// The last token that was given to anything.
    pub(crate) token: u64,
}

impl Author {
    /// What a process does with something that is called at about a time, and what that leads to.
    pub(crate) fn output(&mut self, me: ProcessId, at: Timestamp, depth: u32) -> Output {
        let count = if depth == 0 { 0 } else { self.numbers.below(4) };
        let mut effects: Vec<_> = (0..count).map(|_| self.effect(me, at, depth - 1)).collect();
        if depth > 0 && self.numbers.chance(8) {
            effects.extend(self.ticking(at));
        }
        Output { result: self.result(me, at, depth), effects }
    }

    fn script(&mut self, me: ProcessId, at: Timestamp, depth: u32) -> Vec<u8> {
        if self.numbers.chance(4) {
            return script(None);
        }
        let output = self.output(me, at, depth);
        script(Some(&output))
    }

    fn result(&mut self, me: ProcessId, at: Timestamp, depth: u32) -> GuestResult {
        match self.numbers.below(24) {
            0 => GuestResult::Error { code: "no".to_owned(), detail: String::new() },
            1 => GuestResult::Later,
            2 => GuestResult::Held,
            // Whoever asked does this when it hears the reply.
            3..6 if depth > 1 => GuestResult::Reply(self.script(me, at, 1)),
            _ => GuestResult::Reply(NULL.to_vec()),
        }
    }

    /// A timer that comes again and again, and another one that ends it.
    fn ticking(&mut self, at: Timestamp) -> [GuestEffect; 2] {
        let due = at.saturating_add(self.numbers.below(3_000));
        let every = Some(200 + self.numbers.below(1_000));
        let end = due.saturating_add(self.numbers.below(6_000));
        let (method, call, catch_up) = ("do".to_owned(), None, self.numbers.chance(50));
        self.token += 2;
        let (ticks, ends) = (self.token - 1, self.token);
        let effects = vec![GuestEffect::CancelTimer { token: ticks }];
        let stop = Output { result: GuestResult::Reply(NULL.to_vec()), effects };
        let timer = |token, due, every, args| {
            let method = method.clone();
            GuestEffect::SetTimer { token, due, every, catch_up, method, args, call }
        };
        [timer(ticks, due, every, vec![0xa0]), timer(ends, end, None, script(Some(&stop)))]
    }

    fn effect(&mut self, me: ProcessId, at: Timestamp, depth: u32) -> GuestEffect {
        let target = *self.numbers.pick(&self.processes);
        let (method, hint, call) = ("do".to_owned(), None, None);
        self.token += 1;
        let token = self.token;
        let patience = *self.numbers.pick(&[1, 40, 800, 4_000, 4_000, 20_000, 20_000]);
        match self.numbers.below(20) {
            0..8 => {
                let args = self.script(target, at, depth);
                GuestEffect::Tell { target, method, args, hint }
            }
            8..15 => {
                let args = self.script(target, at, depth);
                GuestEffect::Ask { target, method, args, token, patience, hint, call }
            }
            15..18 => {
                let due = at.saturating_add(self.numbers.below(6_000));
                let args = self.script(me, at, depth);
                let (every, catch_up) = (None, false);
                GuestEffect::SetTimer { token, due, every, catch_up, method, args, call }
            }
            _ => {
                let (sender, nonce) = (protocol::Principal::Process(me), token);
                let spawn = codec::encode(&Spawn { sender, nonce, ..self.child.clone() });
                GuestEffect::Spawn { spawn, token, patience, call }
            }
        }
    }
}
