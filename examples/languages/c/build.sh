#!/bin/sh
# Builds the counter: needs clang and lld. Memory has the data, a stack of 16 KiB and then the input.
set -eu
cd "$(dirname "$0")"
exec clang --target=wasm32 -std=c11 -Oz -Wall -Wextra -Werror \
    -ffreestanding -fno-builtin -mbulk-memory -nostdlib \
    -Wl,--no-entry,--strip-all,--stack-first,-z,stack-size=16384 \
    -o counter.wasm counter.c
