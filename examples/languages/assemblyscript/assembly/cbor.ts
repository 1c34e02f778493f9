// CBOR in linear memory: a reader that traps on what is not there, and a writer into a buffer.
//
// Nothing here takes memory from the runtime, which never gives it back.

export const UINT: u8 = 0;
export const BYTES: u8 = 2;
export const TEXT: u8 = 3;
export const ARRAY: u8 = 4;
export const MAP: u8 = 5;
export const TAG: u8 = 6;
export const SIMPLE: u8 = 7;

/** The number of the simple item null. */
export const NULL: u64 = 22;

/** What is left to read. */
let at: usize = 0;
let end: usize = 0;

/** Reads from here on. */
export function read(from: usize, len: usize): void {
  at = from;
  end = from + len;
}

/** Where the next item is. */
export function place(): usize {
  return at;
}

/** Whether nothing is left to read. */
export function isRead(): bool {
  return at == end;
}

/** The type of the next item. */
export function next(): u8 {
  if (at >= end) unreachable();
  return load<u8>(at) >> 5;
}

/** Reads the head of an item, which must be of a type: a number, a length, or how many items follow. */
export function take(type: u8): u64 {
  if (next() != type) unreachable();
  const short = load<u8>(at++) & 31;
  if (short < 24) return short;
  if (short > 27) unreachable();
  let number: u64 = 0;
  for (let left = 1 << (short - 24); left > 0; left--) {
    if (at >= end) unreachable();
    number = (number << 8) | load<u8>(at++);
  }
  return number;
}

/** Reads the head of bytes or of a text, whose content is read next. */
export function enter(type: u8): usize {
  const len = take(type);
  if (len > end - at) unreachable();
  return <usize>len;
}

/** Passes items. */
export function skip(items: u64): void {
  for (; items > 0; items--) {
    const type = next();
    if (type == BYTES || type == TEXT) {
      const len = enter(type);
      at += len;
      continue;
    }
    const number = take(type);
    if (type == TAG) items++;
    if (type != ARRAY && type != MAP) continue;
    // None has more items than bytes are left, so the sum cannot overflow.
    if (number > end - at) unreachable();
    items += type == ARRAY ? number : 2 * number;
  }
}

/** Whether the next item is this text, which must be ASCII; if it is, passes it. */
export function isText(text: string): bool {
  const start = at;
  if (enter(TEXT) == text.length) {
    let index = 0;
    while (index < text.length && load<u8>(at + index) == text.charCodeAt(index)) index++;
    if (index == text.length) {
      at += text.length;
      return true;
    }
  }
  at = start;
  return false;
}

/** Where the output is. */
const OUTPUT_MAX: usize = 1024;
const OUTPUT: usize = memory.data(1024);

/** Where the next byte goes; set by `begin`, as what is no constant would need a start function. */
let to: usize = 0;

/** Begins to write. */
export function begin(): void {
  to = OUTPUT;
}

/** What an export returns for what is written. */
export function written(): u64 {
  return (<u64>OUTPUT << 32) | (to - OUTPUT);
}

function put(byte: u8): void {
  if (to - OUTPUT == OUTPUT_MAX) unreachable();
  store<u8>(to++, byte);
}

/** How many bytes the head of an item with this number has. */
export function headLength(number: u64): u64 {
  if (number < 24) return 1;
  return number <= 0xff ? 2 : number <= 0xffff ? 3 : number <= 0xffffffff ? 5 : 9;
}

/** Writes the head of an item, in its shortest form. */
export function write(type: u8, number: u64): void {
  const left = <u8>headLength(number) - 1;
  const short = left == 0 ? <u8>number : left == 1 ? 24 : left == 2 ? 25 : left == 4 ? 26 : 27;
  put((type << 5) | short);
  for (let byte = left; byte > 0; byte--) put(<u8>(number >> (8 * (byte - 1))));
}

/** Writes a text, which must be ASCII. */
export function writeText(text: string): void {
  write(TEXT, text.length);
  for (let index = 0; index < text.length; index++) put(<u8>text.charCodeAt(index));
}
