// One binary32 unit against the processor: every pair of corner values, operands whose exponents
// lie at all distances, and random bits; with SPECIALS also infinities and NaNs. Arguments: random
// operands, seed.
#include VERILATED_HEADER
#include "verilated.h"
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <vector>

static uint64_t state = 1;
static uint64_t rnd() {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state * 0x2545F4914F6CDD1Dull >> 8;
}
static float as_float(uint32_t bits) {
    float f;
    memcpy(&f, &bits, 4);
    return f;
}
static uint32_t as_bits(float f) {
    uint32_t bits;
    memcpy(&bits, &f, 4);
    return bits;
}
#ifndef PARAM_SPECIALS
#define PARAM_SPECIALS 0
#endif
#ifndef PARAM_OUT_W
#define PARAM_OUT_W 32
#endif

static uint32_t canonical(float f) { return std::isnan(f) ? 0x7FC00000u : as_bits(f); }
static float flush(float f) { return std::fpclassify(f) == FP_SUBNORMAL ? std::copysign(0.0f, f) : f; }

static uint32_t reference(uint32_t a, uint32_t b) {
    volatile float x = flush(as_float(a)), y = flush(as_float(b)), r;
    (void)y;
#if defined(UNIT_MUL)
    r = x * y;
    return canonical(flush(r));
#elif defined(UNIT_ADD)
    r = x + y;
    return canonical(flush(r));
#elif defined(UNIT_F2I)
    r = x;
    if (std::isnan(r)) return 0;
    const double limit = std::ldexp(1.0, PARAM_OUT_W - 1), whole = std::nearbyint((double)r);
    const int64_t result = (int64_t)(whole >= limit ? limit - 1 : whole < -limit ? -limit : whole);
    return (uint32_t)result & (0xFFFFFFFFu >> (32 - PARAM_OUT_W));
#else
    r = (float)(int32_t)a;
    return as_bits(r);
#endif
}

static bool legal(uint32_t bits) {
#if defined(UNIT_I2F) || PARAM_SPECIALS
    (void)bits;
    return true;
#else
    return (bits >> 23 & 255) != 255;
#endif
}

int main(int argc, char **argv) {
    long count = argc > 1 ? atol(argv[1]) : 100000;
    state = argc > 2 ? strtoull(argv[2], nullptr, 10) * 2654435761u + 1 : 1;
    VERILATED_CLASS top;
    struct Due {
        uint32_t a, b;
    };
    std::deque<Due> pipe;
    long bad = 0, done = 0;
    uint32_t valid = 0;
    auto step = [&](bool send, uint32_t a, uint32_t b) {
        valid = valid << 1 | send;
        top.enable = valid & ((1u << STAGES) - 1);
#if defined(UNIT_MUL) || defined(UNIT_ADD)
        top.a = a;
        top.b = b;
#else
        top.in = a;
#endif
        if (send) pipe.push_back({a, b});
        top.clk = 0;
        top.eval();
        top.clk = 1;
        top.eval();
        if (valid >> (STAGES - 1) & 1) {
            Due due = pipe.front();
            pipe.pop_front();
            done++;
            uint32_t expected = reference(due.a, due.b);
            if (top.out != expected && bad++ < 10) printf("%08x %08x: expected %08x got %08x\n", due.a, due.b, expected, top.out);
        }
    };
    std::vector<uint32_t> corners;
    for (uint32_t sign = 0; sign < 2; sign++)
        for (uint32_t exponent : {0u, 1u, 2u, 63u, 64u, 100u, 101u, 102u, 125u, 126u, 127u, 128u, 149u, 150u, 151u, 156u, 157u, 158u, 159u, 190u, 252u, 253u, 254u, 255u})
            for (uint32_t fraction : {0u, 1u, 2u, 0x400000u, 0x3FFFFFu, 0x400001u, 0x7FFFFEu, 0x7FFFFFu, 0x555555u, 0x2AAAAAu, 0x3504F3u, 0x3504F4u})
                corners.push_back(sign << 31 | exponent << 23 | fraction);
    for (uint32_t i = 0; i < 32; i++)
        for (int d = -2; d <= 2; d++) corners.push_back((1u << i) + (uint32_t)d), corners.push_back(0u - ((1u << i) + (uint32_t)d));
#if defined(UNIT_MUL) || defined(UNIT_ADD)
    for (uint32_t a : corners)
        for (uint32_t b : corners)
            if (legal(a) && legal(b)) step(true, a, b);
#else
    for (uint32_t a : corners)
        if (legal(a)) step(true, a, 0);
#endif
    for (long i = 0; i < count; i++) {
        uint32_t a = (uint32_t)rnd(), b = (uint32_t)rnd();
        int kind = (int)(rnd() % 8);
        // Near cancellation and near ties.
        if (kind < 3) b = a ^ 0x80000000u ^ (uint32_t)(rnd() % 16);
        if (kind == 3) b = (b & 0x807FFFFFu) | ((a >> 23) + (uint32_t)(rnd() % 60) - 30 & 255) << 23;
        if (kind == 4) a &= 0xFFFFF000u, b &= 0xFFFFF800u;
        if (kind == 5) a = (a & 0x807FFFFFu) | (120u + (uint32_t)(rnd() % 40)) << 23;
        if (kind == 6) a = as_bits((float)(int32_t)(rnd() % 2000000) + 0.5f);
        if (kind == 7) a = as_bits((float)(131072 - (int)(rnd() % 8)) + (rnd() % 2 ? 0.5f : 0.25f)) ^ (uint32_t)(rnd() % 2) << 31;
        if (PARAM_SPECIALS && rnd() % 8 == 0) a |= 0x7F800000u;
        if (PARAM_SPECIALS && rnd() % 8 == 0) b = (b | 0x7F800000u) & (rnd() % 2 ? ~0x7FFFFFu : ~0u);
        step(legal(a) && legal(b) && rnd() % 8 != 0, a, b);
    }
    for (int i = 0; i < STAGES; i++) step(false, 0, 0);
    printf("%s: %ld operands, %ld wrong\n", UNIT_NAME, done, bad);
    return bad != 0;
}
