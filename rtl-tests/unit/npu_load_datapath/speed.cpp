// Cycles of LOAD with a DRAM of 100 cycles latency and one beat per cycle, and the bytes it writes.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <vector>
#include "Vnpu_load_datapath.h"
#include "verilated.h"

static const int LATENCY = 100;
static const int BUS = PARAM_BUS_W / 8;
static const int WORD = PARAM_IBUF_WORD_BYTES;

struct Launch {
    uint64_t offset;
    uint32_t run, group;
    uint32_t count[4];
    int32_t stride[4];
    uint32_t addr;
};

static uint8_t dram(uint64_t address) { return uint8_t((address * 2654435761u) >> 13); }

struct Machine {
    Vnpu_load_datapath top;
    struct Beat { uint64_t when, address; bool last; };
    std::deque<Beat> beats;
    long cycle = 0, done = 0, bursts = 0, first_write = -1, last_write = 0;
    std::vector<std::vector<uint8_t>> words;

    void half(int clk) { top.clk = clk; top.eval(); }
    // One cycle; returns whether a waiting launch was accepted.
    bool step() {
        top.clk = 0;
        top.arready = 1;
        top.buf_ready = 1;
        bool have = !beats.empty() && beats.front().when <= uint64_t(cycle);
        top.rvalid = have;
        top.rresp = 0;
        top.rlast = have && beats.front().last;
        for (int i = 0; i < BUS; i++)
            reinterpret_cast<uint8_t *>(&top.rdata)[i] = have ? dram(beats.front().address + i) : 0;
        top.eval();
        bool taken = top.launch_valid && top.launch_ready;
        done += top.launch_done;
        if (top.fault_valid) { std::printf("fault %d\n", top.fault_cause); std::exit(3); }
        if (have && top.rready) beats.pop_front();
        if (top.arvalid && !top.rst) {
            bursts++;
            for (int i = 0; i <= top.arlen; i++)
                beats.push_back({uint64_t(cycle) + LATENCY, top.araddr + uint64_t(i) * BUS,
                                 i == top.arlen});
        }
        if (top.buf_valid && !top.rst) {
            if (first_write < 0) first_write = cycle;
            last_write = cycle;
            const uint8_t *data = reinterpret_cast<const uint8_t *>(&top.buf_data);
            words.emplace_back(data, data + WORD);
        }
        half(1);
        cycle++;
        return taken;
    }
    void reset() {
        top.rst = 1; top.halt = 0; top.launch_valid = 0;
        for (int i = 0; i < 4; i++) step();
        top.rst = 0;
        step();
        beats.clear(); words.clear();
        done = bursts = 0; first_write = -1;
    }
    template <typename T> void put(T &port, int at, uint32_t value) {
        std::memcpy(reinterpret_cast<uint8_t *>(&port) + at, &value, 4);
    }
    void set(const Launch &l) {
        top.launch_function = 0; top.launch_clip = 0;
        top.region_base = 0x100000; top.region_size = 1 << 24;
        top.dram_offset = l.offset; top.dst_addr = l.addr;
        top.run_bytes = l.run; top.group_bytes = l.group; top.fill = 0x5a5a;
        top.loop_count = 0;
        for (int i = 0; i < 4; i++) {
            top.loop_count |= uint64_t(l.count[i]) << (16 * i);
            put(top.loop_stride, 4 * i, uint32_t(l.stride[i]));
        }
        for (int i = 0; i < 3; i++) top.word_count[i] = 0;
        for (int i = 0; i < 3; i++) {
            int bit = 24 * i;
            top.word_count[bit / 32] |= 1u << (bit % 32);
            top.word_stride[i] = 0;
        }
        top.word_stride[2] = 1u << (72 - 64);
        top.launch_valid = 1;
    }
};

static std::vector<std::vector<uint8_t>> reference(const Launch &l) {
    std::vector<uint8_t> stream;
    for (uint32_t d = 0; d < l.count[3]; d++)
        for (uint32_t c = 0; c < l.count[2]; c++)
            for (uint32_t b = 0; b < l.count[1]; b++)
                for (uint32_t a = 0; a < l.count[0]; a++)
                    for (uint32_t i = 0; i < l.run; i++)
                        stream.push_back(dram(0x100000 + l.offset + int64_t(a) * l.stride[0]
                            + int64_t(b) * l.stride[1] + int64_t(c) * l.stride[2]
                            + int64_t(d) * l.stride[3] + i));
    std::vector<std::vector<uint8_t>> words;
    for (size_t at = 0; at < stream.size(); at += l.group) {
        size_t end = std::min(stream.size(), at + l.group);
        for (size_t w = at; w < end; w += WORD) {
            std::vector<uint8_t> word(WORD, 0x5a);
            for (size_t i = w; i < std::min(end, w + WORD); i++) word[i - w] = stream[i];
            words.push_back(word);
        }
    }
    return words;
}

// Runs the launches back to back; checks the words and that the time is at most `limit` cycles.
static void run(const char *name, const std::vector<Launch> &launches, long items, long limit) {
    Machine machine;
    machine.reset();
    long start = machine.cycle;
    std::vector<std::vector<uint8_t>> expected;
    for (const Launch &launch : launches) {
        machine.set(launch);
        while (!machine.step()) {}
        machine.top.launch_valid = 0;
        for (auto &word : reference(launch)) expected.push_back(word);
    }
    while (machine.done < long(launches.size()) && machine.cycle < 1000000) machine.step();
    long cycles = machine.cycle - start;
    std::printf("%-28s %6ld cycles, %.2f per item, %ld bursts, limit %ld\n", name, cycles,
                double(machine.last_write - machine.first_write + 1) / items, machine.bursts,
                limit);
    if (machine.words != expected) { std::printf("%s: wrong data\n", name); std::exit(1); }
    if (cycles > limit) { std::printf("%s: too slow\n", name); std::exit(2); }
}

int main() {
    const long n = 4096;                           // words of a long run
    const long fixed = LATENCY + 30;
    const uint32_t bytes = uint32_t(n * WORD);
    run("long aligned", {{0, bytes, bytes, {1, 1, 1, 1}, {0, 0, 0, 0}, 0}}, n, n + fixed);
    run("long unaligned", {{5, bytes, bytes, {1, 1, 1, 1}, {0, 0, 0, 0}, 0}}, n, n + fixed);
    run("rows of 256 bytes", {{3, 256, 256, {256, 1, 1, 1}, {300, 0, 0, 0}, 0}}, 256,
        256 * 17 + fixed);
    // A pixel that straddles two beats takes two steps: one step more per beat of 5 1/3 pixels.
    run("3-byte pixels padded", {{0, 3072, 3, {1, 1, 1, 1}, {0, 0, 0, 0}, 0}}, 1024,
        1024 * 9 / 8 + fixed);
    // im2col of a 7 x 7 kernel over 3 channels, stride 2: 7 runs of 21 bytes a pixel. A burst a
    // run: 32 in flight cover 100 cycles with 7 runs in 22 cycles, 64 with one in 1.6.
    run("gather 7 x 21 bytes", {{0, 21, 147, {7, 112, 1, 1}, {672, 6, 0, 0}, 0}}, 112,
        112 * (PARAM_OUTSTANDING >= 64 ? 18 : 24) + fixed);
    std::vector<Launch> many;
    for (uint32_t i = 0; i < 32; i++)
        many.push_back({i * 1024, 1024, 1024, {1, 1, 1, 1}, {0, 0, 0, 0}, i});
    run("32 launches of 1 KiB", many, 32, 32 * (1024 / WORD + 3) + fixed);
    return 0;
}
