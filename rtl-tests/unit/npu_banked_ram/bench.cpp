// Random traffic of all clients against an array: data, latency of three cycles, priority, range
// errors. Words are up to 64 bits here. A word written in the cycle of its read may read as
// anything; the bench then skips the comparison.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <random>
#include <vector>
#include "Vnpu_banked_ram.h"
#include "verilated.h"

static const unsigned WORD_W = PARAM_LANES * PARAM_LANE_W;
static const unsigned WORDS = PARAM_NUM_BANKS * PARAM_BANK_DEPTH;

static unsigned bank_of(unsigned address) {
    return PARAM_INTERLEAVE ? address % PARAM_NUM_BANKS : address / PARAM_BANK_DEPTH;
}

// A port is a plain integer up to 64 bits and an array of 32-bit words above.
template <typename T> void set_bits(T &port, unsigned at, unsigned width, uint64_t value) {
    for (unsigned i = 0; i < width; i++) {
        uint64_t bit = (value >> i) & 1, mask = uint64_t(1) << (at + i);
        port = T((uint64_t(port) & ~mask) | (bit ? mask : 0));
    }
}
template <std::size_t N>
void set_bits(VlWide<N> &port, unsigned at, unsigned width, uint64_t value) {
    for (unsigned i = 0; i < width; i++) {
        uint32_t mask = 1u << ((at + i) % 32);
        uint32_t &word = port.data()[(at + i) / 32];
        word = (word & ~mask) | (((value >> i) & 1) ? mask : 0);
    }
}
template <typename T> uint64_t get_bits(const T &port, unsigned at, unsigned width) {
    uint64_t value = uint64_t(port) >> at;
    return width < 64 ? value & ((uint64_t(1) << width) - 1) : value;
}
template <std::size_t N>
uint64_t get_bits(const VlWide<N> &port, unsigned at, unsigned width) {
    uint64_t value = 0;
    for (unsigned i = 0; i < width; i++)
        value |= uint64_t((port.data()[(at + i) / 32] >> ((at + i) % 32)) & 1) << i;
    return value;
}

struct Answer { bool valid, known; uint64_t data; };

int main(int argc, char **argv) {
    std::mt19937_64 random(argc > 1 ? std::atoi(argv[1]) : 1);
    Vnpu_banked_ram top;
    std::vector<uint64_t> memory(WORDS, 0);
    std::vector<bool> written(WORDS, false);
    std::vector<uint64_t> lanes_written(WORDS, 0);
    std::vector<std::deque<Answer>> pending(PARAM_NUM_RD);
    for (auto &queue : pending) queue.assign(3, Answer{false, false, 0});
    unsigned long compared = 0, conflicts = 0, errors = 0;
    bool expect_rd_error[PARAM_NUM_RD] = {}, expect_wr_error[PARAM_NUM_WR] = {};
    uint64_t bad_address = 0;
    top.rst = 1;
    top.clk = 0;
    top.eval(); top.clk = 1; top.eval(); top.clk = 0; top.eval(); top.clk = 1; top.eval();
    top.rst = 0;
    for (long cycle = 0; cycle < 40000; cycle++) {
        uint64_t rd_addr[PARAM_NUM_RD], wr_addr[PARAM_NUM_WR], wr_data[PARAM_NUM_WR];
        uint64_t wr_lanes[PARAM_NUM_WR];
        auto address = [&]() {
            if (random() % 64 == 0) return uint64_t(random() & 0xffffff);
            return uint64_t(random() % (WORDS + (random() % 16 == 0)));
        };
        top.clk = 0;
        top.rd_valid = random() & ((1u << PARAM_NUM_RD) - 1);
        top.wr_valid = random() & ((1u << PARAM_NUM_WR) - 1);
        for (int i = 0; i < PARAM_NUM_RD; i++)
            set_bits(top.rd_addr, 24 * i, 24, rd_addr[i] = address());
        for (int i = 0; i < PARAM_NUM_WR; i++) {
            set_bits(top.wr_addr, 24 * i, 24, wr_addr[i] = address());
            wr_lanes[i] = random() & ((uint64_t(1) << PARAM_LANES) - 1);
            if (random() % 2) wr_lanes[i] = (uint64_t(1) << PARAM_LANES) - 1;
            set_bits(top.wr_lanes, PARAM_LANES * i, PARAM_LANES, wr_lanes[i]);
            wr_data[i] = random() & (WORD_W < 64 ? (uint64_t(1) << WORD_W) - 1 : ~uint64_t(0));
            set_bits(top.wr_data, WORD_W * i, WORD_W, wr_data[i]);
        }
        top.eval();
        // Outputs that belong to earlier cycles.
        bool any_error = false;
        for (int i = 0; i < PARAM_NUM_RD; i++) {
            Answer answer = pending[i].front();
            pending[i].pop_front();
            if (((top.rd_data_valid >> i) & 1) != answer.valid) {
                std::printf("cycle %ld: rd_data_valid[%d]\n", cycle, i);
                return 1;
            }
            if (answer.valid && answer.known) {
                compared++;
                if (get_bits(top.rd_data, WORD_W * i, WORD_W) != answer.data) {
                    std::printf("cycle %ld: rd_data[%d]\n", cycle, i);
                    return 1;
                }
            }
            any_error |= expect_rd_error[i];
            if (((top.rd_range_error >> i) & 1) != expect_rd_error[i]) return 3;
        }
        for (int i = 0; i < PARAM_NUM_WR; i++) {
            any_error |= expect_wr_error[i];
            if (((top.wr_range_error >> i) & 1) != expect_wr_error[i]) return 4;
        }
        if (any_error && top.range_address != bad_address) return 5;
        errors += any_error;
        // Requests of this cycle: who wins, and the effect.
        bool found = false;
        bool bank_read[PARAM_NUM_BANKS] = {}, bank_written[PARAM_NUM_BANKS] = {};
        std::vector<std::pair<int, uint64_t>> accepted;
        for (int i = 0; i < PARAM_NUM_RD; i++) {
            bool valid = (top.rd_valid >> i) & 1, inside = rd_addr[i] < WORDS;
            unsigned bank = inside ? bank_of(rd_addr[i]) : 0;
            bool ready = !(valid && inside && bank_read[bank]);
            if (valid && ((top.rd_ready >> i) & 1) != ready) return 6;
            conflicts += valid && !ready;
            expect_rd_error[i] = valid && !inside;
            if (expect_rd_error[i] && !found) found = true, bad_address = rd_addr[i];
            Answer answer{valid && ready, false, 0};
            if (valid && ready && inside) {
                bank_read[bank] = true;
                uint64_t full = (uint64_t(1) << PARAM_LANES) - 1;
                answer.known = lanes_written[rd_addr[i]] == full;
                answer.data = memory[rd_addr[i]];
                for (int w = 0; w < PARAM_NUM_WR; w++)
                    if (((top.wr_valid >> w) & 1) && wr_addr[w] == rd_addr[i]) answer.known = false;
            }
            pending[i].push_back(answer);
        }
        for (int i = 0; i < PARAM_NUM_WR; i++) {
            bool valid = (top.wr_valid >> i) & 1, inside = wr_addr[i] < WORDS;
            unsigned bank = inside ? bank_of(wr_addr[i]) : 0;
            bool ready = !(valid && inside && bank_written[bank]);
            if (valid && ((top.wr_ready >> i) & 1) != ready) return 7;
            conflicts += valid && !ready;
            expect_wr_error[i] = valid && !inside;
            if (expect_wr_error[i] && !found) found = true, bad_address = wr_addr[i];
            if (valid && ready && inside) {
                bank_written[bank] = true;
                for (int lane = 0; lane < PARAM_LANES; lane++) {
                    if (!((wr_lanes[i] >> lane) & 1)) continue;
                    uint64_t mask = ((uint64_t(1) << PARAM_LANE_W) - 1) << (lane * PARAM_LANE_W);
                    memory[wr_addr[i]] = (memory[wr_addr[i]] & ~mask) | (wr_data[i] & mask);
                    lanes_written[wr_addr[i]] |= uint64_t(1) << lane;
                }
            }
        }
        top.clk = 1;
        top.eval();
    }
    std::printf("%lu words compared, %lu conflicts, %lu errors\n", compared, conflicts, errors);
    return compared > 5000 && (conflicts > 100) && errors > 100 ? 0 : 2;
}
