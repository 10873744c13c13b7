// Cycles of STORE with a DRAM that takes one beat per cycle and responds 100 cycles after a burst,
// and the bytes it writes. The buffers are always free.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <map>
#include <vector>
#include "Vnpu_store_datapath.h"
#include "verilated.h"

static const int LATENCY = 100;
static const int BUS = PARAM_BUS_W / 8;

struct Launch {
    uint32_t function;
    uint64_t offset;
    uint32_t run, group, count;
    int32_t stride;
    uint32_t addr;
};

static int word_bytes(int function) {
    return function == 0 ? PARAM_IBUF_WORD_BYTES : PARAM_VMEM_WORD_BYTES;
}
static uint8_t content(int function, uint32_t address, int i) {
    return uint8_t(((address * word_bytes(function) + i) * 2654435761u + function * 77) >> 11);
}

struct Machine {
    Vnpu_store_datapath top;
    struct Burst { uint64_t address; int beats; };
    std::deque<Burst> bursts;
    std::deque<uint64_t> responses;
    std::map<uint64_t, uint8_t> dram;
    int beat = 0;
    long cycle = 0, done = 0, count = 0;
    struct Answer { bool valid; int function; uint32_t address; };
    std::deque<Answer> answers{{false, 0, 0}, {false, 0, 0}};

    bool step() {
        top.clk = 0;
        top.awready = top.wready = 1;
        top.ibuf_rd_ready = top.vmem_rd_ready = 1;
        Answer answer = answers.front();
        top.ibuf_rd_data_valid = answer.valid && answer.function == 0;
        top.vmem_rd_data_valid = answer.valid && answer.function == 1;
        for (int i = 0; i < PARAM_IBUF_WORD_BYTES; i++)
            reinterpret_cast<uint8_t *>(&top.ibuf_rd_data)[i] = content(0, answer.address, i);
        for (int i = 0; i < PARAM_VMEM_WORD_BYTES; i++)
            reinterpret_cast<uint8_t *>(&top.vmem_rd_data)[i] = content(1, answer.address, i);
        bool respond = !responses.empty() && responses.front() <= uint64_t(cycle);
        top.bvalid = respond;
        top.bresp = 0;
        top.eval();
        bool taken = top.launch_valid && top.launch_ready;
        if (!top.rst) {
            done += top.launch_done;
            if (top.fault_valid) { std::printf("fault %d\n", top.fault_cause); std::exit(3); }
            answers.pop_front();
            if (top.ibuf_rd_valid) answers.push_back({true, 0, top.ibuf_rd_addr});
            else if (top.vmem_rd_valid) answers.push_back({true, 1, top.vmem_rd_addr});
            else answers.push_back({false, 0, 0});
            while (answers.size() < 3) answers.push_front({false, 0, 0});
            if (respond) responses.pop_front();
            if (top.awvalid) bursts.push_back({top.awaddr, top.awlen + 1}), count++;
            if (top.wvalid) {
                if (bursts.empty()) { std::printf("data before its address\n"); std::exit(4); }
                Burst &burst = bursts.front();
                const uint8_t *data = reinterpret_cast<const uint8_t *>(&top.wdata);
                for (int i = 0; i < BUS; i++)
                    if ((top.wstrb >> i) & 1) dram[burst.address + uint64_t(beat) * BUS + i] = data[i];
                beat++;
                if (bool(top.wlast) != (beat == burst.beats)) { std::printf("wlast\n"); std::exit(5); }
                if (beat == burst.beats) {
                    bursts.pop_front();
                    beat = 0;
                    responses.push_back(uint64_t(cycle) + LATENCY);
                }
            }
        }
        top.clk = 1;
        top.eval();
        cycle++;
        return taken;
    }
    template <typename T> void put(T &port, int at, uint32_t value) {
        std::memcpy(reinterpret_cast<uint8_t *>(&port) + at, &value, 4);
    }
    void set(const Launch &l) {
        top.launch_function = l.function;
        top.region_base = 0x100000; top.region_size = 1 << 24;
        top.dram_offset = l.offset; top.src_addr = l.addr;
        top.run_bytes = l.run; top.group_bytes = l.group;
        top.loop_count = 0x0001000100010000ull | l.count;
        for (int i = 0; i < 4; i++) put(top.loop_stride, 4 * i, i == 0 ? uint32_t(l.stride) : 0);
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

static void reference(const Launch &l, std::map<uint64_t, uint8_t> &dram) {
    int word = word_bytes(l.function);
    uint32_t per_group = (l.group + word - 1) / word, position = 0;
    for (uint32_t r = 0; r < l.count; r++)
        for (uint32_t i = 0; i < l.run; i++, position++) {
            uint32_t group = position / l.group, at = position % l.group;
            dram[0x100000 + l.offset + int64_t(r) * l.stride + i]
                = content(l.function, l.addr + group * per_group + at / word, at % word);
        }
}

static void run(const char *name, const std::vector<Launch> &launches, long limit) {
    Machine machine;
    machine.top.rst = 1; machine.top.halt = 0; machine.top.launch_valid = 0;
    for (int i = 0; i < 4; i++) machine.step();
    machine.top.rst = 0;
    machine.step();
    long start = machine.cycle;
    std::map<uint64_t, uint8_t> expected;
    for (const Launch &launch : launches) {
        machine.set(launch);
        while (!machine.step()) {}
        machine.top.launch_valid = 0;
        reference(launch, expected);
    }
    while (machine.done < long(launches.size()) && machine.cycle < 1000000) machine.step();
    long cycles = machine.cycle - start;
    std::printf("%-28s %6ld cycles, %ld bursts, limit %ld\n", name, cycles, machine.count, limit);
    if (machine.dram != expected) { std::printf("%s: wrong data\n", name); std::exit(1); }
    if (cycles > limit) { std::printf("%s: too slow\n", name); std::exit(2); }
}

int main() {
    const uint32_t bytes = 65536;
    const long beats = bytes / BUS, fixed = LATENCY + 50;
    run("long aligned", {{0, 0, bytes, bytes, 1, 0, 7}}, beats + fixed);
    run("long unaligned", {{0, 5, bytes, bytes, 1, 0, 7}}, beats + fixed);
    run("long from VMEM", {{1, 5, bytes, bytes, 1, 0, 7}}, beats + fixed);
    // 10 of the 16 channels of a word: a word a cycle, not a beat.
    run("10 of 16 bytes a word", {{0, 3, 10240, 10, 1, 0, 0}}, 1024 + fixed);
    run("256 runs of 256 bytes", {{0, 0, 256, 256, 256, 300, 0}}, 256 * 18 + fixed);
    run("512 runs of a word", {{0, 0, 16, 16, 512, 64, 0}},
        512 * (LATENCY + 10) / PARAM_OUTSTANDING + fixed);
    std::vector<Launch> many;
    for (uint32_t i = 0; i < 32; i++)
        many.push_back({i % 2, i * 1024, 1024, 1024, 1, 0, i});
    run("32 launches of 1 KiB", many, 32 * (1024 / BUS + 3) + fixed);
    return 0;
}
