// The schema of the counter, which the compiler puts into the module.

import { Transform } from "assemblyscript/transform";

/** The head of a CBOR item; as large a number as a schema needs. */
function head(type, number) {
  if (number < 24) return [type << 5 | number];
  if (number < 0x100) return [type << 5 | 24, number];
  return [type << 5 | 25, number >> 8, number & 0xff];
}

/** A value as CBOR: numbers, texts, booleans and arrays of them. */
function cbor(value) {
  if (typeof value === "number") return head(0, value);
  if (typeof value === "boolean") return head(7, value ? 21 : 20);
  if (Array.isArray(value)) return [...head(4, value.length), ...value.flatMap(cbor)];
  const text = new TextEncoder().encode(value);
  return [...head(3, text.length), ...text];
}

const INIT = 0, VIEW = 1, MESSAGE = 2;
const NULL = [0], U64 = [2, 64, false];

const SCHEMA = [1, "Counter", "A number.", 1, [
  ["new", INIT, [["start", U64]], NULL, "Starts at a number."],
  ["get", VIEW, [], U64, "The number."],
  ["add", MESSAGE, [["by", U64]], U64, "Adds to the number and replies what it is then."],
  ["reset", MESSAGE, [], NULL, "Sets the number to zero."],
]];

export default class extends Transform {
  afterCompile(module) {
    module.addCustomSection("antiphon.schema", Uint8Array.from(cbor(SCHEMA)));
  }
}
