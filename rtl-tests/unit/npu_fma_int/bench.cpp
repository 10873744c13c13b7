// npu_fma_int against the processor's fused multiply-add: corner operands, all integers with
// addends around the product, near cancellation, exact halves, all distances of the exponents, and
// random bits. Arguments: random operands, seed.
#include "Vnpu_fma_int.h"
#include "verilated.h"
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

static const int STAGES = 7;
static const int32_t LOW = -(1 << (PARAM_INT_W - 1)), HIGH = (1 << (PARAM_INT_W - 1)) - 1;

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

// Operands must be finite, the result zero or normal.
static bool legal(float f) { return f == 0.0f || std::isnormal(f); }
static float flush(float f) { return std::fpclassify(f) == FP_SUBNORMAL ? std::copysign(0.0f, f) : f; }

struct Operands {
    int32_t n;
    uint32_t scale, addend;
};

int main(int argc, char **argv) {
    long count = argc > 1 ? atol(argv[1]) : 100000;
    state = argc > 2 ? strtoull(argv[2], nullptr, 10) * 2654435761u + 1 : 1;
    Vnpu_fma_int top;
    Operands pipe[STAGES] = {};
    float expected[STAGES] = {};
    uint32_t valid = 0, late = 0;
    long done = 0, bad = 0, skipped = 0, position = 0;
    auto step = [&](bool send, int32_t n, uint32_t scale, uint32_t addend) {
        float of_scale = flush(as_float(scale)), of_addend = flush(as_float(addend));
        float result = send ? std::fmaf((float)n, of_scale, of_addend) : 0.0f;
        if (send && !(legal(of_scale) && legal(of_addend) && legal(result))) {
            skipped++;
            return;
        }
        valid = valid << 1 | send;
        top.enable = valid & ((1u << STAGES) - 1);
        // Garbage where nothing is presented.
        top.integer_in = (send ? (uint32_t)n : (uint32_t)rnd()) & ((1u << PARAM_INT_W) - 1);
        top.scale = send ? scale : (uint32_t)rnd();
        top.addend = late;
        late = send ? addend : (uint32_t)rnd();
        pipe[position % STAGES] = {n, scale, addend};
        expected[position % STAGES] = result;
        position++;
        top.clk = 0;
        top.eval();
        top.clk = 1;
        top.eval();
        if (valid >> (STAGES - 1) & 1) {
            const Operands &due = pipe[position % STAGES];
            uint32_t right = as_bits(expected[position % STAGES] + 0.0f);  // no -0
            done++;
            if (top.out != right && bad++ < 10)
                printf("%d * %08x + %08x: expected %08x got %08x\n", due.n, due.scale, due.addend, right, top.out);
        }
    };

    // Corners, and all integers with the neighbours of what cancels them.
    std::vector<uint32_t> corners;
    for (uint32_t sign = 0; sign < 2; sign++)
        for (uint32_t exponent : {0u, 1u, 27u, 28u, 100u, 103u, 118u, 119u, 125u, 126u, 127u, 128u, 134u, 142u, 143u, 150u, 189u, 190u, 205u, 254u})
            for (uint32_t fraction : {0u, 1u, 2u, 0x400000u, 0x3FFFFFu, 0x7FFFFEu, 0x7FFFFFu, 0x555555u})
                corners.push_back(sign << 31 | exponent << 23 | fraction);
    std::vector<int32_t> integers;
    for (int i = 0; i < PARAM_INT_W; i++)
        for (int d = -1; d <= 1; d++) integers.push_back((1 << i) + d), integers.push_back(-(1 << i) + d);
    for (int32_t n : integers)
        if (n >= LOW && n <= HIGH)
            for (uint32_t scale : corners)
                for (uint32_t addend : corners) step(true, n, scale, addend);
    for (int32_t n = LOW; n <= HIGH; n++)
        for (uint32_t scale : {0x3F800000u, 0x3F800001u, 0x3FFFFFFFu, 0xBF2AAAABu, 0x3DCCCCCDu, 0xC0490FDBu})
            for (int distance = -2; distance <= 2; distance++)
                for (int32_t move = -4; move <= 4; move++)
                    step(true, n, scale, as_bits(std::ldexp(-(float)n * as_float(scale), distance)) + (uint32_t)move);

    for (long i = 0; i < count; i++) {
        int32_t n = (int32_t)((uint32_t)rnd() << (32 - PARAM_INT_W)) >> (32 - PARAM_INT_W);
        if (rnd() % 4 == 0) n >>= rnd() % PARAM_INT_W;
        uint32_t scale = (uint32_t)rnd(), addend = (uint32_t)rnd();
        scale = (scale & 0x807FFFFFu) | (27u + (uint32_t)(rnd() % 164)) << 23;
        uint32_t near = ((scale >> 23) + (uint32_t)(rnd() % 90) - 40u & 255) << 23;
        switch (rnd() % 8) {
        case 0:  // cancels but for a few units
            addend = as_bits(-(float)n * as_float(scale)) + (uint32_t)(rnd() % 17) - 8;
            break;
        case 1:  // few bits: exact halves
            scale &= 0xFFF00000u << rnd() % 4;
            addend = (addend & (0xFF800000u | (0x7FFFFFu & 0x7FFFFFu << rnd() % 23)) & 0x807FFFFFu) | near;
            break;
        case 2:  // an addend that is nearly a power of two
            addend = (addend & 0x80000000u) | near;
            if (rnd() % 2) addend += (uint32_t)(rnd() % 5) - 2;
            break;
        case 3:  // as the lanes have it
            scale = as_bits(std::ldexp((float)(rnd() % 16777216), -24 - (int)(rnd() % 4)));
            addend = as_bits((float)((int64_t)(rnd() % 512) - 256) * (rnd() % 2 ? 0.5f : as_float(0x3E800000u + (uint32_t)rnd() % 0x800000u)));
            break;
        case 4:  // far below or above
            addend = (addend & 0x807FFFFFu) | (1u + (uint32_t)(rnd() % 254)) << 23;
            break;
        default:
            addend = (addend & 0x807FFFFFu) | near;
        }
        if (rnd() % 64 == 0) scale &= rnd() % 2 ? 0x80000000u : 0x807FFFFFu;
        if (rnd() % 64 == 0) addend &= rnd() % 2 ? 0x80000000u : 0x807FFFFFu;
        step(rnd() % 16 != 0, n, scale, addend);
    }
    for (int i = 0; i < STAGES; i++) step(false, 0, 0, 0);
    printf("npu_fma_int, %d bits: %ld operands, %ld wrong, %ld without a normal result\n", PARAM_INT_W, done, bad, skipped);
    return bad != 0 || done < count / 2;
}
