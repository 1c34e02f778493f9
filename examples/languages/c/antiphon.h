/*
 * The guest contract of docs/abi.md for actors in C: inputs are read and outputs written here, without
 * a library. Include it in the one file that has the exports.
 *
 * Whatever breaks the contract traps: the slot fails and leaves no trace. Nothing is decoded before it
 * is asked for, and nothing is copied but into the output.
 */
#ifndef ANTIPHON_H
#define ANTIPHON_H

#include <stdbool.h>
#include <stdint.h>

/* The most bytes that the effects of one call may have, and an output beside them. */
#ifndef ANTIPHON_OUTPUT_MAX
#define ANTIPHON_OUTPUT_MAX 16384
#endif

/* Stands before a function that a compute unit calls. */
#define ANTIPHON_EXPORT(name) __attribute__((export_name(name)))

/* Puts string literals into the module as its schema. */
#define ANTIPHON_SCHEMA(...) \
    __asm__(".section .custom_section.antiphon.schema,\"\",@\n.ascii " #__VA_ARGS__ "\n")

/* What an input is. */
enum antiphon_kind {
    ANTIPHON_INIT = 0,
    ANTIPHON_CALL = 1,
    ANTIPHON_ANSWER = 2,
    ANTIPHON_TIMER = 3,
    ANTIPHON_LOAD = 4,
    ANTIPHON_VIEW = 5,
    ANTIPHON_SAVE = 6,
    ANTIPHON_ASSIGNED = 7,
};

/* What a handler may want done. */
enum antiphon_effect_kind {
    ANTIPHON_LOG = 0,
    ANTIPHON_EVENT = 1,
    ANTIPHON_TELL = 2,
    ANTIPHON_ASK = 3,
    ANTIPHON_REPLY = 4,
    ANTIPHON_SET_TIMER = 6,
    ANTIPHON_CANCEL_TIMER = 7,
    ANTIPHON_SPAWN = 8,
};

/* The type in the head of a CBOR item. Null, booleans and floats are CBOR_SIMPLE. */
enum cbor_type {
    CBOR_UINT = 0,
    CBOR_NEGATIVE = 1,
    CBOR_BYTES = 2,
    CBOR_TEXT = 3,
    CBOR_ARRAY = 4,
    CBOR_MAP = 5,
    CBOR_TAG = 6,
    CBOR_SIMPLE = 7,
};

/* The numbers of three simple items. */
enum { CBOR_FALSE = 20, CBOR_TRUE = 21, CBOR_NULL = 22 };

/* --- Reading ----------------------------------------------------------------------------------- */

/* Bytes that are left to read. */
typedef struct {
    const uint8_t *at;
    const uint8_t *end;
} cbor_reader;

/* The type of the next item. */
static inline enum cbor_type cbor_next(const cbor_reader *in) {
    if (in->at == in->end) __builtin_trap();
    return (enum cbor_type)(*in->at >> 5);
}

/* Reads the head of an item, which must be of a type: a number, a length, or how many items follow. */
static inline uint64_t cbor_read(cbor_reader *in, enum cbor_type type) {
    if (cbor_next(in) != type) __builtin_trap();
    uint8_t head = *in->at++ & 31;
    if (head < 24) return head;
    if (head > 27) __builtin_trap();
    uint64_t number = 0;
    for (uint32_t left = 1u << (head - 24); left > 0; left--) {
        if (in->at == in->end) __builtin_trap();
        number = number << 8 | *in->at++;
    }
    return number;
}

/* Reads bytes or a text: gives what is in it. */
static inline cbor_reader cbor_read_string(cbor_reader *in, enum cbor_type type) {
    uint64_t len = cbor_read(in, type);
    if (len > (uint64_t)(in->end - in->at)) __builtin_trap();
    cbor_reader string = {in->at, in->at + len};
    in->at = string.end;
    return string;
}

/* Passes items; gives them as they are encoded. */
static inline cbor_reader cbor_skip(cbor_reader *in, uint64_t items) {
    cbor_reader passed = {in->at, in->at};
    while (items > 0) {
        items--;
        enum cbor_type type = cbor_next(in);
        if (type == CBOR_BYTES || type == CBOR_TEXT) {
            cbor_read_string(in, type);
            continue;
        }
        uint64_t number = cbor_read(in, type);
        if (type == CBOR_TAG) items++;
        if (type != CBOR_ARRAY && type != CBOR_MAP) continue;
        /* None has more items than bytes are left, so the sum cannot overflow. */
        if (number > (uint64_t)(in->end - in->at)) __builtin_trap();
        items += type == CBOR_ARRAY ? number : 2 * number;
    }
    passed.end = in->at;
    return passed;
}

/* Whether two spans hold the same bytes. Of canonical items: whether they are equal. */
static inline bool cbor_same(cbor_reader a, cbor_reader b) {
    if (a.end - a.at != b.end - b.at) return false;
    while (a.at != a.end)
        if (*a.at++ != *b.at++) return false;
    return true;
}

/* Whether a string is this one. */
static inline bool cbor_is(cbor_reader string, const char *text) {
    while (string.at != string.end && *text != 0)
        if (*string.at++ != (uint8_t)*text++) return false;
    return string.at == string.end && *text == 0;
}

/* --- Writing ----------------------------------------------------------------------------------- */

/* Bytes that are written, and how many may be. */
typedef struct {
    uint8_t *bytes;
    uint32_t len;
    uint32_t max;
} cbor_writer;

static inline void cbor_write_byte(cbor_writer *out, uint8_t byte) {
    if (out->len == out->max) __builtin_trap();
    out->bytes[out->len++] = byte;
}

/* Writes the head of an item, in its shortest form. */
static inline void cbor_write(cbor_writer *out, enum cbor_type type, uint64_t number) {
    uint8_t first = (uint8_t)(type << 5);
    if (number < 24) {
        cbor_write_byte(out, (uint8_t)(first | number));
        return;
    }
    uint32_t power = number <= UINT8_MAX ? 0 : number <= UINT16_MAX ? 1 : number <= UINT32_MAX ? 2 : 3;
    cbor_write_byte(out, (uint8_t)(first | (24 + power)));
    for (uint32_t left = 1u << power; left > 0; left--)
        cbor_write_byte(out, (uint8_t)(number >> (8 * (left - 1))));
}

/* Writes what is encoded already. */
static inline void cbor_write_raw(cbor_writer *out, const uint8_t *bytes, uint32_t len) {
    for (uint32_t index = 0; index < len; index++) cbor_write_byte(out, bytes[index]);
}

/* Writes a text. */
static inline void cbor_write_text(cbor_writer *out, const char *text) {
    uint32_t len = 0;
    while (text[len] != 0) len++;
    cbor_write(out, CBOR_TEXT, len);
    cbor_write_raw(out, (const uint8_t *)text, len);
}

/* Writes a value: bytes that hold what another writer has written. */
static inline void cbor_write_value(cbor_writer *out, const cbor_writer *value) {
    cbor_write(out, CBOR_BYTES, value->len);
    cbor_write_raw(out, value->bytes, value->len);
}

/* --- Inputs ------------------------------------------------------------------------------------ */

/* An input. The identifiers are 32 bytes each; principals are items as they are encoded. */
typedef struct {
    enum antiphon_kind kind;
    cbor_reader process;
    uint64_t slot;
    uint64_t time;
    cbor_reader sender;
    cbor_reader controller;
    cbor_reader message;
    cbor_reader seed;
    uint64_t gas;
    /* The deadline and what is lost, if they are there. */
    cbor_reader context_rest;
    /* The fields after the context. */
    cbor_reader fields;
} antiphon_input;

/* The end of what the linker has placed. */
extern uint8_t __heap_base;

/* Gives the place for an input of so many bytes, for which the memory grows if it must. */
ANTIPHON_EXPORT("antiphon_alloc") uint8_t *antiphon_alloc(uint32_t len) {
    uint64_t pages = ((uint64_t)(uintptr_t)&__heap_base + len + 65535) / 65536;
    uint64_t now = __builtin_wasm_memory_size(0);
    if (pages > now && __builtin_wasm_memory_grow(0, (uint32_t)(pages - now)) == (uintptr_t)-1)
        __builtin_trap();
    return &__heap_base;
}

/* Begins to read an input, which must be whole. */
static inline antiphon_input antiphon_read(const uint8_t *ptr, uint32_t len) {
    antiphon_input input;
    cbor_reader in = {ptr, ptr + len};
    uint64_t items = cbor_read(&in, CBOR_ARRAY);
    input.kind = (enum antiphon_kind)cbor_read(&in, CBOR_UINT);
    uint64_t fields = cbor_read(&in, CBOR_ARRAY);
    if (items < 2 || fields < 8) __builtin_trap();
    input.process = cbor_read_string(&in, CBOR_BYTES);
    input.slot = cbor_read(&in, CBOR_UINT);
    input.time = cbor_read(&in, CBOR_UINT);
    input.sender = cbor_skip(&in, 1);
    input.controller = cbor_skip(&in, 1);
    input.message = cbor_read_string(&in, CBOR_BYTES);
    input.seed = cbor_read_string(&in, CBOR_BYTES);
    input.gas = cbor_read(&in, CBOR_UINT);
    input.context_rest = cbor_skip(&in, fields - 8);
    input.fields = cbor_skip(&in, items - 2);
    if (in.at != in.end) __builtin_trap();
    return input;
}

/* --- Outputs ----------------------------------------------------------------------------------- */

static uint8_t antiphon_effect_bytes[ANTIPHON_OUTPUT_MAX];
static cbor_writer antiphon_effects = {antiphon_effect_bytes, 0, ANTIPHON_OUTPUT_MAX};
static uint32_t antiphon_effect_count;

static uint8_t antiphon_output_bytes[2 * ANTIPHON_OUTPUT_MAX];
static cbor_writer antiphon_output = {antiphon_output_bytes, 0, 2 * ANTIPHON_OUTPUT_MAX};

/* Begins an effect of so many fields, which are to be written next. */
static inline cbor_writer *antiphon_effect(enum antiphon_effect_kind kind, uint32_t fields) {
    antiphon_effect_count++;
    cbor_write(&antiphon_effects, CBOR_ARRAY, fields + 1);
    cbor_write(&antiphon_effects, CBOR_UINT, kind);
    return &antiphon_effects;
}

/* Adds a line to the log: 0 trace to 4 error. */
static inline void antiphon_log(uint32_t level, const char *text) {
    cbor_writer *effect = antiphon_effect(ANTIPHON_LOG, 2);
    cbor_write(effect, CBOR_UINT, level);
    cbor_write_text(effect, text);
}

/* Begins an output whose result has so many fields, which are to be written next. */
static inline cbor_writer *antiphon_result(uint32_t result, uint32_t fields) {
    antiphon_output.len = 0;
    cbor_write(&antiphon_output, CBOR_ARRAY, 2);
    cbor_write(&antiphon_output, CBOR_ARRAY, fields + 1);
    cbor_write(&antiphon_output, CBOR_UINT, result);
    return &antiphon_output;
}

/* What an export returns for bytes that are written. */
static inline uint64_t antiphon_give(const cbor_writer *out) {
    return (uint64_t)(uintptr_t)out->bytes << 32 | out->len;
}

/* Ends an output with the effects. */
static inline uint64_t antiphon_end(void) {
    cbor_write(&antiphon_output, CBOR_ARRAY, antiphon_effect_count);
    cbor_write_raw(&antiphon_output, antiphon_effects.bytes, antiphon_effects.len);
    antiphon_effect_count = 0;
    antiphon_effects.len = 0;
    return antiphon_give(&antiphon_output);
}

/* Replies with a value. */
static inline uint64_t antiphon_reply(const cbor_writer *value) {
    cbor_write_value(antiphon_result(0, 1), value);
    return antiphon_end();
}

/* Replies with null. */
static inline uint64_t antiphon_reply_null(void) {
    uint8_t bytes[1];
    cbor_writer value = {bytes, 0, sizeof bytes};
    cbor_write(&value, CBOR_SIMPLE, CBOR_NULL);
    return antiphon_reply(&value);
}

/* Answers with an error of the actor's own. */
static inline uint64_t antiphon_error(const char *code, const char *detail) {
    cbor_writer *result = antiphon_result(1, 2);
    cbor_write_text(result, code);
    cbor_write_text(result, detail);
    return antiphon_end();
}

#endif
