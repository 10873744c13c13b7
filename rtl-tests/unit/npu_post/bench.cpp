// npu_post against binary32 arithmetic in C++: random contexts changing from vector to vector,
// random gaps, all formats, residual, lookup; most scales aim at ties and at the clamp limits.
// Arguments: vectors, seed.
#include "Vnpu_post.h"
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
static float flush(float f) { return std::fpclassify(f) == FP_SUBNORMAL ? std::copysign(0.0f, f) : f; }
static float mul(float a, float b) { return flush(flush(a) * flush(b)); }
static int64_t rint_saturate(float f) {
    if (f >= 2147483648.0f) return INT32_MAX;
    if (f < -2147483648.0f) return INT32_MIN;
    return (int64_t)std::nearbyintf(f);
}
static int32_t clamp(int64_t v, int32_t low, int32_t high) { return v < low ? low : v > high ? high : (int32_t)v; }

struct Context {
    int format, residual, lookup, table;
    int32_t zero, min, max, res_min, res_max, a_is_inner;
    uint32_t scale_a, scale_b, offset;
};
struct Vector {
    int context;
    uint32_t acc[PARAM_LANES], bias[PARAM_LANES], scale[PARAM_LANES];
    int32_t skip[PARAM_LANES];
};

static void put(void *port, int width, int lane, uint32_t value) {
    for (int b = 0; b < width; b++) {
        int at = lane * width + b;
        uint8_t &byte = ((uint8_t *)port)[at / 8];
        byte = (uint8_t)((byte & ~(1 << at % 8)) | ((value >> b & 1) << at % 8));
    }
}
static uint32_t get(const void *port, int width, int lane) {
    uint32_t value = 0;
    for (int b = 0; b < width; b++) {
        int at = lane * width + b;
        value |= (uint32_t)(((const uint8_t *)port)[at / 8] >> at % 8 & 1) << b;
    }
    return value;
}

static const int32_t ACT_LOW = -(1 << (PARAM_ACT_W - 1)), ACT_HIGH = (1 << (PARAM_ACT_W - 1)) - 1;

static int32_t random_act() { return ACT_LOW + (int32_t)(rnd() % (1u << PARAM_ACT_W)); }
static uint32_t random_scale(int wide) {
    int exponent = wide ? 27 + (int)(rnd() % 164) : 100 + (int)(rnd() % 30);
    uint32_t fraction = rnd() & 0x7FFFFF;
    int kind = rnd() % 8;
    if (kind == 0) return 0;
    if (kind < 3) fraction = 0;
    if (kind == 3) fraction = 0x7FFFFF;
    if (kind == 4) fraction = fraction & 0x700000;
    return (uint32_t)(rnd() % 8 == 0) << 31 | (uint32_t)exponent << 23 | fraction;
}

int main(int argc, char **argv) {
    long vectors = argc > 1 ? atol(argv[1]) : 50000;
    state = argc > 2 ? strtoull(argv[2], nullptr, 10) * 2654435761u + 1 : 1;
    Vnpu_post top;
    Context contexts[4];
    std::vector<uint8_t> tables(256 * PARAM_TABLES);
    std::deque<Vector> waiting, skips, scale_pipe;
    long done = 0, sent = 0, bad = 0, cycle = 0, idle = 0;
    int gap = 0;
    std::deque<int> scale_valid(5, 0);

    auto tick = [&] {
        top.clk = 0;
        top.eval();
        top.clk = 1;
        top.eval();
        cycle++;
    };
    top.rst = 1;
    top.in_valid = 0;
    top.context_write = 0;
    top.table_wr_en = 0;
    tick();
    tick();
    top.rst = 0;
    for (size_t i = 0; i < tables.size(); i++) tables[i] = (uint8_t)rnd();
    for (int w = 0; w < 64 * PARAM_TABLES; w++) {
        top.table_wr_en = 1;
        top.table_wr_addr = (uint32_t)w;
        memcpy(&top.table_wr_data, &tables[(size_t)w * 4], 4);
        tick();
    }
    top.table_wr_en = 0;

    while (done < vectors) {
        // New contexts from time to time, when the pipeline is empty.
        if (sent % 512 == 0 && waiting.empty()) {
            for (int i = 0; i < 4; i++) {
                Context &c = contexts[i];
                c.format = rnd() % 4 == 0 ? 1 + (int)(rnd() % 2) : 0;
                c.residual = PARAM_ENABLE_RESIDUAL && rnd() % 2;
                c.lookup = PARAM_ENABLE_LOOKUP && rnd() % 2;
                c.table = (int)(rnd() % PARAM_TABLES);
                c.zero = random_act();
                c.min = random_act();
                c.max = random_act();
                if (rnd() % 2) c.min = ACT_LOW, c.max = ACT_HIGH;
                if (c.min > c.max) std::swap(c.min, c.max);
                c.res_min = ACT_LOW + (int32_t)(rnd() % 3);
                c.res_max = ACT_HIGH - (int32_t)(rnd() % 3);
                c.a_is_inner = (int32_t)(rnd() % 2);
                int wide = rnd() % 4 == 0;
                c.scale_a = wide ? random_scale(1) : random_scale(0) + (5u << 23);
                c.scale_b = wide ? random_scale(1) : random_scale(0) + (5u << 23);
                // Anything, an exact half, or what makes some sums cancel.
                c.offset = random_scale(wide);
                if (rnd() % 2) c.offset = as_bits((float)random_act() + (rnd() % 2 ? 0.5f : 0.25f));
                if (rnd() % 4 == 0) c.offset = as_bits(-(float)random_act() * as_float(c.scale_b));
                if (std::fabs(as_float(c.offset)) >= 0x1p64f) c.offset = 0;
                top.context_write = 1;
                top.context_index = (uint8_t)i;
                top.context_format = (uint8_t)c.format;
                top.context_residual = (uint8_t)c.residual;
                top.context_lookup = (uint8_t)c.lookup;
                top.context_table = (uint8_t)c.table;
                top.context_zero = (uint16_t)c.zero;
                top.context_min = (uint16_t)c.min;
                top.context_max = (uint16_t)c.max;
                top.context_res_min = (uint16_t)c.res_min;
                top.context_res_max = (uint16_t)c.res_max;
                top.context_scale_a = c.scale_a;
                top.context_scale_b = c.scale_b;
                top.context_offset = c.offset;
                top.context_inner = (uint8_t)c.a_is_inner;
                tick();
            }
            top.context_write = 0;
            gap = rnd() % 3 ? 0 : 1 + (int)(rnd() % 3);
        }
        bool send = sent < vectors && !(sent % 512 == 0 && !waiting.empty()) && !(gap && rnd() % (unsigned)(gap + 1));
        top.in_valid = send;
        if (send) {
            Vector v;
            v.context = (int)(rnd() % 4);
            for (int l = 0; l < PARAM_LANES; l++) {
                int bits = 1 + (int)(rnd() % 32);
                v.acc[l] = (uint32_t)((int64_t)(rnd() << 32) >> (64 - bits) & 0xFFFFFFFF);
                v.acc[l] = (uint32_t)((int32_t)(uint32_t)(rnd()) >> (32 - bits));
                v.bias[l] = rnd() % 2 ? 0 : (uint32_t)rnd();
                v.scale[l] = random_scale(rnd() % 4 == 0);
                if (rnd() % 2) {
                    // A scale that brings the sum near (k + 1/2): ties of the second rounding.
                    float f = (float)(int32_t)(v.acc[l] + v.bias[l]);
                    float s = ((float)(int)(rnd() % 300) - 150.0f + 0.5f) / f;
                    if (std::isfinite(s) && std::fabs(s) >= 0x1p-100f && std::fabs(s) < 0x1p64f)
                        v.scale[l] = as_bits(s) + (uint32_t)(rnd() % 3) - 1;
                }
                v.skip[l] = random_act();
                put(&top.acc, 32, l, v.acc[l]);
                put(&top.bias, 32, l, v.bias[l]);
            }
            top.in_context = (uint8_t)v.context;
            waiting.push_back(v);
            scale_pipe.push_back(v);
            if (contexts[v.context].residual && contexts[v.context].format == 0) skips.push_back(v);
            sent++;
        }
        // The scale belongs to the vector of 4 cycles ago; else garbage.
        scale_valid.push_front(send);
        scale_valid.pop_back();
        for (int l = 0; l < PARAM_LANES; l++) put(&top.scale, 32, l, (uint32_t)rnd());
        if (scale_valid[4]) {
            for (int l = 0; l < PARAM_LANES; l++) put(&top.scale, 32, l, scale_pipe.front().scale[l]);
            scale_pipe.pop_front();
        }
        for (int l = 0; l < PARAM_LANES; l++)
            put(&top.skip, PARAM_ACT_W, l, skips.empty() ? 0 : (uint32_t)skips.front().skip[l]);
        top.clk = 0;
        top.eval();
        if (top.skip_take) skips.pop_front();
        if (top.out_valid) {
            const Vector v = waiting.front();
            waiting.pop_front();
            const Context &c = contexts[v.context];
            bad += top.out_context != v.context || top.out_format != c.format;
            for (int l = 0; l < PARAM_LANES; l++) {
                int32_t t = (int32_t)(v.acc[l] + v.bias[l]);
                float f = mul((float)t, as_float(v.scale[l]));
                int32_t a = clamp(rint_saturate(f) + c.zero, c.min, c.max), y = a;
                if (c.residual) {
                    float first = (float)a, second = (float)v.skip[l];
                    float scale_1 = as_float(c.scale_a), scale_2 = as_float(c.scale_b);
                    if (c.a_is_inner) std::swap(first, second), std::swap(scale_1, scale_2);
                    float s = std::fmaf(first, scale_1, std::fmaf(second, scale_2, as_float(c.offset)));
                    y = clamp(rint_saturate(s), c.res_min, c.res_max);
                }
                uint32_t expected, got, mask = PARAM_ACT_W == 32 ? ~0u : (1u << PARAM_ACT_W) - 1;
                if (c.lookup) y = tables[(size_t)c.table * 256 + (size_t)(y & 255)];
                if (c.format == 0) expected = (uint32_t)y & mask, got = get(&top.out_act, PARAM_ACT_W, l);
                else expected = c.format == 1 ? (uint32_t)t : as_bits(f), got = get(&top.out_wide, 32, l);
                if (expected != got && bad++ < 10)
                    printf("vector %ld lane %d format %d residual %d lookup %d: acc %d bias %d scale %08x: expected %08x got %08x\n",
                           done, l, c.format, c.residual, c.lookup, (int)v.acc[l], (int)v.bias[l], v.scale[l], expected, got);
            }
            done++;
            idle = 0;
        } else if (++idle > 1000) {
            printf("no result for 1000 cycles\n");
            return 1;
        }
        top.clk = 1;
        top.eval();
        cycle++;
    }
    printf("npu_post: %ld vectors of %d lanes, %ld cycles, %ld wrong\n", done, PARAM_LANES, cycle, bad);
    return bad != 0 || !skips.empty();
}
