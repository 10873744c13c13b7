// Random numbers, ports as arrays of words, and one step of any reduction.
#pragma once
#include <cstdio>
#include <cstdlib>
#include <deque>
#include "floats.h"
#include "verilated.h"

static uint64_t state = 1;
static uint32_t rnd() {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (uint32_t)(state * 0x2545F4914F6CDD1Dull >> 24);
}
static uint32_t below(uint32_t n) { return rnd() % n; }

// Ports of up to 64 bits are integers, wider ones arrays of words: in memory they look the same.
static void put(void *port, int lane, uint32_t value) { std::memcpy((char *)port + 4 * lane, &value, 4); }
static uint32_t get(const void *port, int lane) {
    uint32_t value;
    std::memcpy(&value, (const char *)port + 4 * lane, 4);
    return value;
}

static uint32_t join(int kind, bool is_float, uint32_t acc, uint32_t v) {
    if (is_float) return float_join(kind, acc, v);
    if (kind == 1) return acc + v;
    return ((int32_t)acc < (int32_t)v) == (kind == 2) ? v : acc;
}

// What a function may have given: for binary32 no subnormal and one NaN.
static uint32_t random_value(bool is_float) {
    uint32_t v = rnd();
    if (below(4) == 0) v = below(8) - 4;
    if (!is_float) return v;
    if (below(3)) v = (v & 0x807FFFFFu) | (110 + below(34)) << 23;
    if (below(30) == 0) v = (v & SIGN) | (below(2) ? INFINITE : 0);
    if (below(60) == 0) v = A_NAN;
    return pattern(number(v));
}
