// A reader of beats with random pauses in front of npu_fetch, a decoder with random pauses behind.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <random>

#include "Vnpu_fetch.h"
#include "verilated.h"

static Vnpu_fetch top;
static std::mt19937 rng(1);
static constexpr uint64_t BEAT_BYTES = PARAM_DATA_W / 8;

static uint64_t content(uint64_t address) {
    return address * 0x9e3779b97f4a7c15ULL ^ (address << 7) ^ 0x123456789abcdefULL;
}

// A beat's bytes into the port, whatever Verilator made of it.
static void put(uint64_t address) {
    uint8_t bytes[BEAT_BYTES];
    for (uint64_t i = 0; i < BEAT_BYTES; ++i) {
        const uint64_t at = address + i;
        bytes[i] = uint8_t(content(at & ~7ULL) >> 8 * (at & 7));
    }
    std::memcpy(&top.data, bytes, BEAT_BYTES);
}

static void fail(const char* what, uint64_t got, uint64_t want) {
    std::printf("%s: %llx, expected %llx\n", what, (unsigned long long)got,
                (unsigned long long)want);
    std::exit(1);
}

static void edge() {
    top.clk = 1;
    top.eval();
}

static void run(uint64_t start, uint32_t words, int supply, int demand) {
    std::deque<uint64_t> beats;
    uint64_t asked = start;
    uint32_t seen = 0;
    top.rst = 1;
    top.clk = 0;
    top.eval();
    edge();
    top.rst = 0;
    top.halt = 0;
    top.program_addr = start;
    top.program_length = words;
    top.start = 1;
    top.req_ready = top.data_valid = top.word_ready = 0;
    top.clk = 0;
    top.eval();
    edge();
    top.start = 0;
    bool offered = false;
    for (long cycle = 0; seen <= words; ++cycle) {
        if (cycle > 1000 + 200L * words) fail("words before the time ran out", seen, words);
        top.req_ready = int(rng() % 100) < supply;
        offered = !beats.empty() && (offered || int(rng() % 100) < supply);
        top.data_valid = offered;
        if (offered) put(beats.front());
        top.word_ready = int(rng() % 100) < demand;
        top.clk = 0;
        top.eval();
        if (top.req_valid && top.req_ready) {
            if (top.req_addr != asked) fail("address of a request", top.req_addr, asked);
            if (top.req_bytes == 0 || top.req_bytes > 1024) fail("bytes", top.req_bytes, 1024);
            const uint64_t end = asked + top.req_bytes;
            if (end > start + 8ULL * words) fail("end of the program", end, start + 8ULL * words);
            if ((asked >> 10) != ((end - 1) >> 10)) fail("request across a chunk", end, asked);
            for (uint64_t beat = asked & ~(BEAT_BYTES - 1); beat < end; beat += BEAT_BYTES) {
                beats.push_back(beat);
            }
            asked = end;
        }
        if (top.word_valid && top.word_ready) {
            const uint64_t want = seen < words ? content(start + 8ULL * seen) : ~0ULL;
            if (top.word != want) fail("word", top.word, want);
            if (top.word_pc != seen) fail("pc", top.word_pc, seen);
            ++seen;
        }
        const bool taken = top.data_valid && top.data_ready;
        edge();
        if (taken) {
            beats.pop_front();
            offered = false;
        }
    }
    // Every beat has been taken, and nothing follows the word past the end.
    top.word_ready = 1;
    top.data_valid = 0;
    for (int cycle = 0; cycle < 10; ++cycle) {
        top.clk = 0;
        top.eval();
        if (top.word_valid || top.req_valid) fail("something after the end", 1, 0);
        edge();
    }
    if (!beats.empty()) fail("beats left", beats.size(), 0);
}

int main() {
    for (uint64_t start = 0; start < 160; start += 8) {
        for (uint32_t words = 0; words < 40; ++words) {
            run(0x12345000 + start, words, 50, 60);
        }
    }
    for (uint64_t start : {0x0ULL, 0x3f8ULL, 0x7fff0ULL, 0xff00000008ULL}) {
        for (uint32_t words : {1U, 127U, 128U, 129U, 1000U}) {
            run(start, words, 100, 100);
            run(start, words, 20, 100);
            run(start, words, 100, 20);
        }
    }
    return 0;
}
