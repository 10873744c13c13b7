// What a VECTOR launch means, written after the machine's description and not after the RTL: plain
// loops over index tuples, one lane at a time, with the C++ compiler's binary32.
#pragma once
#include <cmath>
#include <cstdint>
#include <cstring>
#include <map>
#include <string>
#include <vector>
#include "floats.h"

enum { MOVE, ADD, SUB, MUL, MAX, MIN, ABS, NEG, AND, OR, XOR, NOT, SHL, SHR, SHRU, EQ, LT, LE,
       SELECT, DEPTHWISE };

struct Launch {
    int function = MOVE;
    int src1 = 0, src2 = 0, dst = 0, reduce = 0, levels = 0, channel = 0, residual = 0, lookup = 0;
    int table = 0, format = 0;
    uint32_t count[6] = {1, 1, 1, 1, 1, 1};
    int32_t a_stride[6] = {}, b_stride[6] = {}, d_stride[6] = {};
    uint32_t a_addr = 0, b_addr = 0, d_addr = 0, param_addr = 0;
    int32_t y_start = 0, x_start = 0, y_step[6] = {}, x_step[6] = {};
    uint32_t y_limit = 65535, x_limit = 65535;
    uint32_t imm = 0, pad = 0, bias = 0, scale = 0x3f800000;
    int32_t zero = 0, min = 0, max = 0, res_min = 0, res_max = 0;
    uint32_t scale_a = 0x3f800000, scale_b = 0x3f800000, offset = 0;
    bool a_is_inner = false;
    int tap_skip = 1;
    int32_t tap_stride = 0, out_stride = 0;
    int interleave = 0, across = 0;
    Settings settings;

    bool is_float() const { return float_valued(function); }
};

struct Shape {
    int lanes, rows, act_w, taps;
    uint32_t ibuf_words, vmem_words;               // IBUF in lane words
};

typedef std::vector<uint32_t> Word;                // one value per lane

struct WbufWord {
    bool transpose;
    uint32_t addr;
    Word data;
    bool operator==(const WbufWord &o) const {
        return transpose == o.transpose && addr == o.addr && data == o.data;
    }
};

struct Memories {
    std::vector<Word> ibuf, vmem;                  // activations are kept sign-extended
    std::vector<uint8_t> table;
    std::vector<uint32_t> coefficients;            // four words a segment
    std::vector<WbufWord> wbuf;                    // in the order of writing
};

// Which words a launch touches: asked before running it.
struct Touched {
    std::vector<uint32_t> ibuf_reads, vmem_reads, ibuf_writes, vmem_writes;
    bool outside = false;
};

class Reference {
  public:
    Reference(const Shape &s) : shape(s) {}

    // Runs `l`; with `touched`, only records the accesses.
    void run(const Launch &l, Memories &m, Touched *touched = nullptr) {
        launch = &l, memories = &m, record = touched;
        uint32_t n[6] = {};
        if (l.function == DEPTHWISE) {
            depthwise();
            return;
        }
        // With interleave loop0 is innermost and free, and its iterations have accumulators.
        int from = l.interleave ? 1 : 0, reduced = l.reduce ? l.levels + 1 : 0;
        std::vector<Word> acc(l.interleave ? l.count[0] : 1, Word(shape.lanes));
        Word skip(shape.lanes);
        for (n[5] = 0; n[5] < l.count[5]; n[5]++)
        for (n[4] = 0; n[4] < l.count[4]; n[4]++)
        for (n[3] = 0; n[3] < l.count[3]; n[3]++)
        for (n[2] = 0; n[2] < l.count[2]; n[2]++)
        for (n[1] = 0; n[1] < l.count[1]; n[1]++)
        for (n[0] = 0; n[0] < l.count[0]; n[0]++) {
            Word a = first(n), b(shape.lanes, l.imm);
            if (l.src2) {
                uint32_t addr = l.b_addr;
                for (int i = 0; i < 6; i++) addr += n[i] * l.b_stride[i];
                Word read = load(l.src2 == 2, addr);
                (l.residual ? skip : b) = read;
            }
            bool start = true, end = true;
            for (int i = from; i < from + reduced; i++) {
                start = start && n[i] == 0;
                end = end && n[i] == l.count[i] - 1;
            }
            Word &sum = acc[l.interleave ? n[0] : 0];
            for (int lane = 0; lane < shape.lanes; lane++) {
                uint32_t v = operate(a[lane], b[lane]);
                sum[lane] = start ? v : join(sum[lane], v);
            }
            if (end) {
                uint32_t addr = l.d_addr;
                for (int i = 0; i < 6; i++)
                    if (i < from || i >= from + reduced) addr += n[i] * l.d_stride[i];
                finish(across(sum), skip, n[5], addr);
            }
        }
    }

  private:
    Shape shape;
    const Launch *launch;
    Memories *memories;
    Touched *record;

    static float times(float a, float b) { return number(fmul(pattern(a), pattern(b))); }
    static float plus(float a, float b) { return number(fadd(pattern(a), pattern(b))); }
    static int64_t limited(int64_t v, int64_t low, int64_t high) {
        return v < low ? low : v > high ? high : v;
    }
    int32_t activation(uint32_t v) const {
        return (int32_t)(v << (32 - shape.act_w)) >> (32 - shape.act_w);
    }

    Word load(bool vmem, uint32_t addr) {
        addr &= 0xffffff;
        auto &from = vmem ? memories->vmem : memories->ibuf;
        if (record) {
            (vmem ? record->vmem_reads : record->ibuf_reads).push_back(addr);
            if (addr >= from.size()) {
                record->outside = true;
                return Word(shape.lanes);
            }
        }
        return from.at(addr);
    }

    Word first(const uint32_t *n) {
        uint32_t addr = launch->a_addr;
        int64_t y = launch->y_start, x = launch->x_start;
        for (int i = 0; i < 6; i++) {
            addr += n[i] * launch->a_stride[i];
            y += (int64_t)n[i] * launch->y_step[i];
            x += (int64_t)n[i] * launch->x_step[i];
        }
        bool inside = y >= 0 && y < launch->y_limit && x >= 0 && x < launch->x_limit;
        return inside ? load(launch->src1 && launch->function != DEPTHWISE, addr)
                      : Word(shape.lanes, launch->pad);
    }

    uint32_t operate(uint32_t a, uint32_t b) const {
        int32_t sa = (int32_t)a, sb = (int32_t)b;
        switch (launch->function) {
            case ADD: return a + b;
            case SUB: return a - b;
            case MUL: return a * b;
            case MAX: return sa > sb ? a : b;
            case MIN: return sa < sb ? a : b;
            case ABS: return sa < 0 ? 0u - a : a;
            case NEG: return 0u - a;
            case AND: return a & b;
            case OR: return a | b;
            case XOR: return a ^ b;
            case NOT: return ~a;
            case SHL: return a << (b % 32);
            case SHR: return (uint32_t)(sa >> (b % 32));
            case SHRU: return a >> (b % 32);
            case EQ: return a == b;
            case LT: return sa < sb;
            case LE: return sa <= sb;
            case SELECT: return a ? b : launch->imm;
            case MOVE: return a;
            case FUNCTION: return evaluate(launch->settings, memories->coefficients, a);
            default: return float_function(launch->function, a, b);
        }
    }

    // The lanes of a result joined, neighbours first.
    Word across(const Word &word) const {
        Word level = word;
        while (launch->across && level.size() > 1) {
            Word next;
            for (size_t i = 0; i < level.size(); i += 2)
                next.push_back(i + 1 < level.size() ? join(level[i], level[i + 1]) : level[i]);
            level = next;
        }
        return launch->across ? Word(shape.lanes, level[0]) : word;
    }

    uint32_t join(uint32_t x, uint32_t y) const {
        if (launch->is_float()) return float_join(launch->reduce, x, y);
        if (launch->reduce == 1) return x + y;
        bool less = (int32_t)x < (int32_t)y;
        return (launch->reduce == 2) == less ? y : x;
    }

    void depthwise() {
        const Launch &l = *launch;
        uint32_t n[6] = {};
        int taps = shape.taps;
        Word none(shape.lanes);
        for (n[5] = 0; n[5] < l.count[5]; n[5]++)
        for (n[4] = 0; n[4] < l.count[4]; n[4]++)
        for (n[3] = 0; n[3] < l.count[3]; n[3]++) {
            uint32_t outputs = (l.count[0] - taps) / l.tap_skip + 1;
            std::vector<Word> acc(outputs, Word(shape.lanes));
            for (n[2] = 0; n[2] < l.count[2]; n[2]++)
            for (n[1] = 0; n[1] < l.count[1]; n[1]++) {
                std::vector<Word> row, w;
                for (n[0] = 0; n[0] < l.count[0]; n[0]++) row.push_back(first(n));
                for (int t = 0; t < taps; t++) {
                    uint32_t addr = l.b_addr + t * l.tap_stride;
                    for (int i = 1; i < 6; i++) addr += n[i] * l.b_stride[i];
                    w.push_back(load(false, addr));
                }
                for (uint32_t o = 0; o < outputs; o++)
                    for (int t = 0; t < taps; t++)
                        for (int lane = 0; lane < shape.lanes; lane++)
                            acc[o][lane] += (uint32_t)activation(row[o * l.tap_skip + t][lane])
                                          * (uint32_t)activation(w[t][lane]);
            }
            for (uint32_t o = 0; o < outputs; o++) {
                uint32_t addr = l.d_addr + o * l.out_stride;
                for (int i = 3; i < 6; i++) addr += n[i] * l.d_stride[i];
                finish(acc[o], none, n[5], addr);
            }
        }
    }

    void finish(const Word &acc, const Word &skip, uint32_t j, uint32_t addr) {
        const Launch &l = *launch;
        Word bias(shape.lanes, l.bias), scale(shape.lanes, l.scale), out(shape.lanes);
        addr &= 0xffffff;
        if (l.channel) {
            bias = load(true, l.param_addr + 2 * j);
            scale = load(true, l.param_addr + 2 * j + 1);
        }
        if (record) {
            if (l.dst == 0) record->ibuf_writes.push_back(addr);
            if (l.dst == 1) record->vmem_writes.push_back(addr);
            if (l.dst == 0 && addr >= shape.ibuf_words) record->outside = true;
            if (l.dst == 1 && addr >= shape.vmem_words) record->outside = true;
            return;
        }
        for (int lane = 0; lane < shape.lanes; lane++) {
            uint32_t t = l.is_float() ? acc[lane] : acc[lane] + bias[lane];
            float f = times(l.is_float() ? number(t) : (float)(int32_t)t, number(scale[lane]));
            if (l.format == 1) {
                out[lane] = t;
            } else if (l.format == 2) {
                out[lane] = pattern(f);
            } else {
                int64_t y = limited((int64_t)whole(f) + l.zero, l.min, l.max);
                if (l.residual) {
                    float a = (float)y, b = (float)activation(skip[lane]);
                    float sa = number(l.scale_a), sb = number(l.scale_b), begin = number(l.offset);
                    float s = l.a_is_inner ? std::fmaf(b, sb, std::fmaf(a, sa, begin))
                                           : std::fmaf(a, sa, std::fmaf(b, sb, begin));
                    y = limited(whole(s), l.res_min, l.res_max);
                }
                if (l.lookup) y = activation(memories->table[l.table * 256 + (y & 255)]);
                out[lane] = (uint32_t)y;
            }
        }
        if (l.dst == 0) {
            memories->ibuf[addr] = out;
        } else if (l.dst == 1) {
            memories->vmem[addr] = out;
        } else {
            memories->wbuf.push_back({l.dst == 3, addr, out});
        }
    }
};
