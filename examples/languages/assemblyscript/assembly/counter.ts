// The counter of examples/counter in AssemblyScript: its schema is the same, and so are its replies,
// the codes of its errors and its saved state.

import * as cbor from "./cbor";

// What an input is.
const INIT: u64 = 0;
const CALL: u64 = 1;
const ANSWER: u64 = 2;
const TIMER: u64 = 3;
const LOAD: u64 = 4;
const VIEW: u64 = 5;
const SAVE: u64 = 6;
const ASSIGNED: u64 = 7;

const STATE_VERSION: u64 = 1;

/** The state. */
let n: u64 = 0;

/** Whether the sender of the input is the controller. */
let permitted: bool = false;

/** Gives the place for an input of so many bytes, for which the memory grows if it must. */
export function antiphon_alloc(len: u32): usize {
  const pages = <i32>((<u64>__heap_base + len + 0xffff) >> 16);
  const missing = pages - memory.size();
  if (missing > 0 && memory.grow(missing) < 0) unreachable();
  return __heap_base;
}

export function antiphon_handle(ptr: usize, len: u32): u64 {
  switch (<u32>open(ptr, len)) {
    case <u32>INIT: {
      cbor.enter(cbor.BYTES);
      if (!has("start")) return badArguments();
      n = cbor.take(cbor.UINT);
      return replyNull();
    }
    case <u32>CALL:
      return call();
    // They can only be those of a module before, which this one has no use for.
    case <u32>ANSWER:
    case <u32>TIMER:
      return replyNull();
    case <u32>LOAD:
      return restore();
    case <u32>ASSIGNED:
      return error("unknown-method", "this actor takes no evidence");
    default:
      return unreachable();
  }
}

export function antiphon_view(ptr: usize, len: u32): u64 {
  if (open(ptr, len) != VIEW) unreachable();
  return cbor.isText("get") ? get() : error("unknown-method", "there is no such view");
}

/** Gives `[1, [h'...']]`, whose bytes hold `{"n": number}`. */
export function antiphon_save(ptr: usize, len: u32): u64 {
  if (open(ptr, len) != SAVE) unreachable();
  cbor.begin();
  cbor.write(cbor.ARRAY, 2);
  cbor.write(cbor.UINT, STATE_VERSION);
  cbor.write(cbor.ARRAY, 1);
  cbor.write(cbor.BYTES, 3 + cbor.headLength(n));
  cbor.write(cbor.MAP, 1);
  cbor.writeText("n");
  cbor.write(cbor.UINT, n);
  return cbor.written();
}

/** Begins to read an input, which must be whole: gives its kind, and passes the context. */
function open(ptr: usize, len: u32): u64 {
  cbor.read(ptr, len);
  const items = cbor.take(cbor.ARRAY);
  const kind = cbor.take(cbor.UINT);
  const fields = cbor.take(cbor.ARRAY);
  if (items < 2 || fields < 8) unreachable();
  // Process, slot and time.
  cbor.skip(3);
  const sender = cbor.place();
  cbor.skip(1);
  const controller = cbor.place();
  cbor.skip(1);
  const length = controller - sender;
  // Canonical items are equal if their bytes are.
  permitted = cbor.place() - controller == length && memory.compare(sender, controller, length) == 0;
  cbor.skip(fields - 5);
  const rest = cbor.place();
  cbor.skip(items - 2);
  if (!cbor.isRead()) unreachable();
  cbor.read(rest, ptr + len - rest);
  return kind;
}

function call(): u64 {
  if (cbor.isText("add")) return add();
  if (cbor.isText("reset")) return reset();
  // A view that is sent as a message is executed like one.
  if (cbor.isText("get")) return get();
  return error("unknown-method", "there is no such method");
}

function get(): u64 {
  cbor.enter(cbor.BYTES);
  return isEmpty() ? replyNumber() : badArguments();
}

function add(): u64 {
  cbor.enter(cbor.BYTES);
  if (!has("by")) return badArguments();
  const sum = n + cbor.take(cbor.UINT);
  if (sum < n) return error("refused", "the sum does not fit into 64 bits");
  n = sum;
  return replyNumber();
}

function reset(): u64 {
  cbor.enter(cbor.BYTES);
  if (!isEmpty()) return badArguments();
  if (!permitted) return error("refused", "only the controller may reset");
  n = 0;
  return replyNull();
}

/** Takes what `antiphon_save` of this module, or of the one in any other language, has given. */
function restore(): u64 {
  cbor.take(cbor.ARRAY);
  if (cbor.take(cbor.UINT) != STATE_VERSION) {
    return error("state-version", "the state is not of version 1");
  }
  if (cbor.take(cbor.ARRAY) != 1) return error("bad-state", "the state is no number");
  cbor.enter(cbor.BYTES);
  if (!has("n")) return error("bad-state", "the state is no number");
  n = cbor.take(cbor.UINT);
  return replyNull();
}

/** Whether a map is next whose one entry has this name and is a number, which is read next. */
function has(name: string): bool {
  if (cbor.next() != cbor.MAP || cbor.take(cbor.MAP) != 1) return false;
  return cbor.next() == cbor.TEXT && cbor.isText(name) && cbor.next() == cbor.UINT;
}

/** Whether a map without entries is next. */
function isEmpty(): bool {
  return cbor.next() == cbor.MAP && cbor.take(cbor.MAP) == 0;
}

/** Replies with the number: `[[0, h'...'], []]`. */
function replyNumber(): u64 {
  return reply(cbor.UINT, n);
}

function replyNull(): u64 {
  return reply(cbor.SIMPLE, cbor.NULL);
}

/** Replies with an item that is all head. */
function reply(type: u8, number: u64): u64 {
  cbor.begin();
  cbor.write(cbor.ARRAY, 2);
  cbor.write(cbor.ARRAY, 2);
  cbor.write(cbor.UINT, 0);
  cbor.write(cbor.BYTES, cbor.headLength(number));
  cbor.write(type, number);
  cbor.write(cbor.ARRAY, 0);
  return cbor.written();
}

/** Answers with an error of the actor's own: `[[1, code, detail], []]`. */
function error(code: string, detail: string): u64 {
  cbor.begin();
  cbor.write(cbor.ARRAY, 2);
  cbor.write(cbor.ARRAY, 3);
  cbor.write(cbor.UINT, 1);
  cbor.writeText(code);
  cbor.writeText(detail);
  cbor.write(cbor.ARRAY, 0);
  return cbor.written();
}

function badArguments(): u64 {
  return error("bad-arguments", "the arguments have another form");
}
