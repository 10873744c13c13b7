// Random launches against the reference: every function, flag, shape and stride, launches
// overlapping as they please, with other clients refusing memory cycles.
// Arguments: seed, rounds.
#include <algorithm>
#include <set>
#include "driver.h"

static const int ACT_MAX = (1 << (PARAM_ACT_W - 1)) - 1;
static const int ACT_MIN = -ACT_MAX - 1;
static const bool LOOKUP = PARAM_ENABLE_LOOKUP && PARAM_ACT_W <= 8;
static const uint32_t PARAM_BASE = WORDS * 3 / 4;  // VMEM: pairs of bias and scale from here on

class Generator {
  public:
    Driver &driver;
    Memories &memories;
    std::set<uint32_t> dirty_ibuf, dirty_vmem;     // written since all launches were done
    std::map<std::string, int> seen;

    Generator(Driver &d, Memories &m) : driver(d), memories(m) {}

    int below(int n) { return (int)driver.below((unsigned)n); }
    bool chance(int n) { return below(n) == 0; }
    int between(int low, int high) { return low + below(high - low + 1); }
    int activation() { return between(ACT_MIN, ACT_MAX); }

    uint32_t scale() {
        if (chance(20)) return chance(2) ? 0 : 0x80000000u;
        int exponent = chance(8) ? between(27, 190) : between(127 - 22, 127 + 2);
        return (uint32_t)chance(4) << 31 | (uint32_t)exponent << 23 | (driver.random() & 0x7fffff);
    }
    uint32_t value() {
        if (PARAM_ENABLE_FLOAT && chance(2)) {
            uint32_t bits = driver.random();
            if (!chance(3)) bits = (bits & 0x807fffffu) | (uint32_t)between(110, 145) << 23;
            if (chance(12)) bits |= 0x7f800000u;
            return chance(12) ? bits & 0xff800000u : bits;
        }
        switch (below(4)) {
            case 0: return driver.random();
            case 1: return (uint32_t)between(-40, 40);
            case 2: return (uint32_t)between(-3, 3);
            default: return driver.random() >> below(32);
        }
    }

    void fill_memories() {
        memories.wbuf.clear();
        driver.wbuf.clear();
        memories.ibuf.assign(SHAPE.ibuf_words, Word(SHAPE.lanes));
        memories.vmem.assign(SHAPE.vmem_words, Word(SHAPE.lanes));
        memories.table.assign(PARAM_TABLES * 256, 0);
        for (auto &w : memories.ibuf)
            for (auto &v : w) v = (uint32_t)activation();
        for (uint32_t i = 0; i < WORDS; i++)
            for (auto &v : memories.vmem[i])
                v = i < PARAM_BASE ? value() : i % 2 ? scale() : (uint32_t)between(-3000, 3000);
        for (auto &v : memories.table) v = (uint8_t)driver.random();
        memories.coefficients.assign(PARAM_SEGMENTS * 4, 0);
        for (auto &v : memories.coefficients) v = value();
        driver.fill(memories);
        fenced();
    }

    void fenced() {
        dirty_ibuf.clear();
        dirty_vmem.clear();
    }

    // A stride set: strides in [-4, 4] or the packed ones, base anywhere.
    void strides(const Launch &l, int32_t *stride, uint32_t *base, uint32_t words) {
        int32_t packed = chance(4) ? -1 : 1;
        for (int i = 0; i < 6; i++) {
            stride[i] = chance(3) ? between(-4, 4) : packed;
            packed *= (int32_t)l.count[i];
        }
        *base = (uint32_t)between(-6, (int)words);
        if (packed < 0) *base -= packed;
    }

    Launch draft() {
        Launch l;
        l.function = chance(4) ? (int)DEPTHWISE : below(19);
        if (PARAM_ENABLE_FLOAT && !chance(3)) l.function = between(FADD, FUNCTION);
        if (l.function == FUNCTION && (PARAM_SEGMENTS == 0 || chance(3))) l.function = FSQR;
        bool deep = l.function == DEPTHWISE;
        l.src1 = PARAM_ENABLE_FLOAT ? !chance(3) : below(2);
        l.src2 = below(3);
        l.dst = PARAM_ENABLE_DYNAMIC_WEIGHTS ? below(4) : below(2);
        l.format = l.dst == 1 ? 1 + below(2) : 0;
        l.reduce = chance(2) ? 0 : below(4);
        l.levels = below(4);
        if (PARAM_ENABLE_FLOAT && (l.reduce || deep)) l.interleave = below(2), l.across = chance(3);
        if (l.is_float() && l.reduce == 1) l.interleave = 1;
        l.settings = {(uint32_t)below(5), (uint32_t)below(PARAM_SEGMENTS + 2), (uint32_t)below(13),
                      (uint32_t)below(256), (uint32_t)below(256)};
        l.channel = chance(3);
        if (PARAM_ENABLE_RESIDUAL && !l.format && !deep && chance(3)) l.residual = 1, l.src2 = 1;
        if (LOOKUP && !l.format && chance(3)) l.lookup = 1, l.table = below(PARAM_TABLES);
        for (int i = 0; i < 6; i++) l.count[i] = chance(2) ? 1 : between(1, 4);
        if (!deep && chance(2)) l.count[0] = between(1, 30);
        if (l.interleave && !deep && l.count[0] > PARAM_ACC_DEPTH) l.count[0] = PARAM_ACC_DEPTH;
        l.tap_skip = chance(2) ? 1 : between(1, 4);
        if (deep) {
            int outputs = between(1, std::min(PARAM_ACC_DEPTH, 20));
            int surplus = below(l.tap_skip);
            l.count[0] = PARAM_TAPS + (outputs - 1) * l.tap_skip + surplus;
        }
        strides(l, l.a_stride, &l.a_addr, l.src1 && !deep ? PARAM_BASE : SHAPE.ibuf_words);
        strides(l, l.b_stride, &l.b_addr, l.src2 == 2 ? PARAM_BASE : SHAPE.ibuf_words);
        strides(l, l.d_stride, &l.d_addr, l.dst == 1 ? PARAM_BASE : SHAPE.ibuf_words);
        l.param_addr = PARAM_BASE + 2 * below(WORDS / 8 - 4);
        if (chance(2)) {
            l.y_start = between(-3, 3), l.x_start = between(-3, 3);
            l.y_limit = between(0, 8), l.x_limit = between(1, 20);
            for (int i = 0; i < 6; i++)
                l.y_step[i] = chance(2) ? 0 : between(-2, 2),
                l.x_step[i] = i == 0 ? 1 : chance(2) ? 0 : between(-2, 2);
        }
        l.imm = value();
        l.pad = deep ? (uint32_t)activation() : value();
        l.bias = value();
        l.scale = scale();
        l.scale_a = scale(), l.scale_b = scale(), l.a_is_inner = chance(2);
        l.offset = chance(2) ? scale() : pattern((float)between(-300, 300) / 2);
        l.zero = activation();
        auto limits = [&](int32_t &low, int32_t &high) {
            low = chance(3) ? activation() : ACT_MIN;
            high = chance(3) ? between(low, ACT_MAX) : ACT_MAX;
        };
        limits(l.min, l.max);
        limits(l.res_min, l.res_max);
        l.tap_stride = between(-3, 6);
        l.out_stride = between(-3, 6);
        // In place: each result goes where its operand a came from.
        if (!deep && l.dst < 2 && l.dst == l.src1 && chance(3)) {
            l.reduce = l.interleave = l.across = 0;
            l.d_addr = l.a_addr;
            std::copy(l.a_stride, l.a_stride + 6, l.d_stride);
        }
        return l;
    }

    // Legal, inside the memories, and reading nothing whose writing it cannot be sure of.
    bool acceptable(const Launch &l) {
        Touched t;
        Reference(SHAPE).run(l, memories, &t);
        if (t.outside) return false;
        std::set<uint32_t> ibuf(t.ibuf_writes.begin(), t.ibuf_writes.end());
        std::set<uint32_t> vmem(t.vmem_writes.begin(), t.vmem_writes.end());
        bool overlaps = false;
        for (uint32_t w : t.ibuf_reads) {
            if (dirty_ibuf.count(w)) return false;
            overlaps = overlaps || ibuf.count(w);
        }
        for (uint32_t w : t.vmem_reads) {
            if (dirty_vmem.count(w)) return false;
            overlaps = overlaps || vmem.count(w);
        }
        for (uint32_t w : vmem)
            if (w >= PARAM_BASE) return false;
        if (overlaps) {
            // Legal in place only, each word once, and b elsewhere.
            bool place = l.function != DEPTHWISE && !l.reduce && l.dst == l.src1
                && l.d_addr == l.a_addr && std::equal(l.a_stride, l.a_stride + 6, l.d_stride);
            bool once = ibuf.size() == t.ibuf_writes.size() && vmem.size() == t.vmem_writes.size();
            bool apart = l.src2 == 0 || l.src2 - 1 != l.dst;
            if (!place || !once || !apart) return false;
            seen["in place"]++;
        }
        dirty_ibuf.insert(ibuf.begin(), ibuf.end());
        dirty_vmem.insert(vmem.begin(), vmem.end());
        return true;
    }

    bool add() {
        for (int attempt = 0; attempt < 60; attempt++) {
            Launch l = draft();
            if (!acceptable(l)) continue;
            Reference(SHAPE).run(l, memories);
            driver.queue.push_back(l);
            count(l);
            return true;
        }
        return false;
    }

    void count(const Launch &l) {
        auto note = [&](const char *what, int n) { seen[what + std::to_string(n)]++; };
        note("function ", l.function);
        note("dst ", l.dst);
        note("format ", l.format);
        if (l.function == DEPTHWISE) {
            note("depthwise stride ", std::min(l.tap_skip, 4));
            if ((l.count[0] - PARAM_TAPS) % l.tap_skip) note("depthwise surplus ", 1);
        } else {
            note("src1 ", l.src1);
            note("src2 ", l.src2);
            const char *type = l.is_float() ? "float " : "";
            if (l.reduce) note("reduce ", l.reduce), note("levels ", l.levels);
            if (l.interleave) note((std::string(type) + "interleave ").c_str(), l.reduce);
            if (l.across) note((std::string(type) + "across ").c_str(), l.reduce);
            if (l.function == FUNCTION) note("mode ", (int)l.settings.mode);
            if (l.is_float()) note("float format ", l.format);
        }
        if (l.channel) note("channel ", 1);
        if (l.residual) note("residual ", 1);
        if (l.lookup) note("lookup ", l.table);
    }

    void covered() {
        auto want = [&](const char *what, int n) {
            CHECK(seen[what + std::to_string(n)], "never tried: %s%d", what, n);
        };
        for (int i = 0; i <= DEPTHWISE; i++) want("function ", i);
        for (int i = FADD; i <= FSQR && PARAM_ENABLE_FLOAT; i++) want("function ", i);
        for (int i = 0; i < 5 && PARAM_SEGMENTS; i++) want("mode ", i);
        for (int i = 1; i <= 3 && PARAM_ENABLE_FLOAT; i++)
            want("interleave ", i), want("float interleave ", i), want("across ", i),
            want("float across ", i), want("float format ", i - 1);
        for (int i = 0; i < (PARAM_ENABLE_DYNAMIC_WEIGHTS ? 4 : 2); i++) want("dst ", i);
        for (int i = 0; i < 3; i++) want("format ", i), want("src2 ", i), want("reduce ", 1 + i);
        for (int i = 0; i < 4; i++) want("levels ", i), want("depthwise stride ", 1 + i);
        CHECK(seen["in place"], "never tried: in place");
        want("src1 ", 0), want("src1 ", 1), want("channel ", 1), want("depthwise surplus ", 1);
        if (PARAM_ENABLE_RESIDUAL) want("residual ", 1);
        if (LOOKUP)
            for (int i = 0; i < PARAM_TABLES; i++) want("lookup ", i);
    }
};

int main(int argc, char **argv) {
    Driver driver(argc > 1 ? std::atoi(argv[1]) : 1);
    Memories memories;
    Generator generator(driver, memories);
    int rounds = argc > 2 ? std::atoi(argv[2]) : 40;
    long launches = 0;
    for (int round = 0; round < rounds; round++) {
        generator.fill_memories();
        driver.traffic = round % 4 == 0 ? 0 : (int)driver.below(14);
        driver.gap = round % 3 == 0 ? 14 : 0;
        for (int i = 0; i < 24; i++) {
            if (!generator.add() || driver.below(12) == 0) {
                driver.drain();
                generator.fenced();
            } else {
                launches++;
            }
        }
        driver.drain();
        CHECK(driver.faults == 0, "fault %d in round %d", driver.cause, round);
        driver.compare(memories, ("round " + std::to_string(round)).c_str());
    }
    if (rounds >= 40) generator.covered();
    CHECK(driver.stalls > 0 && driver.conflicts >= driver.stalls, "no memory was ever refused");
    std::printf("%ld launches, %ld cycles, %ld conflicts, %ld stalls\n", launches, driver.cycle,
                driver.conflicts, driver.stalls);
    return 0;
}
