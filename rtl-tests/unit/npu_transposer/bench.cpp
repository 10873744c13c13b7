// Random rows and columns; the writes are collected in a WBUF and compared with the tiles.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <random>
#include <vector>

#include "Vnpu_transposer.h"
#include "verilated.h"

static Vnpu_transposer top;
static std::mt19937 rng(1);
static constexpr int SIZE = PARAM_SIZE;
static constexpr int SEGMENTS = (SIZE + 15) / 16;
static constexpr int STEPS = SIZE / SEGMENTS;
static constexpr int TILES = 4;

// Bits of a port, whatever Verilator made of it: its words of 32 bits in memory order.
template <typename Port>
static uint64_t bits(const Port& port, int low, int width) {
    const auto* bytes = reinterpret_cast<const uint8_t*>(&port);
    uint64_t value = 0;
    for (int i = 0; i < width; ++i) {
        value |= uint64_t(bytes[(low + i) / 8] >> ((low + i) % 8) & 1) << i;
    }
    return value;
}

template <typename Port>
static void put(Port& port, int low, int width, uint64_t value) {
    auto* bytes = reinterpret_cast<uint8_t*>(&port);
    for (int i = 0; i < width; ++i) {
        const int at = low + i;
        bytes[at / 8] = uint8_t((bytes[at / 8] & ~(1 << at % 8)) | (value >> i & 1) << at % 8);
    }
}

static int64_t sign(uint64_t value, int width) {
    return int64_t(value << (64 - width)) >> (64 - width);
}

static void fail(const char* what, long got, long want) {
    std::printf("%s: %ld, expected %ld\n", what, got, want);
    std::exit(1);
}

static int64_t wbuf[TILES * STEPS][SEGMENTS][SIZE];

static void half() {
    top.clk = 0;
    top.eval();
}

static void edge() {
    if (top.wr_valid && top.wr_ready) {
        for (int s = 0; s < SEGMENTS; ++s) {
            if (!(top.wr_segments >> s & 1)) continue;
            for (int c = 0; c < SIZE; ++c) {
                const int low = (s * SIZE + c) * PARAM_WGT_W;
                wbuf[top.wr_addr % (TILES * STEPS)][s][c] =
                    sign(bits(top.wr_data, low, PARAM_WGT_W), PARAM_WGT_W);
            }
        }
    }
    top.clk = 1;
    top.eval();
}

int main() {
    int64_t tiles[TILES][SIZE][SIZE] = {};
    top.rst = 1;
    top.in_valid = 0;
    half();
    edge();
    top.rst = 0;
    bool known[TILES] = {};
    for (int round = 0; round < 200; ++round) {
        const int tile = int(rng() % TILES);
        const bool transpose = rng() % 2;
        for (int j = 0; j < SIZE; ++j) {
            while (rng() % 4 == 0) {  // a pause
                top.in_valid = 0;
                top.wr_ready = rng() % 2;
                half();
                edge();
            }
            top.in_valid = 1;
            top.in_transpose = transpose;
            top.in_addr = uint32_t((tile + TILES * int(rng() % 3)) * SIZE + j) & 0xffffff;
            // Columns of one tile must carry one address.
            if (transpose) top.in_addr = uint32_t(tile * SIZE + j);
            for (int e = 0; e < SIZE; ++e) {
                const uint64_t value = rng() & ((1ULL << PARAM_ACT_W) - 1);
                put(top.in_data, e * PARAM_ACT_W, PARAM_ACT_W, value);
                const int64_t weight = sign(uint64_t(sign(value, PARAM_ACT_W)), PARAM_WGT_W);
                (transpose ? tiles[tile][e][j] : tiles[tile][j][e]) = weight;
            }
            for (int wait = 0;; ++wait) {
                if (wait > 1000) fail("a word waits", wait, 0);
                top.wr_ready = rng() % 3 != 0;
                half();
                if (top.fault_valid) fail("fault", top.fault_valid, 0);
                const bool taken = top.in_ready;
                edge();
                if (taken) break;
            }
        }
        known[tile] = true;
        top.in_valid = 0;
        half();
        if (!transpose && top.in_busy) fail("busy after a row", 1, 0);
        for (int wait = 0; top.in_busy; ++wait) {
            if (wait > 1000) fail("busy", wait, 0);
            top.wr_ready = rng() % 3 != 0;
            half();
            edge();
            half();
        }
        for (int t = 0; t < TILES; ++t) {
            if (!known[t]) continue;
            for (int r = 0; r < SIZE; ++r) {
                for (int c = 0; c < SIZE; ++c) {
                    const int64_t got = wbuf[t * STEPS + r % STEPS][r / STEPS][c];
                    if (got != tiles[t][r][c]) fail("weight", long(got), long(tiles[t][r][c]));
                }
            }
        }
    }
    // Columns out of order are refused and change nothing.
    if (SIZE > 1) {
        top.in_valid = 1;
        top.in_transpose = 1;
        top.in_addr = 1;
        half();
        if (!top.fault_valid || top.fault_address != 1) fail("fault of column 1", top.fault_valid, 1);
        edge();
        top.in_addr = 0;
        half();
        if (top.fault_valid) fail("fault of column 0", 1, 0);
        edge();
        top.in_addr = SIZE + 1;
        half();
        if (!top.fault_valid) fail("fault of another tile", 0, 1);
    }
    return 0;
}
