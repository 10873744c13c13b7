// Clocks the bench's top, fills and reads its memories, feeds launches and disturbs with traffic.
#pragma once
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <random>
#include "Vvector_bench.h"
#include "reference.h"
#include "verilated.h"

#define CHECK(cond, ...) \
    do { \
        if (!(cond)) { \
            std::printf(__VA_ARGS__); \
            std::printf("\n"); \
            std::exit(1); \
        } \
    } while (0)

static const Shape SHAPE = {PARAM_LANES, PARAM_ROWS, PARAM_ACT_W, PARAM_TAPS,
                            PARAM_NUM_BANKS * PARAM_BANK_DEPTH * (PARAM_ROWS / PARAM_LANES),
                            PARAM_NUM_BANKS * PARAM_BANK_DEPTH};
static const int SLICES = PARAM_ROWS / PARAM_LANES;
static const uint32_t WORDS = PARAM_NUM_BANKS * PARAM_BANK_DEPTH;

// Elements of `width` bits in a port of any size.
template <class Port> static uint32_t element(const Port &port, int index, int width) {
    const uint8_t *bytes = reinterpret_cast<const uint8_t *>(&port);
    uint32_t value = 0;
    for (int bit = 0; bit < width; bit++) {
        int at = index * width + bit;
        value |= (uint32_t)(bytes[at / 8] >> (at % 8) & 1) << bit;
    }
    return value;
}
template <class Port> static void set_element(Port &port, int index, int width, uint32_t value) {
    uint8_t *bytes = reinterpret_cast<uint8_t *>(&port);
    for (int bit = 0; bit < width; bit++) {
        int at = index * width + bit;
        bytes[at / 8] = (bytes[at / 8] & ~(1 << at % 8)) | (value >> bit & 1) << at % 8;
    }
}
static uint32_t extended(uint32_t v) {
    return (uint32_t)((int32_t)(v << (32 - PARAM_ACT_W)) >> (32 - PARAM_ACT_W));
}

class Driver {
  public:
    Vvector_bench top;
    std::mt19937 random;
    long cycle = 0, done = 0, stalls = 0, conflicts = 0;
    int traffic = 0;                               // of 16: how often each other client asks
    int faults = 0, cause = 0;
    uint32_t fault_address = 0;
    std::deque<Launch> queue;
    long accepted = 0;
    long gap = 0;                                  // idle cycles before each launch, of 16
    std::vector<WbufWord> wbuf;

    explicit Driver(unsigned seed) : random(seed) {
        top.launch_valid = top.table_wr_en = top.coeff_wr_en = 0;
        top.fill_ibuf_valid = top.fill_vmem_valid = 0;
        top.dump_ibuf_valid = top.dump_vmem_valid = 0;
        top.rst = 1;
        tick();
        tick();
        top.rst = 0;
    }

    unsigned below(unsigned n) { return random() % n; }

    void tick() {
        top.clk = 0;
        disturb();
        bool offered = !queue.empty() && (top.launch_valid || below(16) >= (unsigned)gap);
        top.launch_valid = offered;
        if (offered) drive(queue.front());
        top.eval();
        bool taken = top.launch_valid && top.launch_ready;
        if (!top.rst) {
            done += top.launch_done;
            stalls += top.stall_memory;
            conflicts += top.bank_conflict;
            if (top.fault_valid && !faults++) {
                cause = top.fault_cause;
                fault_address = (uint32_t)top.fault_address;
            }
            if (top.wbuf_wr_valid && top.wbuf_wr_ready) {
                WbufWord w = {(bool)top.wbuf_wr_transpose, top.wbuf_wr_addr, Word(SHAPE.lanes)};
                for (int i = 0; i < SHAPE.lanes; i++)
                    w.data[i] = extended(element(top.wbuf_wr_data, i, PARAM_ACT_W));
                wbuf.push_back(w);
                pending = 1 + below(6);
            } else if (pending) {
                pending--;
            }
            CHECK(done <= accepted, "cycle %ld: more launches done than accepted", cycle);
            CHECK(!(top.launch_done && top.wbuf_wr_busy && last_busy),
                  "cycle %ld: done while WBUF is busy", cycle);
        }
        last_busy = top.wbuf_wr_busy;
        top.clk = 1;
        top.eval();
        cycle++;
        if (taken) {
            queue.pop_front();
            accepted++;
            top.launch_valid = 0;
        }
    }

    // Runs until all launches are done; `limit` cycles at most.
    void drain(long limit = 2000000) {
        long end = cycle + limit;
        while (!queue.empty() || done != accepted) {
            tick();
            CHECK(cycle < end, "no end: %ld of %ld launches done, %zu waiting", done, accepted,
                  queue.size());
        }
    }

    void fill(const Memories &m) {
        int before = traffic;
        traffic = 0;
        for (uint32_t word = 0; word < WORDS; word++) {
            top.fill_addr = word;
            top.fill_ibuf_valid = top.fill_vmem_valid = 1;
            for (int i = 0; i < SHAPE.rows; i++)
                set_element(top.fill_ibuf_data, i, PARAM_ACT_W,
                            m.ibuf[word * SLICES + i / SHAPE.lanes][i % SHAPE.lanes]);
            for (int i = 0; i < SHAPE.lanes; i++)
                set_element(top.fill_vmem_data, i, 32, m.vmem[word][i]);
            tick();
        }
        top.fill_ibuf_valid = top.fill_vmem_valid = 0;
        for (uint32_t word = 0; word < m.table.size() / 4; word++) {
            top.table_wr_en = 1;
            top.table_wr_addr = word;
            top.table_wr_data = 0;
            for (int i = 0; i < 4; i++) top.table_wr_data |= m.table[word * 4 + i] << 8 * i;
            tick();
        }
        top.table_wr_en = 0;
        for (uint32_t word = 0; word < m.coefficients.size(); word++) {
            top.coeff_wr_en = 1;
            top.coeff_wr_addr = word;
            top.coeff_wr_data = m.coefficients[word];
            tick();
        }
        top.coeff_wr_en = 0;
        traffic = before;
    }

    void compare(const Memories &m, const char *what) {
        int before = traffic;
        traffic = 0;
        tick();
        for (uint32_t word = 0; word < WORDS + 3; word++) {
            top.dump_addr = word < WORDS ? word : 0;
            top.dump_ibuf_valid = top.dump_vmem_valid = word < WORDS;
            if (word >= 3) {
                CHECK(top.dump_ibuf_data_valid && top.dump_vmem_data_valid, "dump: no data");
                uint32_t at = word - 3;
                for (int i = 0; i < SHAPE.rows; i++) {
                    uint32_t got = extended(element(top.dump_ibuf_data, i, PARAM_ACT_W));
                    uint32_t want = m.ibuf[at * SLICES + i / SHAPE.lanes][i % SHAPE.lanes];
                    CHECK(got == want, "%s: IBUF word %u row %d is %d, expected %d", what, at, i,
                          (int)got, (int)want);
                }
                for (int i = 0; i < SHAPE.lanes; i++) {
                    uint32_t got = element(top.dump_vmem_data, i, 32);
                    CHECK(got == m.vmem[at][i], "%s: VMEM word %u lane %d is %08x, expected %08x",
                          what, at, i, got, m.vmem[at][i]);
                }
            }
            tick();
        }
        CHECK(wbuf.size() == m.wbuf.size(), "%s: %zu WBUF words, expected %zu", what, wbuf.size(),
              m.wbuf.size());
        for (size_t i = 0; i < wbuf.size(); i++)
            CHECK(wbuf[i] == m.wbuf[i], "%s: WBUF word %zu differs (address %u, expected %u)", what,
                  i, wbuf[i].addr, m.wbuf[i].addr);
        traffic = before;
    }

  private:
    int pending = 0;
    bool last_busy = false;

    void disturb() {
        auto asks = [&] { return (int)below(16) < traffic; };
        top.other_rd_valid = asks() | asks() << 1;
        top.other_rd_addr = below(WORDS) | (uint64_t)below(WORDS) << 24;
        top.other_ibuf_wr_valid = asks();
        top.other_ibuf_wr_addr = below(WORDS);
        top.other_vmem_wr_valid = asks();
        top.other_vmem_wr_addr = below(WORDS);
        top.wbuf_wr_ready = !asks();
        top.wbuf_wr_busy = pending != 0;
    }

    void drive(const Launch &l) {
        top.launch_function = l.function;
        top.launch_flags = l.src1 | l.src2 << 1 | l.dst << 3 | l.reduce << 5 | l.levels << 7
            | l.channel << 9 | l.residual << 10 | l.lookup << 11 | l.table << 12 | l.format << 15;
        const uint32_t W24 = 0xffffff, W16 = 0xffff, W8 = 0xff;
#define LOOP(i) \
        top.loop##i##_count = l.count[i]; \
        top.loop##i##_stride = l.a_stride[i] & W24; \
        top.step_y_s##i = l.y_step[i] & W8; \
        top.step_x_s##i = l.x_step[i] & W8;
        LOOP(0) LOOP(1) LOOP(2) LOOP(3) LOOP(4) LOOP(5)
#undef LOOP
#define PAIR(name, i) \
        top.src2_##name##_s##i = l.b_stride[i] & W24; \
        top.dst_##name##_s##i = l.d_stride[i] & W24;
        PAIR(01, 0) PAIR(01, 1) PAIR(23, 2) PAIR(23, 3) PAIR(45, 4) PAIR(45, 5)
#undef PAIR
        top.src1_addr = l.a_addr & W24;
        top.src2_addr = l.b_addr & W24;
        top.dst_addr = l.d_addr & W24;
        top.param_addr = l.param_addr & W24;
        top.window_y_start = l.y_start & W16;
        top.window_x_start = l.x_start & W16;
        top.window_y_limit = l.y_limit;
        top.window_x_limit = l.x_limit;
        top.imm_value = l.imm;
        top.pad_value = l.pad;
        top.bias_value = l.bias;
        top.scale_value = l.scale;
        top.quant_zero = l.zero & W16;
        top.quant_min = l.min & W16;
        top.quant_max = l.max & W16;
        top.res_clamp_min = l.res_min & W16;
        top.res_clamp_max = l.res_max & W16;
        top.res_scale_a_value = l.scale_a;
        top.res_scale_b_value = l.scale_b;
        top.res_offset_value = l.offset;
        top.res_offset_inner = l.a_is_inner;
        top.taps_stride = l.tap_skip;
        top.taps_tap_stride = l.tap_stride & W24;
        top.taps_out_stride = l.out_stride & 0xfffff;
        top.reduction_interleave = l.interleave;
        top.reduction_across = l.across;
        top.function_mode = l.settings.mode;
        top.function_base = l.settings.base;
        top.function_bits = l.settings.bits;
        top.function_low = l.settings.low;
        top.function_octaves = l.settings.octaves;
    }
};
