// The GEMM engine with its memories in C++ against reference.h. Modes (first argument):
//   random N SEED   N random launches, overlapping, with refused residual reads and self-waits
//   exact SEED      back-to-back launches: not one bubble from the first vector to the last
//   faults          each illegal configuration and each access out of range stops the engine
#include "Vnpu_gemm.h"
#include "reference.h"
#include "verilated.h"
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <string>

static const Shape S{PARAM_ROWS, PARAM_COLS, PARAM_LANES, PARAM_ACT_W, PARAM_WGT_W, (PARAM_ROWS + 15) / 16,
                     (PARAM_ROWS + (PARAM_ROWS + 15) / 16 - 1) / ((PARAM_ROWS + 15) / 16)};
static const int IBUF_WORDS = 1024, HALF = IBUF_WORDS / 2, VMEM_WORDS = 1024, PBUF_WORDS = 16;
static const int WBUF_WORDS = PARAM_WBUF_DEPTH, OBUF_WORDS = PARAM_OBUF_DEPTH;

static uint64_t state = 1;
static uint64_t rnd() {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state * 0x2545F4914F6CDD1Dull >> 8;
}
static int pick(int low, int high) { return low + (int)(rnd() % (uint64_t)(high - low + 1)); }

static void put(void *port, int width, int at, int32_t value) {
    uint8_t *bytes = (uint8_t *)port;
    if (width == 4) {
        uint8_t &byte = bytes[at / 2];
        byte = at % 2 ? (uint8_t)((byte & 15) | value << 4) : (uint8_t)((byte & 0xF0) | (value & 15));
    } else {
        memcpy(bytes + at * width / 8, &value, (size_t)width / 8);
    }
}
static int32_t get(const void *port, int width, int at) {
    uint32_t value = 0;
    if (width == 4) value = ((const uint8_t *)port)[at / 2] >> (at % 2 * 4) & 15;
    else memcpy(&value, (const uint8_t *)port + at * width / 8, (size_t)width / 8);
    return (int32_t)(value << (32 - width)) >> (32 - width);
}
static int get_bit(const void *port, int at) { return ((const uint8_t *)port)[at / 8] >> at % 8 & 1; }

struct Engine {
    Vnpu_gemm top;
    Memory memory;
    std::deque<uint64_t> commands;
    std::deque<int> x_pipe, res_pipe, w_pipe, p_pipe; // addresses in flight, -1: none
    int refuse = 0;                                   // of 8 residual requests
    int semaphore = 0;
    long cycle = 0, retired = 0, words = 0, active = 0, first_active = -1, last_active = -1;
    long bubbles[3] = {0, 0, 0};
    long words_at_retire = 0;
    int fault = 0;
    uint64_t fault_address = 0;
    bool halt = false;
    bool range = false;
    int range_addr = 0;

    void reset() {
        top.rst = 1;
        top.halt = 0;
        top.cmd_valid = top.wbuf_rd_data_valid = top.res_rd_data_valid = top.table_wr_en = 0;
        top.range_error = 0;
        top.pbuf_rd_range_error = 0;
        for (int i = 0; i < 4; i++) edge();
        top.rst = 0;
        x_pipe.assign(3, -1);
        res_pipe.assign(3, -1);
        w_pipe.assign(2, -1);
        p_pipe.assign(2, -1);
    }
    void edge() {
        top.clk = 0;
        top.eval();
        top.clk = 1;
        top.eval();
    }
    void load_tables() {
        for (int word = 0; word < 64 * PARAM_TABLES; word++) {
            top.table_wr_en = 1;
            top.table_wr_addr = (uint32_t)word;
            memcpy(&top.table_wr_data, &memory.tables[(size_t)word * 4], 4);
            edge();
        }
        top.table_wr_en = 0;
    }
    void step() {
        // Answers.
        int at = x_pipe.front();
        for (int r = 0; r < S.rows; r++) put(&top.x_rd_data, S.act_w, r, at < 0 ? (int32_t)rnd() : 0);
        x_pipe.pop_front();
        if (at >= 0)
            for (int r = 0; r < S.rows; r++) put(&top.x_rd_data, S.act_w, r, x_words[(size_t)(x_head + r)]);
        if (at >= 0) x_head += (size_t)S.rows;
        at = res_pipe.front();
        res_pipe.pop_front();
        top.res_rd_data_valid = at >= 0;
        for (int r = 0; r < S.rows; r++) put(&top.res_rd_data, S.act_w, r, at < 0 ? (int32_t)rnd() : res_words[(size_t)(res_head + r)]);
        if (at >= 0) res_head += (size_t)S.rows;
        at = w_pipe.front();
        w_pipe.pop_front();
        top.wbuf_rd_data_valid = at >= 0;
        for (int i = 0; at >= 0 && i < S.segments * S.cols; i++) put(&top.wbuf_rd_data, S.wgt_w, i, memory.wbuf[(size_t)(at * S.segments * S.cols + i)]);
        at = p_pipe.front();
        p_pipe.pop_front();
        for (int c = 0; at >= 0 && c < S.cols; c++) {
            put(&top.pbuf_rd_data, 32, c, memory.bias[(size_t)(at * S.cols + c)]);
            put(&top.pbuf_rd_data, 32, S.cols + c, (int32_t)memory.scale[(size_t)(at * S.cols + c)]);
        }
        top.cmd_valid = !commands.empty();
        top.cmd_word = commands.empty() ? rnd() : commands.front();
        top.res_rd_ready = (int)(rnd() % 8) >= refuse;
        top.halt = halt;
        top.range_error = range;
        top.range_address = (uint32_t)range_addr;
        range = false;
        top.clk = 0;
        top.eval();
        top.sem_wait_ready = top.sem_wait_valid && semaphore > 0;
        top.pbuf_rd_range_error = top.pbuf_rd_valid && top.pbuf_rd_addr >= (uint32_t)PBUF_WORDS;
        top.eval();
        // Requests of this cycle.
        x_pipe.push_back(top.x_rd_valid ? (int)top.x_rd_addr : -1);
        if (top.x_rd_valid) read(top.x_rd_addr, x_words);
        bool res = top.res_rd_valid && top.res_rd_ready;
        res_pipe.push_back(res ? (int)top.res_rd_addr : -1);
        if (res) read(top.res_rd_addr, res_words);
        w_pipe.push_back(top.wbuf_rd_valid ? (int)(top.wbuf_rd_addr % (uint32_t)WBUF_WORDS) : -1);
        p_pipe.push_back(top.pbuf_rd_valid && !top.pbuf_rd_range_error ? (int)top.pbuf_rd_addr : -1);
        if (top.ibuf_wr_valid) {
            words++;
            check_range(top.ibuf_wr_addr, IBUF_WORDS);
            for (int r = 0; r < S.rows; r++)
                if (get_bit(&top.ibuf_wr_lanes, r)) memory.ibuf[(size_t)((int)top.ibuf_wr_addr % IBUF_WORDS * S.rows + r)] = get(&top.ibuf_wr_data, S.act_w, r);
        }
        if (top.vmem_wr_valid) {
            words++;
            check_range(top.vmem_wr_addr, VMEM_WORDS);
            for (int v = 0; v < S.lanes; v++)
                if (get_bit(&top.vmem_wr_lanes, v)) memory.vmem[(size_t)((int)top.vmem_wr_addr % VMEM_WORDS * S.lanes + v)] = get(&top.vmem_wr_data, 32, v);
        }
        if (top.sem_wait_ready) semaphore--;
        if (top.sem_signal_valid) semaphore++;
        if (top.retire_valid) retired++, words_at_retire = words;
        if (top.array_active) {
            active++;
            if (first_active < 0) first_active = cycle;
            last_active = cycle;
        }
        bubbles[0] += top.bubble_weights;
        bubbles[1] += top.bubble_residual;
        bubbles[2] += top.bubble_other;
        if (top.fault_valid && !fault) {
            fault = top.fault_cause;
            fault_address = top.fault_address;
            halt = true;
        }
        if (top.cmd_valid && top.cmd_ready) commands.pop_front();
        top.clk = 1;
        top.eval();
        cycle++;
    }
    void set(int number, uint64_t value) { commands.push_back(1ull << 60 | 2ull << 57 | (uint64_t)number << 48 | (value & 0xFFFFFFFFFFFFull)); }
    void send(const Launch &l) {
        auto u = [](int64_t v, int w) { return (uint64_t)v & ((1ull << w) - 1); };
        auto loop = [&](int number, int count, int stride) { set(number, u(count, 16) | u(stride, 24) << 16); };
        set(0, u(l.x_addr, 24));
        loop(1, l.ow, l.s_ow);
        loop(2, l.oh, l.s_oh);
        loop(3, l.kc, l.s_kc);
        loop(4, l.kw, l.s_kw);
        loop(5, l.kh, l.s_kh);
        loop(6, l.n, l.s_n);
        set(7, u(l.y_start, 16) | u(l.y_limit, 16) << 16 | u(l.y_step_oh, 8) << 32 | u(l.y_step_kh, 8) << 40);
        set(8, u(l.x_start, 16) | u(l.x_limit, 16) << 16 | u(l.x_step_ow, 8) << 32 | u(l.x_step_kw, 8) << 40);
        set(9, u(l.pad, 16));
        set(10, u(l.w_addr, 24));
        set(11, u(l.obuf, 16));
        set(12, u(l.param, 16));
        set(13, u(l.out_addr, 24) | u(l.out_first, 16) << 24);
        set(14, u(l.out_ow, 24) | u(l.out_oh, 24) << 24);
        set(15, u(l.out_block, 24));
        set(16, u(l.res_addr, 24) | u(l.res_first, 16) << 24);
        set(17, u(l.res_ow, 24) | u(l.res_oh, 24) << 24);
        set(18, u(l.res_block, 24));
        set(19, u(l.zero, 16) | u(l.min, 16) << 16 | u(l.max, 16) << 32);
        set(20, u(l.res_min, 16) | u(l.res_max, 16) << 16);
        set(21, l.scale_a);
        set(22, l.scale_b);
        set(23, l.offset | u(l.a_is_inner, 1) << 32);
        commands.push_back(2ull << 60 | 2ull << 57 | (uint64_t)l.function << 50 | (uint64_t)l.wait << 34 | (uint64_t)l.signal << 18
                           | (uint64_t)(l.accumulate | l.keep << 1 | l.residual << 2 | l.lookup << 3 | l.table << 4));
    }

  private:
    std::vector<int32_t> x_words, res_words; // contents read, by age
    size_t x_head = 0, res_head = 0;
    void check_range(uint32_t addr, int depth) {
        if (addr >= (uint32_t)depth) range = true, range_addr = (int)addr;
    }
    void read(uint32_t addr, std::vector<int32_t> &words_read) {
        check_range(addr, IBUF_WORDS);
        for (int r = 0; r < S.rows; r++) words_read.push_back(memory.ibuf[(size_t)((int)addr % IBUF_WORDS * S.rows + r)]);
    }
};

static int32_t act() { return (int32_t)(rnd() << 40 >> 32) >> (32 - S.act_w); }

static void fill(Memory &m) {
    m.ibuf.resize((size_t)(IBUF_WORDS * S.rows));
    m.wbuf.resize((size_t)(WBUF_WORDS * S.segments * S.cols));
    m.bias.resize((size_t)(PBUF_WORDS * S.cols));
    m.scale.resize(m.bias.size());
    m.vmem.resize((size_t)(VMEM_WORDS * S.lanes));
    m.obuf.resize((size_t)(OBUF_WORDS * S.cols));
    m.tables.resize(256 * PARAM_TABLES);
    for (auto &v : m.ibuf) v = act();
    for (size_t i = 0; i < m.wbuf.size(); i++) {
        m.wbuf[i] = (int32_t)(rnd() << 40 >> 32) >> (32 - S.wgt_w);
        // Surplus rows may hold anything, real ones no -2^(B-1) where the cell is packed.
        int step = (int)(i / (size_t)(S.segments * S.cols)) % S.seg_rows, segment = (int)(i / (size_t)S.cols) % S.segments;
        bool real = segment * S.seg_rows + step < S.rows || WBUF_WORDS % S.seg_rows != 0;
        if (PARAM_PACKED && real && m.wbuf[i] == -(1 << (S.wgt_w - 1))) m.wbuf[i]++;
    }
    for (auto &v : m.bias) v = (int32_t)rnd() >> pick(8, 24);
    for (auto &v : m.scale) v = as_bits((float)pick(-1000, 1000) * 0x1p-18f);
    for (auto &v : m.tables) v = (uint8_t)rnd();
}

// Addresses of a walk over counts and strides: places it inside [low, high), or gives up.
static bool place(int &base, int low, int high, std::initializer_list<std::pair<int, int>> loops) {
    int least = 0, most = 0;
    for (auto [count, stride] : loops) (stride < 0 ? least : most) += (count - 1) * stride;
    if (most - least >= high - low) return false;
    base = pick(low - least, high - 1 - most);
    return true;
}

static Launch random_launch(const Launch *previous) {
    for (;;) {
        Launch l;
        l.function = rnd() % 3 ? 0 : pick(1, 2);
        l.ow = pick(1, 6);
        l.oh = pick(1, rnd() % 4 ? 3 : 8);
        l.kc = pick(1, 3);
        l.kw = pick(1, 2);
        l.kh = pick(1, 3);
        l.n = pick(1, 4);
        if (rnd() % 4 == 0) l.ow = l.oh = 1;
        // Many residual vectors long before the last pass: the fetch must stop when it has no room.
        bool deep = rnd() % 16 == 0;
        if (deep) l.ow = 4, l.oh = 8, l.kc = 3, l.kh = 2, l.n = 4;
        if (l.vectors() > OBUF_WORDS) continue;
        // A launch that keeps its sums is continued by one of the same shape, at the same place or,
        // after overwriting it, elsewhere.
        if (previous && previous->keep) {
            l.accumulate = true;
            l.ow = previous->ow;
            l.oh = previous->oh;
            l.obuf = previous->obuf;
            l.n = 1;
            // Half of them continue with the last rows only, the sooner after these were added to.
            if (rnd() % 2 && l.oh > 1) {
                int rows = rnd() % 2 ? 1 : pick(1, l.oh - 1);
                l.obuf += (l.oh - rows) * l.ow;
                l.oh = rows;
            }
        } else {
            l.obuf = pick(0, OBUF_WORDS - l.vectors());
        }
        if (rnd() % 4 == 0) l.keep = true, l.n = 1;
        l.residual = PARAM_ENABLE_RESIDUAL && l.function == 0 && (deep || rnd() % 2);
        l.lookup = PARAM_ENABLE_LOOKUP && l.function == 0 && rnd() % 4 == 0;
        l.table = pick(0, PARAM_TABLES - 1);
        l.s_ow = pick(-2, 3);
        l.s_oh = pick(-4, 8);
        l.s_kc = pick(-16, 16);
        l.s_kw = pick(-2, 2);
        l.s_kh = pick(-4, 4);
        l.s_n = rnd() % 2 ? 0 : pick(-8, 8);
        l.y_start = pick(-3, 2);
        l.y_limit = rnd() % 2 ? 65535 : pick(1, 6);
        l.y_step_oh = pick(0, 3);
        l.y_step_kh = pick(0, 2);
        l.x_start = pick(-3, 2);
        l.x_limit = rnd() % 2 ? 65535 : pick(1, 6);
        l.x_step_ow = pick(0, 3);
        l.x_step_kw = pick(0, 2);
        if (rnd() % 16 == 0) l.y_start = -32768, l.y_step_oh = 255, l.y_step_kh = 255;
        l.pad = act();
        l.param = pick(0, PBUF_WORDS - l.n);
        // Tiles begin at multiples of the tile only where surplus rows must stay apart.
        l.w_addr = WBUF_WORDS % S.seg_rows ? pick(0, WBUF_WORDS - 1) : pick(0, WBUF_WORDS / S.seg_rows - 1) * S.seg_rows;
        l.zero = act();
        l.min = -(1 << (S.act_w - 1)) + pick(0, 1);
        l.max = (1 << (S.act_w - 1)) - 1 - pick(0, 1);
        l.res_min = l.min;
        l.res_max = l.max;
        l.a_is_inner = pick(0, 1);
        l.scale_a = as_bits((float)pick(-200, 200) / 128.0f);
        l.scale_b = as_bits((float)pick(-200, 200) / 100.0f);
        l.offset = as_bits((float)pick(-300, 300) / (rnd() % 2 ? 2.0f : 7.0f));
        int word = l.function == 0 ? S.rows : S.lanes;
        l.out_first = word > S.cols ? pick(0, word / S.cols - 1) * S.cols : 0;
        l.res_first = S.rows > S.cols ? pick(0, S.rows / S.cols - 1) * S.cols : 0;
        // Distinct words for distinct results: columns, rows, blocks.
        int blocks = (l.out_first + l.n * S.cols + word - 1) / word;
        l.out_ow = pick(1, 2);
        l.out_oh = l.ow * l.out_ow + pick(0, 1);
        l.out_block = l.oh * l.out_oh + pick(0, 2);
        if (rnd() % 4 == 0) l.out_block = -l.out_block;
        int res_blocks = (l.res_first + l.n * S.cols + S.rows - 1) / S.rows;
        l.res_ow = pick(-2, 2);
        l.res_oh = pick(-4, 4);
        l.res_block = pick(-8, 8);
        int low = l.function == 0 ? HALF : 0, high = l.function == 0 ? IBUF_WORDS : VMEM_WORDS;
        if (!place(l.out_addr, low, high, {{l.ow, l.out_ow}, {l.oh, l.out_oh}, {blocks, l.out_block}})) continue;
        if (!place(l.res_addr, 0, HALF, {{l.ow, l.res_ow}, {l.oh, l.res_oh}, {res_blocks, l.res_block}})) continue;
        if (!place(l.x_addr, 0, HALF, {{l.ow, l.s_ow}, {l.oh, l.s_oh}, {l.kc, l.s_kc}, {l.kw, l.s_kw}, {l.kh, l.s_kh}, {l.n, l.s_n}})) continue;
        return l;
    }
}

static long written_words(const Launch &l) {
    if (l.keep) return 0;
    int word = l.function == 0 ? S.rows : S.lanes;
    return (long)l.n * l.vectors() * (S.cols > word ? S.cols / word : 1);
}

static int run_random(long launches, uint64_t seed) {
    state = seed * 2654435761u + 1;
    Engine e;
    fill(e.memory);
    Memory expected = e.memory;
    e.reset();
    e.load_tables();
    std::deque<long> cumulative;
    Launch previous;
    long sent = 0, total = 0, bad = 0;
    long last_retired = 0, last_cycle = 0;
    while (e.retired < launches) {
        if (sent < launches && e.commands.size() < 64) {
            Launch l = random_launch(sent ? &previous : nullptr);
            // From time to time read what the previous launch wrote, ordered by a semaphore.
            if (sent && !previous.keep && previous.function == 0 && !l.accumulate && rnd() % 4 == 0) {
                l.wait = 1;
                l.x_addr = previous.out_addr;
                l.s_ow = previous.out_ow;
                l.ow = previous.ow;
                l.oh = 1;
                l.obuf = 0;
                l.s_kc = l.s_kw = l.s_kh = l.s_n = 0;
                l.out_oh = l.ow * l.out_ow + 1;
                e.commands.back() |= 1ull << 18; // the previous launch signals
                if (l.residual && S.rows >= S.cols) {
                    l.res_addr = previous.out_addr;
                    l.res_ow = previous.out_ow;
                    l.res_block = 0;
                }
                int word = l.function == 0 ? S.rows : S.lanes;
                int blocks = (l.out_first + l.n * S.cols + word - 1) / word;
                int low = l.function == 0 ? HALF : 0, high = l.function == 0 ? IBUF_WORDS : VMEM_WORDS;
                l.out_block = l.ow * l.out_ow + 1;
                do {
                    if (!place(l.out_addr, low, high, {{l.ow, l.out_ow}, {1, 0}, {blocks, l.out_block}})) return 1;
                    // Not over its own operand.
                } while (l.function == 0 && l.out_addr < previous.out_addr + 64 && l.out_addr + 256 > previous.out_addr);
            }
            e.send(l);
            execute(l, expected, S);
            total += written_words(l);
            cumulative.push_back(total);
            previous = l;
            sent++;
            if (rnd() % 8 == 0) e.refuse = pick(0, 7);
        }
        long before = e.retired;
        e.step();
        if (e.retired != before) {
            // It retires one cycle after its last word, in which the next launch may write one.
            long beyond = e.words_at_retire - cumulative.front();
            if ((beyond < 0 || beyond > 1) && bad++ < 5)
                printf("launch %ld retired after %ld words, expected %ld\n", before, e.words_at_retire, cumulative.front());
            cumulative.pop_front();
            last_retired = e.retired;
            last_cycle = e.cycle;
        }
        if (e.fault) {
            printf("fault %d at %lx after %ld launches\n", e.fault, (unsigned long)e.fault_address, e.retired);
            return 1;
        }
        if (e.cycle - last_cycle > 100000) {
            printf("no progress after %ld launches\n", last_retired);
            return 1;
        }
    }
    for (int i = 0; i < 50; i++) e.step();
    for (size_t i = 0; i < expected.ibuf.size(); i++)
        if (expected.ibuf[i] != e.memory.ibuf[i] && bad++ < 10)
            printf("ibuf word %zu element %zu: expected %d got %d\n", i / (size_t)S.rows, i % (size_t)S.rows, expected.ibuf[i], e.memory.ibuf[i]);
    for (size_t i = 0; i < expected.vmem.size(); i++)
        if (expected.vmem[i] != e.memory.vmem[i] && bad++ < 10)
            printf("vmem word %zu element %zu: expected %x got %x\n", i / (size_t)S.lanes, i % (size_t)S.lanes, expected.vmem[i], e.memory.vmem[i]);
    printf("npu_gemm %dx%d: %ld launches, %ld cycles, %ld vectors, bubbles %ld weights %ld residual %ld other, %ld wrong\n", S.rows, S.cols, launches, e.cycle, e.active, e.bubbles[0], e.bubbles[1], e.bubbles[2], bad);
    return bad != 0;
}

// Launches whose every pass is as long as the array wants: no bubble anywhere between them.
static int run_exact(uint64_t seed) {
    state = seed * 2654435761u + 1;
    Engine e;
    fill(e.memory);
    Memory expected = e.memory;
    e.reset();
    e.load_tables();
    long slots = 0;
    int shortest = S.seg_rows > 4 ? S.seg_rows : 4;
    for (int i = 0; i < 24; i++) {
        Launch l;
        l.ow = shortest + pick(0, 8);
        l.n = 2;
        l.kc = pick(2, 5);
        l.s_ow = 1;
        l.s_kc = 7;
        l.zero = 3;
        l.min = -(1 << (S.act_w - 1));
        l.max = -l.min - 1;
        l.res_min = l.min;
        l.res_max = l.max;
        l.residual = PARAM_ENABLE_RESIDUAL && i % 3 == 1;
        l.scale_a = l.scale_b = as_bits(0.5f);
        l.res_ow = 1;
        l.res_block = 40;
        l.out_addr = HALF + pick(0, 40);
        l.out_ow = 1;
        l.out_block = 40;
        l.y_step_kh = 1;
        if (i % 4 == 3) l.ow = 1 + i % 3;       // a pass shorter than its weights' loading
        int beats = S.cols > S.rows ? S.cols / S.rows : 1;
        long fed = (long)(l.ow - 1) * beats + 1; // the last pass waits for the output port
        long pass = l.ow > shortest ? l.ow : shortest, last = fed > shortest ? fed : shortest;
        slots += l.n * ((l.kc - 1) * pass + last);
        if (i == 23) slots -= last - fed;
        e.send(l);
        execute(l, expected, S);
    }
    while (e.retired < 24 && e.cycle < 100000) e.step();
    long bad = e.memory.ibuf != expected.ibuf;
    long took = e.last_active - e.first_active + 1;
    printf("npu_gemm %dx%d: %ld cycles from the first to the last vector, expected %ld, results %s\n", S.rows, S.cols, took, slots, bad ? "wrong" : "right");
    return bad || took != slots;
}

static int expect_fault(const char *what, const Launch &l, int cause, long address, Engine &e) {
    e.send(l);
    for (int i = 0; i < 3000 && !e.fault; i++) e.step();
    bool good = e.fault == cause && (address < 0 || (long)e.fault_address == address);
    if (!good) printf("%s: expected fault %d at %ld, got %d at %ld\n", what, cause, address, e.fault, (long)e.fault_address);
    // The engine stays silent afterwards.
    for (int i = 0; i < 200; i++) e.step();
    long active = e.active;
    for (int i = 0; i < 200; i++) e.step();
    return !good || e.active != active;
}

static int run_faults() {
    int bad = 0, count = 0;
    auto check = [&](const char *what, int cause, long address, auto change) {
        Engine e;
        state = 99;
        fill(e.memory);
        Launch l;
        l.ow = 4;
        l.kc = 2;
        l.min = -(1 << (S.act_w - 1));
        l.max = -l.min - 1;
        l.res_min = l.min;
        l.res_max = l.max;
        l.out_ow = 1;
        change(l, e);
        e.reset();
        bad += expect_fault(what, l, cause, address, e);
        count++;
    };
    check("legal", 0, 0, [](Launch &, Engine &) {});
    check("ow", 4, 0, [](Launch &l, Engine &) { l.ow = 0; });
    check("oh", 4, 0, [](Launch &l, Engine &) { l.oh = 0; });
    check("kc", 4, 0, [](Launch &l, Engine &) { l.kc = 0; });
    check("kw", 4, 0, [](Launch &l, Engine &) { l.kw = 0; });
    check("kh", 4, 0, [](Launch &l, Engine &) { l.kh = 0; });
    check("n", 4, 0, [](Launch &l, Engine &) { l.n = 0; });
    check("function", 4, 0, [](Launch &l, Engine &) { l.function = 3; });
    check("keep of two blocks", 4, 0, [](Launch &l, Engine &) { l.keep = true, l.n = 2; });
    check("accumulate of two blocks", 4, 0, [](Launch &l, Engine &) { l.accumulate = true, l.n = 2; });
    check("too many vectors", 4, 0, [](Launch &l, Engine &) { l.ow = OBUF_WORDS + 1; });
    check("far too many vectors", 4, 0, [](Launch &l, Engine &) { l.ow = l.oh = 65535; });
    check("obuf end", 4, 0, [](Launch &l, Engine &) { l.obuf = OBUF_WORDS - 3; });
    check("obuf exactly full", 0, 0, [](Launch &l, Engine &) { l.obuf = OBUF_WORDS - 4; });
    check("residual of int32", 4, 0, [](Launch &l, Engine &) { l.function = 1, l.residual = true; });
    check("lookup of binary32", 4, 0, [](Launch &l, Engine &) { l.function = 2, l.lookup = true; });
    if (PARAM_TABLES < 8) check("table", 4, 0, [](Launch &l, Engine &) { l.lookup = true, l.table = PARAM_TABLES; });
    if (S.act_w < 16) {
        check("lower clamp", 4, 0, [](Launch &l, Engine &) { l.min--; });
        check("upper clamp", 4, 0, [](Launch &l, Engine &) { l.max++; });
        check("clamps of wide results do not matter", 0, 0, [](Launch &l, Engine &) { l.function = 1, l.max++; });
        check("residual clamp", 4, 0, [](Launch &l, Engine &) { l.residual = true, l.res_max++; });
    }
    check("first channel", 4, 0, [](Launch &l, Engine &) { l.out_first = S.cols > 1 ? 1 : S.rows; });
    check("first channel of residual", 4, 0, [](Launch &l, Engine &) { l.residual = true, l.res_first = S.rows; });
    check("activation beyond IBUF", 5, IBUF_WORDS, [](Launch &l, Engine &) { l.x_addr = IBUF_WORDS - 2, l.s_ow = 1; });
    check("result beyond IBUF", 5, IBUF_WORDS, [](Launch &l, Engine &) { l.out_addr = IBUF_WORDS - 1; });
    check("parameters beyond PBUF", 5, PBUF_WORDS, [](Launch &l, Engine &) { l.param = PBUF_WORDS; });
    check("parameters not used", 0, 0, [](Launch &l, Engine &) { l.param = PBUF_WORDS, l.keep = true; });
    if (PARAM_PACKED) {
        int word = S.seg_rows + 1 % S.seg_rows;
        check("weight of a packed cell", 9, word, [&](Launch &, Engine &e) { e.memory.wbuf[(size_t)(word * S.segments * S.cols)] = -(1 << (S.wgt_w - 1)); });
    }
    printf("npu_gemm %dx%d: %d fault cases, %d wrong\n", S.rows, S.cols, count, bad);
    return bad != 0;
}

int main(int argc, char **argv) {
    std::string mode = argc > 1 ? argv[1] : "random";
    if (mode == "random") return run_random(argc > 2 ? atol(argv[2]) : 200, argc > 3 ? strtoull(argv[3], nullptr, 10) : 1);
    if (mode == "exact") return run_exact(argc > 2 ? strtoull(argv[2], nullptr, 10) : 1);
    return run_faults();
}
