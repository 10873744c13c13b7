// Cycles of single and overlapping launches without interference, against what the description of
// the RTL promises, and configuration and range faults. Results are compared too.
#include <algorithm>
#include "driver.h"

static const uint32_t BANK = PARAM_BANK_DEPTH * SLICES;   // lane words
static Driver *driver;
static Memories memories;

static Launch plain(int function, uint32_t count) {
    Launch l;
    l.function = function;
    l.min = -(1 << (PARAM_ACT_W - 1)), l.max = -l.min - 1;
    l.count[0] = count;
    l.a_stride[0] = l.b_stride[0] = l.d_stride[0] = 1;
    return l;
}

// Cycles from the first offer to the last done.
static long run(const std::vector<Launch> &launches) {
    long begin = driver->cycle;
    for (const Launch &l : launches) {
        Reference(SHAPE).run(l, memories);
        driver->queue.push_back(l);
    }
    driver->drain();
    return driver->cycle - begin;
}

static void expect(const char *what, long cycles, long work, long overhead) {
    std::printf("%-44s %7ld cycles for %7ld elements\n", what, cycles, work);
    CHECK(cycles >= work, "%s: %ld cycles are fewer than the elements", what, cycles);
    CHECK(cycles <= work + overhead, "%s: more than %ld + %ld cycles", what, work, overhead);
}

// A launch alone: from its offer to the first element's issue, and from the last one's to the end.
static const int LEVELS = PARAM_LANES <= 1 ? 0 : PARAM_LANES <= 2 ? 1 : PARAM_LANES <= 4 ? 2 : 3;
static const long RAMP = 14 + (PARAM_ENABLE_RESIDUAL ? 26 : 10)
                       + (PARAM_ENABLE_LOOKUP && PARAM_ACT_W <= 8)
                       + (PARAM_ENABLE_FLOAT ? (PARAM_SEGMENTS ? 21 : 6) + 5 : 0)
                       + (PARAM_ENABLE_FLOAT && LEVELS ? 1 + 5 * LEVELS : 0);

static void speed() {
    Launch l = plain(ADD, 200);
    l.src2 = 1, l.b_addr = BANK, l.d_addr = 2 * BANK;
    expect("add, operands in two banks", run({l}), 200, RAMP);

    Launch wide = plain(MUL, 60);
    wide.src1 = 1, wide.src2 = 2, wide.dst = 1, wide.format = 1;
    wide.b_addr = PARAM_BANK_DEPTH, wide.d_addr = 2 * PARAM_BANK_DEPTH;
    expect("mul from VMEM to VMEM", run({wide}), 60, RAMP);

    Launch same = l;
    same.b_addr = 0;
    expect("add, operands in one bank", run({same}), 400, RAMP);

    std::vector<Launch> many;
    for (int i = 0; i < 10; i++) {
        Launch m = plain(i % 2 ? SUB : MAX, 40 + i);
        m.src2 = i % 3 ? 1 : 0, m.a_addr = 7 * i, m.b_addr = BANK + 3 * i;
        m.d_addr = 2 * BANK + 50 * (i % 4);
        many.push_back(m);
    }
    expect("ten launches of 40 to 49, overlapping", run(many), 445, RAMP);

    Launch pool = plain(MAX, 3);
    pool.reduce = 2, pool.levels = 1, pool.imm = 0x80000000u, pool.d_addr = 2 * BANK;
    pool.count[1] = 3, pool.a_stride[1] = 15, pool.count[2] = 7, pool.a_stride[2] = 2;
    pool.count[3] = 7, pool.a_stride[3] = 30, pool.d_stride[2] = 1, pool.d_stride[3] = 7;
    expect("maximum over 3 x 3 windows", run({pool}), 9 * 49, RAMP);

    Launch chan = plain(MOVE, 6);
    chan.channel = 1, chan.param_addr = 0, chan.d_addr = 2 * BANK;
    chan.count[5] = 20, chan.a_stride[5] = 6, chan.d_stride[5] = 6;
    expect("per-lane parameters every 6 elements", run({chan}), 120, RAMP);

    if (PARAM_ENABLE_RESIDUAL) {
        Launch res = l;
        res.function = MOVE, res.residual = 1, res.res_min = l.min, res.res_max = l.max;
        expect("residual addition", run({res}), 200, RAMP);
    }
    driver->compare(memories, "speed");
}

// Binary32: all functions at one element a cycle; sweeps without a bubble from 7 accumulators on.
static void float_speed() {
    for (int function : {(int)FADD, (int)FMAX, (int)F2I, PARAM_SEGMENTS ? (int)FUNCTION : (int)I2F}) {
        Launch l = plain(function, 100);
        l.src1 = 1, l.src2 = 2, l.dst = 1, l.format = 1;
        l.b_addr = PARAM_BANK_DEPTH, l.d_addr = 2 * PARAM_BANK_DEPTH;
        expect(("binary32, function " + std::to_string(function)).c_str(), run({l}), 100, RAMP);
    }
    for (int accumulators : {1, 3, 6, 7, 8, 16}) {
        Launch l = plain(FMUL, (uint32_t)accumulators);
        l.src1 = 1, l.src2 = 2, l.dst = 1, l.format = 1, l.reduce = 1, l.interleave = 1;
        l.a_stride[1] = accumulators, l.count[1] = 6, l.levels = 1, l.count[2] = 2, l.across = 1;
        l.b_addr = PARAM_BANK_DEPTH, l.d_addr = 2 * PARAM_BANK_DEPTH;
        long sweep = std::max(accumulators, 7);
        expect(("12 sweeps of " + std::to_string(accumulators)).c_str(), run({l}),
               11 * sweep + accumulators, RAMP);
    }
    driver->compare(memories, "binary32");
}

// k x k depthwise on rows with padding; `rows` rows of `width` outputs; the rows of the picture
// repeat in a small buffer, which changes no cycle.
static void depthwise(int kernel, int stride, int width, int rows, int blocks, double least) {
    int segments = (kernel + PARAM_TAPS - 1) / PARAM_TAPS;
    int reach = segments * PARAM_TAPS;
    Launch l = plain(DEPTHWISE, (width - 1) * stride + PARAM_TAPS);
    int in_width = (width - 1) * stride + kernel - 2 * (kernel / 2);
    l.tap_skip = stride, l.tap_stride = 1, l.out_stride = 1;
    l.a_addr = (uint32_t)-(kernel / 2), l.b_addr = BANK, l.d_addr = 2 * BANK;
    l.count[1] = segments, l.a_stride[1] = l.b_stride[1] = PARAM_TAPS;
    l.count[2] = kernel, l.b_stride[2] = reach;
    l.count[3] = rows, l.count[5] = blocks;
    l.x_start = -(kernel / 2), l.x_limit = in_width, l.x_step[0] = 1, l.x_step[1] = PARAM_TAPS;
    l.channel = 1;
    long cycles = run({l});
    double macs = (double)width * rows * blocks * kernel * kernel / cycles;
    std::printf("depthwise %dx%d stride %d, %d x %d x %d blocks: %ld cycles, %.3f MACs per lane and"
                " cycle\n", kernel, kernel, stride, width, rows, blocks, cycles, macs);
    CHECK(macs >= least, "depthwise: %.3f MACs per lane and cycle, at least %.3f wanted", macs,
          least);
    CHECK(cycles <= (long)l.count[0] * segments * kernel * rows * blocks + RAMP + 4,
          "depthwise: a bubble between row segments");
    driver->compare(memories, "depthwise");
}

static void faults() {
    auto refused = [&](const char *what, Launch l) {
        Driver fresh(1);
        fresh.queue.push_back(plain(MOVE, 20));
        fresh.queue.push_back(l);
        for (int i = 0; i < 200; i++) {
            fresh.tick();
            CHECK(!fresh.faults || fresh.done == 1, "%s: fault before the launch ahead is done",
                  what);
        }
        CHECK(fresh.faults && fresh.cause == 4, "%s: fault %d, expected 4", what, fresh.cause);
        CHECK(fresh.accepted == 1 && fresh.done == 1, "%s: launched in spite of the fault", what);
    };
    auto accepted = [&](const char *what, Launch l) {
        Driver fresh(1);
        fresh.queue.push_back(l);
        fresh.drain(100000);
        CHECK(!fresh.faults, "%s: fault %d", what, fresh.cause);
    };
    for (int i = 0; i < 6; i++) {
        Launch l = plain(MOVE, 2);
        l.count[i] = 0;
        refused("count of zero", l);
    }
    Launch good = plain(ADD, 4);
    good.d_addr = 2 * BANK;
#define TRY(verdict, what, change) { Launch l = good; change; verdict(what, l); }
    TRY(accepted, "plain", )
    TRY(refused, "format 1 to IBUF", l.format = 1)
    TRY(refused, "format 2 to IBUF", l.format = 2)
    TRY(refused, "format 3 to VMEM", (l.format = 3, l.dst = 1))
    TRY(refused, "format 0 to VMEM", l.dst = 1)
    TRY(accepted, "format 2 to VMEM", (l.format = 2, l.dst = 1, l.d_addr = 0))
    TRY(refused, "src2 3", l.src2 = 3)
    Launch wide = good;
    wide.dst = wide.format = 1, wide.d_addr = 0;
    std::swap(good, wide);
    for (int f = FADD; f <= FUNCTION; f++) {
        if (PARAM_ENABLE_FLOAT && (f != FUNCTION || PARAM_SEGMENTS))
            TRY(accepted, "function of binary32", l.function = f)
        else
            TRY(refused, "function of binary32", l.function = f)
    }
    if (PARAM_ENABLE_FLOAT) {
        TRY(refused, "interleave without reduction", l.interleave = 1)
        TRY(refused, "across without reduction", l.across = 1)
        TRY(accepted, "interleaved sum", (l.interleave = 1, l.reduce = 1))
        TRY(accepted, "sum across", (l.across = 1, l.reduce = 1))
        TRY(refused, "binary32 sum", (l.function = FADD, l.reduce = 1))
        TRY(refused, "binary32 sum across", (l.function = FNEG, l.reduce = 1, l.across = 1))
        TRY(accepted, "binary32 maximum", (l.function = FADD, l.reduce = 2))
        TRY(accepted, "sum of comparisons", (l.function = FLT, l.reduce = 1))
        TRY(accepted, "interleaved binary32 sum", (l.function = I2F, l.reduce = l.interleave = 1))
        TRY(accepted, "all accumulators",
            (l.reduce = l.interleave = 1, l.count[0] = PARAM_ACC_DEPTH))
        TRY(refused, "an accumulator too many",
            (l.reduce = l.interleave = 1, l.count[0] = PARAM_ACC_DEPTH + 1))
        TRY(accepted, "many in plain reductions", (l.reduce = 1, l.count[0] = PARAM_ACC_DEPTH + 1))
    } else {
        TRY(refused, "interleave", (l.interleave = 1, l.reduce = 1))
        TRY(refused, "across", (l.across = 1, l.reduce = 1))
    }
    if (PARAM_SEGMENTS) {
        good.function = FUNCTION;
        TRY(accepted, "octaves, 12 bits", (l.settings.mode = 4, l.settings.bits = 12))
        TRY(refused, "mode 5", l.settings.mode = 5)
        TRY(refused, "13 bits", l.settings.bits = 13)
        TRY(accepted, "only the function looks at its settings",
            (l.function = FADD, l.settings.mode = 7, l.settings.bits = 15))
    }
    std::swap(good, wide);
    TRY(refused, "maximum beyond the activation", l.max = 1 << (PARAM_ACT_W - 1))
    TRY(refused, "minimum beyond the activation", l.min = -(1 << (PARAM_ACT_W - 1)) - 1)
    TRY(accepted, "limits of wide formats are not used",
        (l.max = 30000, l.dst = l.format = 1, l.d_addr = 0))
    if (!PARAM_ENABLE_DYNAMIC_WEIGHTS) {
        TRY(refused, "WBUF", l.dst = 2)
        TRY(refused, "WBUF transposed", l.dst = 3)
    }
    Launch res = good;
    res.residual = 1, res.src2 = 1, res.res_min = good.min, res.res_max = good.max;
    if (PARAM_ENABLE_RESIDUAL) {
        accepted("residual", res);
        good = res;
        TRY(refused, "residual of imm", l.src2 = 0)
        TRY(refused, "residual from VMEM", l.src2 = 2)
        TRY(refused, "residual, int32", (l.dst = 1, l.format = 1))
        TRY(refused, "residual limits", l.res_max = 1 << (PARAM_ACT_W - 1))
        TRY(refused, "residual limits", l.res_min = -(1 << (PARAM_ACT_W - 1)) - 1)
        TRY(refused, "residual in depthwise", (l.function = DEPTHWISE, l.count[0] = 4))
        good = plain(ADD, 4), good.d_addr = 2 * BANK;
    } else {
        refused("residual without hardware", res);
    }
    if (PARAM_ENABLE_LOOKUP && PARAM_ACT_W <= 8) {
        TRY(accepted, "last table", (l.lookup = 1, l.table = PARAM_TABLES - 1))
        TRY(refused, "table beyond the last", (l.lookup = 1, l.table = PARAM_TABLES))
        TRY(refused, "lookup, int32", (l.lookup = 1, l.dst = l.format = 1))
        TRY(accepted, "table without lookup", l.table = PARAM_TABLES)
    } else {
        TRY(refused, "lookup without hardware", l.lookup = 1)
    }
    good = plain(DEPTHWISE, PARAM_TAPS), good.d_addr = 2 * BANK;
    TRY(accepted, "one position", )
    TRY(accepted, "reduction is not used", l.interleave = l.across = 1)
    if (PARAM_TAPS > 1) TRY(refused, "row shorter than the taps", l.count[0] = PARAM_TAPS - 1)
    TRY(refused, "taps.stride 0", l.tap_skip = 0)
    TRY(accepted, "src2 is not used", l.src2 = 3)
    for (int stride = 1; stride < 16; stride += 7) {
        uint32_t most = PARAM_TAPS + PARAM_ACC_DEPTH * stride - 1;
        if (most > BANK) continue;
        TRY(accepted, "longest row", (l.count[0] = most, l.tap_skip = stride))
        TRY(refused, "row beyond the accumulators", (l.count[0] = most + 1, l.tap_skip = stride))
    }

    auto outside = [&](const char *what, Launch l, uint32_t address) {
        Driver fresh(1);
        fresh.queue.push_back(l);
        for (int i = 0; i < 200; i++) fresh.tick();
        CHECK(fresh.faults && fresh.cause == 5, "%s: fault %d, expected 5", what, fresh.cause);
        CHECK(fresh.fault_address == address, "%s: address %u, expected %u", what,
              fresh.fault_address, address);
    };
    good = plain(ADD, 4), good.d_addr = 2 * BANK;
    TRY([&](const char *what, Launch l) { outside(what, l, WORDS); }, "a beyond IBUF",
        l.a_addr = SHAPE.ibuf_words - 2)
    TRY([&](const char *what, Launch l) { outside(what, l, WORDS); }, "b beyond IBUF",
        (l.src2 = 1, l.b_addr = SHAPE.ibuf_words - 2))
    TRY([&](const char *what, Launch l) { outside(what, l, WORDS); }, "result beyond IBUF",
        l.d_addr = SHAPE.ibuf_words - 2)
    TRY([&](const char *what, Launch l) { outside(what, l, WORDS + 5); }, "a beyond VMEM",
        (l.src1 = 1, l.a_addr = WORDS + 5))
    TRY([&](const char *what, Launch l) { outside(what, l, WORDS); }, "b beyond VMEM",
        (l.src2 = 2, l.b_addr = WORDS - 1))
    TRY([&](const char *what, Launch l) { outside(what, l, WORDS); }, "parameters beyond VMEM",
        (l.channel = 1, l.param_addr = WORDS))
    TRY([&](const char *what, Launch l) { outside(what, l, WORDS); }, "result beyond VMEM",
        (l.dst = l.format = 1, l.d_addr = WORDS - 1))
#undef TRY
}

int main(int argc, char **argv) {
    Driver d(argc > 1 ? std::atoi(argv[1]) : 1);
    driver = &d;
    memories.ibuf.assign(SHAPE.ibuf_words, Word(SHAPE.lanes));
    memories.vmem.assign(SHAPE.vmem_words, Word(SHAPE.lanes));
    memories.table.assign(PARAM_TABLES * 256, 0);
    for (auto &w : memories.ibuf)
        for (auto &v : w) v = extended(d.random());
    for (uint32_t i = 0; i < WORDS; i++)
        for (auto &v : memories.vmem[i])
            v = i % 2 ? (127u - d.below(8)) << 23 | (d.random() & 0x7fffff) : d.random() % 1000;
    memories.coefficients.assign(PARAM_SEGMENTS * 4, 0x3f800000);
    d.fill(memories);
    speed();
    if (PARAM_ENABLE_FLOAT) float_speed();
    if (PARAM_TAPS == 3) {
        depthwise(3, 1, 112, argc > 2 ? std::atoi(argv[2]) : 4, 6, 2.7);
        depthwise(3, 2, 56, 4, 6, 1.4);
        depthwise(5, 1, 56, 3, 2, 2.2);            // 5 of 6 taps are useful
        depthwise(7, 1, 28, 3, 2, 1.8);            // 7 of 9
    }
    faults();
    return 0;
}
