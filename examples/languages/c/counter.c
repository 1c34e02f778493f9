/*
 * The counter of examples/counter in C: its schema is the same, and so are its replies, the codes of
 * its errors and its saved state.
 */
#include "antiphon.h"

/* clang-format off */
ANTIPHON_SCHEMA(
    "\205\001\147Counter\151A number.\001\204"
    "\205\143new\000\201\202\145start\203\002\030\100\364\201\000\163Starts at a number."
    "\205\143get\001\200\203\002\030\100\364\153The number."
    "\205\143add\002\201\202\142by\203\002\030\100\364\203\002\030\100\364"
    "\170\057Adds to the number and replies what it is then."
    "\205\145reset\002\200\201\000\170\030Sets the number to zero.");
/* clang-format on */

enum { STATE_VERSION = 1 };

/* The state. */
static uint64_t n;

/* Whether a map has this one entry, a number; gives it. */
static bool has(cbor_reader map, const char *name, uint64_t *number) {
    if (cbor_next(&map) != CBOR_MAP || cbor_read(&map, CBOR_MAP) != 1) return false;
    if (!cbor_is(cbor_read_string(&map, CBOR_TEXT), name)) return false;
    if (cbor_next(&map) != CBOR_UINT) return false;
    *number = cbor_read(&map, CBOR_UINT);
    return true;
}

/* Whether a map has no entry. */
static bool is_empty(cbor_reader map) {
    return cbor_next(&map) == CBOR_MAP && cbor_read(&map, CBOR_MAP) == 0;
}

static uint64_t bad_arguments(void) {
    return antiphon_error("bad-arguments", "the arguments have another form");
}

static uint64_t reply_number(void) {
    uint8_t bytes[9];
    cbor_writer value = {bytes, 0, sizeof bytes};
    cbor_write(&value, CBOR_UINT, n);
    return antiphon_reply(&value);
}

static uint64_t init(cbor_reader args) {
    return has(args, "start", &n) ? antiphon_reply_null() : bad_arguments();
}

static uint64_t get(cbor_reader args) {
    return is_empty(args) ? reply_number() : bad_arguments();
}

static uint64_t add(cbor_reader args) {
    uint64_t by;
    if (!has(args, "by", &by)) return bad_arguments();
    if (n + by < n) return antiphon_error("refused", "the sum does not fit into 64 bits");
    n += by;
    return reply_number();
}

static uint64_t reset(const antiphon_input *input, cbor_reader args) {
    if (!is_empty(args)) return bad_arguments();
    if (!cbor_same(input->sender, input->controller))
        return antiphon_error("refused", "only the controller may reset");
    n = 0;
    antiphon_log(2, "the number was reset");
    return antiphon_reply_null();
}

/* Takes what `antiphon_save` of this module, or of the one in any other language, has given. */
static uint64_t load(cbor_reader saved) {
    cbor_read(&saved, CBOR_ARRAY);
    if (cbor_read(&saved, CBOR_UINT) != STATE_VERSION)
        return antiphon_error("state-version", "the state is not of version 1");
    if (cbor_read(&saved, CBOR_ARRAY) != 1 || !has(cbor_read_string(&saved, CBOR_BYTES), "n", &n))
        return antiphon_error("bad-state", "the state is no number");
    return antiphon_reply_null();
}

static uint64_t call(antiphon_input *input) {
    cbor_reader method = cbor_read_string(&input->fields, CBOR_TEXT);
    cbor_reader args = cbor_read_string(&input->fields, CBOR_BYTES);
    if (cbor_is(method, "add")) return add(args);
    if (cbor_is(method, "reset")) return reset(input, args);
    /* A view that is sent as a message is executed like one. */
    if (cbor_is(method, "get")) return get(args);
    return antiphon_error("unknown-method", "there is no such method");
}

ANTIPHON_EXPORT("antiphon_handle") uint64_t antiphon_handle(const uint8_t *ptr, uint32_t len) {
    antiphon_input input = antiphon_read(ptr, len);
    switch (input.kind) {
    case ANTIPHON_INIT:
        return init(cbor_read_string(&input.fields, CBOR_BYTES));
    case ANTIPHON_CALL:
        return call(&input);
    case ANTIPHON_ANSWER:
    case ANTIPHON_TIMER:
        /* They can only be those of a module before, which this one has no use for. */
        return antiphon_reply_null();
    case ANTIPHON_LOAD:
        return load(input.fields);
    case ANTIPHON_ASSIGNED:
        return antiphon_error("unknown-method", "this actor takes no evidence");
    default:
        __builtin_trap();
    }
}

ANTIPHON_EXPORT("antiphon_view") uint64_t antiphon_view(const uint8_t *ptr, uint32_t len) {
    antiphon_input input = antiphon_read(ptr, len);
    if (input.kind != ANTIPHON_VIEW) __builtin_trap();
    bool is_get = cbor_is(cbor_read_string(&input.fields, CBOR_TEXT), "get");
    if (!is_get) return antiphon_error("unknown-method", "there is no such view");
    return get(cbor_read_string(&input.fields, CBOR_BYTES));
}

/* Gives `[1, [h'...']]`, whose bytes hold `{"n": number}`. */
ANTIPHON_EXPORT("antiphon_save") uint64_t antiphon_save(const uint8_t *ptr, uint32_t len) {
    if (antiphon_read(ptr, len).kind != ANTIPHON_SAVE) __builtin_trap();
    uint8_t bytes[12];
    cbor_writer state = {bytes, 0, sizeof bytes};
    cbor_write(&state, CBOR_MAP, 1);
    cbor_write_text(&state, "n");
    cbor_write(&state, CBOR_UINT, n);
    antiphon_output.len = 0;
    cbor_write(&antiphon_output, CBOR_ARRAY, 2);
    cbor_write(&antiphon_output, CBOR_UINT, STATE_VERSION);
    cbor_write(&antiphon_output, CBOR_ARRAY, 1);
    cbor_write_value(&antiphon_output, &state);
    return antiphon_give(&antiphon_output);
}
