// Requantization near its ties: for every exponent a scale may have and several fractions, the
// sums closest to (k + 1/2) / scale for all k an activation can be, and their neighbours.
// Argument: only every how manieth fraction.
#include "Vnpu_post_lane.h"
#include "verilated.h"
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>

static const int32_t LOW = -(1 << (PARAM_ACT_W - 1)), HIGH = (1 << (PARAM_ACT_W - 1)) - 1, ZERO = 7;

int main(int argc, char **argv) {
    int stride = argc > 1 ? atoi(argv[1]) : 1;
    Vnpu_post_lane top;
    struct Due {
        int32_t acc;
        uint32_t scale;
    };
    std::deque<Due> pipe;
    uint64_t scales[5] = {0, 0, 0, 0, 0};
    uint32_t valid = 0;
    long done = 0, bad = 0;
    top.bias = 0;
    top.zero_clamp = (uint16_t)ZERO;
    top.min_clamp = (uint16_t)LOW;
    top.max_clamp = (uint16_t)HIGH;
    auto step = [&](bool send, int32_t acc, uint32_t scale) {
        valid = valid << 1 | send;
        top.enable = valid & 0x3FF;
        top.acc = (uint32_t)acc;
        for (int i = 4; i > 0; i--) scales[i] = scales[i - 1];
        scales[0] = scale;
        top.scale = (uint32_t)scales[4];
        if (send) pipe.push_back({acc, scale});
        top.clk = 0;
        top.eval();
        top.clk = 1;
        top.eval();
        if (valid >> 9 & 1) {
            Due due = pipe.front();
            pipe.pop_front();
            float s;
            memcpy(&s, &due.scale, 4);
            volatile float product = (float)due.acc;
            product = product * s;
            double whole = std::nearbyint((double)product) + ZERO;
            int32_t expected = whole < LOW ? LOW : whole > HIGH ? HIGH : (int32_t)whole;
            done++;
            if (((expected ^ (int32_t)top.act) & ((1 << PARAM_ACT_W) - 1)) && bad++ < 10)
                printf("acc %d scale %08x: expected %d got %x\n", due.acc, due.scale, expected, top.act);
        }
    };
    static const uint32_t fractions[] = {0, 1, 2, 3, 0x7FFFFF, 0x7FFFFE, 0x7FFFFD, 0x400000, 0x400001, 0x3FFFFF, 0x2AAAAA, 0x555555, 0x123456, 0x3504F3, 0x600000, 0x7F8000};
    for (uint32_t exponent = 27; exponent <= 190; exponent++)
        for (size_t f = 0; f < sizeof fractions / 4; f += (size_t)stride)
            for (int sign = 0; sign < 2; sign++) {
                uint32_t bits = (uint32_t)sign << 31 | exponent << 23 | fractions[f];
                float scale;
                memcpy(&scale, &bits, 4);
                for (int k = LOW - 10; k <= HIGH + 2; k++) {
                    double center = (k + 0.5) / (double)scale;
                    if (std::fabs(center) > 2147483640.0) center = k * 16777216.0;
                    int64_t base = (int64_t)std::nearbyint(center);
                    for (int64_t d = -2; d <= 2; d++)
                        if (base + d >= INT32_MIN && base + d <= INT32_MAX) step(true, (int32_t)(base + d), bits);
                }
            }
    for (int i = 0; i < 12; i++) step(false, 0, 0);
    printf("npu_post_lane: %ld requantizations, %ld wrong\n", done, bad);
    return bad != 0;
}
