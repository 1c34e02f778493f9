//! The outputs of the guest contract ([`abi::Output`](protocol::abi::Output)).
//!
//! Written by hand, as inputs are read by hand: derived encoders with their errors would be much of
//! a small module.

use std::slice::Chunks;

use protocol::abi::{GuestEffect, GuestResult};

use crate::{Error, cbor::Writer, expansion::Answer};

/// How much memory is kept for the next output, in bytes.
const KEPT: usize = 64 << 10;

/// A reply of null, encoded.
const NOTHING: &[u8] = &[0x82, 0x00, 0x41, 0xf6];

/// Encodes an output, as [`protocol::codec`] does, in the place of the last one.
pub(super) fn write(bytes: &mut Vec<u8>, answer: &Result<Answer, Error>, effects: &[GuestEffect]) {
    if bytes.capacity() > KEPT {
        *bytes = Vec::new();
    }
    bytes.clear();
    let mut out = Writer::new(bytes);
    out.array(2);
    match answer {
        Ok(Answer::Nothing) => out.encoded(NOTHING),
        Ok(Answer::Reply(value)) => reply(&mut out, value),
        Ok(Answer::Later) => out.array(1).unsigned(2),
        Ok(Answer::Held) => out.array(1).unsigned(3),
        Err(error) => refusal(&mut out, error.code(), error.detail()),
    };
    out.array(effects.len() as u64);
    for effect in effects {
        write_effect(&mut out, effect);
    }
}

/// Encodes a saved state ([`abi::SavedState`](protocol::abi::SavedState)).
pub(super) fn write_saved(version: u32, chunks: Chunks<'_, u8>) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut out = Writer::new(&mut bytes);
    out.array(2).unsigned(version.into()).array(chunks.len() as u64);
    for chunk in chunks {
        out.bytes(chunk);
    }
    bytes
}

fn write_result(out: &mut Writer<'_>, result: &GuestResult) {
    match result {
        GuestResult::Reply(value) => reply(out, value),
        GuestResult::Error { code, detail } => refusal(out, code, detail),
        GuestResult::Later => out.array(1).unsigned(2),
        GuestResult::Held => out.array(1).unsigned(3),
    };
}

fn reply<'o, 'a>(out: &'o mut Writer<'a>, value: &[u8]) -> &'o mut Writer<'a> {
    out.array(2).unsigned(0).bytes(value)
}

fn refusal<'o, 'a>(out: &'o mut Writer<'a>, code: &str, detail: &str) -> &'o mut Writer<'a> {
    out.array(3).unsigned(1).text(code).text(detail)
}

fn write_effect(out: &mut Writer<'_>, effect: &GuestEffect) {
    match effect {
        GuestEffect::Log { level, text } => {
            out.array(3).unsigned(0).unsigned((*level).into()).text(text);
        }
        GuestEffect::Event { name, data } => {
            out.array(3).unsigned(1).text(name).bytes(data);
        }
        GuestEffect::Tell { target, method, args, hint } => {
            out.array(4 + u64::from(hint.is_some())).unsigned(2);
            out.bytes(target.as_bytes()).text(method).bytes(args);
            if let Some(hint) = hint {
                out.bytes(hint.as_bytes());
            }
        }
        GuestEffect::Ask { target, method, args, token, patience, hint, call } => {
            let len = if call.is_some() { 8 } else { 6 + u64::from(hint.is_some()) };
            out.array(len).unsigned(3).bytes(target.as_bytes()).text(method).bytes(args);
            out.unsigned(*token).unsigned(*patience);
            match hint {
                Some(hint) => out.bytes(hint.as_bytes()),
                None if call.is_some() => out.null(),
                None => out,
            };
            last(out, *call);
        }
        GuestEffect::Reply { call, result } => {
            out.array(3).unsigned(4).unsigned(*call);
            write_result(out, result);
        }
        GuestEffect::SpawnBare { module, args, name, nonce } => {
            out.array(5).unsigned(5).bytes(module.as_bytes()).bytes(args).text(name);
            out.unsigned(*nonce);
        }
        GuestEffect::SetTimer { token, due, every, catch_up, method, args, call } => {
            out.array(7 + u64::from(call.is_some())).unsigned(6).unsigned(*token);
            out.unsigned(due.get()).optional(*every).bool(*catch_up).text(method).bytes(args);
            last(out, *call);
        }
        GuestEffect::CancelTimer { token } => {
            out.array(2).unsigned(7).unsigned(*token);
        }
        GuestEffect::Spawn { spawn, token, patience, call } => {
            out.array(4 + u64::from(call.is_some())).unsigned(8).bytes(spawn);
            out.unsigned(*token).unsigned(*patience);
            last(out, *call);
        }
    }
}

/// The last field, left out if it is absent.
fn last(out: &mut Writer<'_>, call: Option<u64>) {
    if let Some(call) = call {
        out.unsigned(call);
    }
}

#[cfg(test)]
mod tests;
