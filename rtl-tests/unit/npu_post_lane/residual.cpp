// The residual addition of every pair of activations, in both orders, for scales and offsets of many
// kinds, against the processor's fused multiply-add. Argument: how many of them.
#include "Vnpu_post_lane.h"
#include "verilated.h"
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>

static const int STAGES = 26, SKIP_STAGE = 10;
static const int32_t LOW = -(1 << (PARAM_ACT_W - 1)), HIGH = -LOW - 1;

static uint64_t state = 1;
static uint64_t rnd() {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state * 0x2545F4914F6CDD1Dull >> 8;
}
static uint32_t as_bits(float f) {
    uint32_t bits;
    memcpy(&bits, &f, 4);
    return bits;
}
static float uniform() { return (float)(rnd() % 16777216) * 0x1p-24f; }

int main(int argc, char **argv) {
    long rounds = argc > 1 ? atol(argv[1]) : 10;
    Vnpu_post_lane top;
    long done = 0, bad = 0, inside = 0, halves = 0;
    for (long round = 0; round < rounds; round++) {
        float scale_a = std::ldexp(1.0f + uniform(), -(int)(rnd() % 5)), scale_b = std::ldexp(1.0f + uniform(), -(int)(rnd() % 5));
        if (round % 3 == 0) scale_a = std::ldexp(1.0f, -(int)(rnd() % 4)), scale_b = std::ldexp(1.0f, -(int)(rnd() % 4));
        if (round % 5 == 4) scale_b = -scale_b;
        // As onnxruntime folds zero points, exact halves, or none.
        float zeros = std::fmaf(scale_a, (float)(LOW + (int)(rnd() % (1u << PARAM_ACT_W))), scale_b * (float)(LOW + (int)(rnd() % (1u << PARAM_ACT_W))));
        float offset = (float)(LOW + (int)(rnd() % (1u << PARAM_ACT_W))) - zeros;
        if (round % 4 == 1) offset = std::nearbyint(offset) + 0.5f;
        if (round % 8 == 7) offset = 0.0f;
        bool a_is_inner = rnd() % 2;
        top.bias = 0;
        top.scale = as_bits(1.0f);
        top.zero_clamp = 0;
        top.min_clamp = top.res_min = (uint16_t)LOW;
        top.max_clamp = top.res_max = (uint16_t)HIGH;
        top.act_is_inner = a_is_inner;
        top.inner_scale = as_bits(a_is_inner ? scale_a : scale_b);
        top.outer_scale = as_bits(a_is_inner ? scale_b : scale_a);
        top.offset = as_bits(offset);
        uint32_t valid = 0;
        const long pairs = 1L << 2 * PARAM_ACT_W;
        auto first = [](long i) { return LOW + (int32_t)(i & (HIGH - LOW)); };
        auto second = [](long i) { return LOW + (int32_t)(i >> PARAM_ACT_W); };
        for (long i = 0; i < pairs + STAGES - 1; i++) {
            valid = (valid << 1 | (i < pairs)) & ((1u << STAGES) - 1);
            top.enable = valid;
            top.acc = (uint32_t)first(i);
            top.skip = (uint32_t)second(i - SKIP_STAGE) & (uint32_t)(HIGH - LOW);
            top.clk = 0;
            top.eval();
            top.clk = 1;
            top.eval();
            if (i < STAGES - 1) continue;
            const long at = i - (STAGES - 1);
            const float a = (float)first(at), b = (float)second(at);
            const float sum = a_is_inner ? std::fmaf(b, scale_b, std::fmaf(a, scale_a, offset))
                                         : std::fmaf(a, scale_a, std::fmaf(b, scale_b, offset));
            const float whole = std::nearbyintf(sum);
            const int32_t expected = whole < LOW ? LOW : whole > HIGH ? HIGH : (int32_t)whole;
            done++;
            inside += expected > LOW && expected < HIGH;
            halves += std::fabs(whole - sum) == 0.5f;
            if (((uint32_t)expected ^ top.res_act) & (uint32_t)(HIGH - LOW) && bad++ < 10)
                printf("%g * %a + %g * %a + %a: expected %d got %x\n", a, scale_a, b, scale_b, offset, expected, top.res_act);
        }
    }
    printf("npu_post_lane, %d bits: %ld residual additions, %ld inside the limits, %ld exact halves, %ld wrong\n", PARAM_ACT_W, done, inside, halves, bad);
    return bad != 0 || halves < done / 50;
}
