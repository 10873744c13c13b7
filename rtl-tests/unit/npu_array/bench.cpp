// npu_array against dot products in C++: random tiles, pass lengths, bubbles and gaps between
// weight steps; every sum must leave exactly LATENCY cycles after its vector. With a third
// argument passes follow each other at the highest rate the contract allows, and the whole run
// must take passes x max(T, 4) cycles plus first load and latency, exactly.
// Arguments: passes, seed [, full].
#include "Vnpu_array.h"
#include "verilated.h"
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <vector>

static const int R = PARAM_ROWS, C = PARAM_COLS, A = PARAM_ACT_W, B = PARAM_WGT_W;
static const int S = (R + 15) / 16, T = (R + S - 1) / S;
static const bool PACKED = PARAM_CELL == 0;

static int clog2(int n) {
    int bits = 0;
    while ((1 << bits) < n) bits++;
    return bits;
}
static const int LATENCY = T + (C + 1) / 2 + 3 + clog2(S);

static uint64_t state = 1;
static uint64_t rnd() {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state * 0x2545F4914F6CDD1Dull >> 8;
}
static void put(void *port, int width, int at, int32_t value) {
    uint8_t *bytes = (uint8_t *)port;
    if (width == 4) {
        uint8_t &byte = bytes[at / 2];
        byte = at % 2 ? (uint8_t)((byte & 15) | value << 4) : (uint8_t)((byte & 0xF0) | (value & 15));
    } else {
        memcpy(bytes + at * width / 8, &value, (size_t)width / 8);
    }
}
static int32_t random_value(int width, int kind, bool weight) {
    int32_t high = (1 << (width - 1)) - 1, low = weight && PACKED ? -high : -high - 1;
    if (kind == 1) return low;
    if (kind == 2) return high;
    if (kind == 3) return rnd() % 2 ? low : high;
    return low + (int32_t)(rnd() % (uint64_t)(high - low + 1));
}

struct Result {
    long cycle;
    std::vector<int32_t> y;
};

int main(int argc, char **argv) {
    long passes = argc > 1 ? atol(argv[1]) : 200;
    state = argc > 2 ? strtoull(argv[2], nullptr, 10) * 2654435761u + 1 : 1;
    bool full_rate = argc > 3;
    Vnpu_array top;
    std::vector<int32_t> loading((size_t)S * T * C), loaded, active;
    std::deque<Result> expected;
    std::vector<int32_t> x(R);
    long cycle = 0, bad = 0, vectors = 0;
    int step = T;          // next step of the tile being loaded; T: none begun
    bool complete = false; // a whole tile waits in the shadow registers
    long pass = -1, left = 0;
    int w_kind = 0, x_kind = 0;

    top.rst = 1;
    top.clk = 0;
    top.x_valid = top.w_valid = 0;
    for (int i = 0; i < 3; i++) top.clk = 0, top.eval(), top.clk = 1, top.eval();
    top.rst = 0;
    auto begin = std::chrono::steady_clock::now();
    while (pass < passes || left > 0 || !expected.empty()) {
        bool first = false;
        top.x_valid = 0;
        top.x_first = rnd() & 1;
        if (left == 0 && complete && pass < passes && (full_rate || rnd() % 4)) {
            first = true;
            pass++;
            left = full_rate ? (T > 4 ? T : 4) : 1 + (long)(rnd() % (unsigned)(2 * T));
            active = loaded;
            complete = false;
            x_kind = (int)(rnd() % 6);
        }
        if (first || (left > 0 && (full_rate || rnd() % 8))) {
            top.x_valid = 1;
            top.x_first = first;
            left--;
            vectors++;
            Result result{cycle + LATENCY, std::vector<int32_t>((size_t)C, 0)};
            for (int r = 0; r < R; r++) {
                x[(size_t)r] = random_value(A, x_kind, false);
                put(&top.x, A, r, x[(size_t)r]);
            }
            for (int r = 0; r < R; r++)
                for (int c = 0; c < C; c++)
                    result.y[(size_t)c] = (int32_t)((uint32_t)result.y[(size_t)c]
                        + (uint32_t)x[(size_t)r] * (uint32_t)active[(size_t)(r * C + c)]);
            expected.push_back(result);
        }
        top.w_valid = 0;
        top.w_first = rnd() & 1;
        if (!complete && (full_rate || rnd() % 4)) {
            top.w_valid = 1;
            top.w_first = step == T;
            if (step == T) w_kind = (int)(rnd() % 6);
            step--;
            for (int s = 0; s < S; s++)
                for (int c = 0; c < C; c++) {
                    int32_t value = random_value(B, w_kind, true);
                    loading[(size_t)((s * T + step) * C + c)] = value;
                    put(&top.w, B, s * C + c, value);
                }
            if (step == 0) {
                step = T;
                loaded = loading;
                complete = true;
            }
        }
        top.clk = 0;
        top.eval();
        bool due = !expected.empty() && expected.front().cycle == cycle;
        bad += due != (bool)top.y_valid;
        if (due) {
            if (memcmp(&top.y, expected.front().y.data(), (size_t)C * 4) && bad++ < 5)
                printf("cycle %ld: y[0] expected %d\n", cycle, expected.front().y[0]);
            expected.pop_front();
        }
        if (bad > 20) break;
        top.clk = 1;
        top.eval();
        cycle++;
    }
    double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    long exact = T + (pass + 1) * (T > 4 ? T : 4) + LATENCY;
    if (full_rate && cycle != exact && bad++ == 0) printf("expected %ld cycles\n", exact);
    printf("npu_array %dx%d cell %d: %ld passes, %ld vectors, %ld cycles, %ld wrong, %.0f cycles/s\n", R, C, PARAM_CELL, pass, vectors, cycle, bad, (double)cycle / seconds);
    return bad != 0;
}
