// ALU and float domain against the processor: every function on all pairs of corner values and on
// random ones, the function unit in all modes with random coefficients and settings, functions
// changing from element to element, with gaps.
// Arguments: random operands per function, seed, and perhaps the one function to be tried.
#include "Vfloat_bench.h"
#include "streams.h"

static const int LANES = PARAM_LANES, SEGMENTS = PARAM_SEGMENTS;
enum { ADD = 1, MUL = 3, LT = 16 };                // integer functions in between

struct Element {
    int op;
    Settings settings;
    uint32_t a[PARAM_LANES], b[PARAM_LANES];
};

static Vfloat_bench top;
static std::deque<Element> inside;
static std::vector<uint32_t> coefficients;
static long done[64], wrong, cycles;

static uint32_t reference(const Element &e, int lane) {
    uint32_t a = e.a[lane], b = e.b[lane];
    switch (e.op) {
        case ADD: return a + b;
        case MUL: return a * b;
        case LT: return (int32_t)a < (int32_t)b;
        case FUNCTION: return evaluate(e.settings, coefficients, a);
        default: return float_function(e.op, a, b);
    }
}

static void cycle() {
    top.clk = 1;
    top.eval();
    top.clk = 0;
    cycles++;
}

static void step(const Element *e) {
    top.in_valid = e != nullptr;
    if (e) {
        top.op = e->op;
        top.settings = e->settings.word();
        for (int i = 0; i < LANES; i++) put(&top.a, i, e->a[i]), put(&top.b, i, e->b[i]);
        inside.push_back(*e);
    } else {
        top.op = FUNCTION;                         // nothing may come of it
    }
    top.eval();
    if (top.out_valid) {
        if (inside.empty()) {
            std::printf("a result too many\n");
            std::exit(1);
        }
        const Element due = inside.front();
        for (int i = 0; i < LANES; i++) {
            uint32_t expected = reference(due, i), got = get(&top.out, i);
            if (expected != got && wrong++ < 20)
                std::printf("function %d (mode %u base %u bits %u low %u octaves %u) of %08x, %08x: expected "
                            "%08x, got %08x\n", due.op, due.settings.mode, due.settings.base,
                            due.settings.bits, due.settings.low, due.settings.octaves, due.a[i], due.b[i],
                            expected, got);
        }
        done[due.op] += LANES;
        inside.pop_front();
    }
    cycle();
}

static std::vector<uint32_t> corners() {
    std::vector<uint32_t> list;
    for (uint32_t sign = 0; sign < 2; sign++)
        for (uint32_t exponent : {0u, 1u, 2u, 63u, 102u, 103u, 104u, 125u, 126u, 127u, 128u, 149u, 150u, 151u, 157u, 158u, 159u, 190u, 253u, 254u, 255u})
            for (uint32_t fraction : {0u, 1u, 2u, 0x400000u, 0x3FFFFFu, 0x7FFFFEu, 0x7FFFFFu, 0x2AAAAAu})
                list.push_back(sign << 31 | exponent << 23 | fraction);
    for (uint32_t i = 0; i < 32; i++)
        for (int d = -1; d <= 1; d++) list.push_back((1u << i) + (uint32_t)d), list.push_back(0u - ((1u << i) + (uint32_t)d));
    for (int i = -3; i <= 3; i++) {
        list.push_back(pattern((float)i + 0.5f));
        list.push_back(pattern(16777216.0f + (float)i)), list.push_back(pattern(-16777216.0f + (float)i));
    }
    return list;
}

static Settings random_settings() {
    Settings s;
    s.mode = below(5);
    s.bits = below(4) ? below(6) : below(13);
    s.base = below(8) ? below((uint32_t)SEGMENTS + 1) : below(65536);
    s.low = below(4) ? 100 + below(40) : below(256);
    s.octaves = below(4) ? below(20) : below(256);
    return s;
}

static void random_operands(int op, const Settings &s, uint32_t &a, uint32_t &b) {
    a = rnd(), b = rnd();
    switch (below(10)) {
        case 0: b = a ^ SIGN ^ below(16); break;
        case 1: b = a ^ below(16); break;
        case 2: b = (b & 0x807FFFFFu) | (((a >> 23) + below(60) - 30) & 255) << 23; break;
        case 3: a &= 0xFFFFF000u, b &= 0xFFFFF800u; break;
        case 4: a = (a & 0x807FFFFFu) | (120 + below(40)) << 23; break;
        case 5: a = pattern((float)(int32_t)below(2000000) + 0.5f) | (a & SIGN); break;
        case 6: (below(2) ? a : b) |= INFINITE; break;
        case 7: (below(2) ? a : b) = (a & SIGN) | (below(2) ? INFINITE : 0); break;
        default: break;
    }
    if (op != FUNCTION || !below(4)) return;
    if (s.mode == 0) a = (a & 0x807FFFFFu) | (100 + below(36)) << 23;
    if (s.mode == 3 && below(4)) a &= ~SIGN;
    if (s.mode == 4) a = (a & 0x807FFFFFu) | ((s.low + below(s.octaves + 3) - 1) & 255) << 23;
}

int main(int argc, char **argv) {
    long count = argc > 1 ? atol(argv[1]) : 20000;
    state = argc > 2 ? std::strtoull(argv[2], nullptr, 10) * 2654435761u + 1 : 1;
    int only = argc > 3 ? std::atoi(argv[3]) : 0;

    top.clk = 0, top.rst = 1, top.in_valid = 0, top.coeff_wr_en = 0, top.imm = 0;
    top.eval();
    cycle();
    top.rst = 0;
    auto load = [&] {
        coefficients.assign((size_t)SEGMENTS * 4, 0);
        for (uint32_t word = 0; word < (uint32_t)SEGMENTS * 4 + 64; word++) {
            uint32_t value = below(16) ? (rnd() & 0x807FFFFFu) | (100 + below(50)) << 23 : rnd();
            if (below(8) == 0) value &= SIGN;
            if (below(12) == 0) value = (value & SIGN) | INFINITE | (below(2) ? 1 + below(0x7FFFFF) : 0);
            top.coeff_wr_en = 1;
            top.coeff_wr_addr = word % 2 || word < coefficients.size() ? word : word | 1u << (14 + below(10));
            top.coeff_wr_data = value;
            top.eval();
            cycle();
            if (word < coefficients.size()) coefficients[word] = value;
        }
        top.coeff_wr_en = 0;
    };
    if (SEGMENTS) load();

    std::vector<int> functions;
    if (only) functions.push_back(only);
    else for (int f = FADD; f <= (SEGMENTS ? FUNCTION : FSQR); f++) functions.push_back(f);

    auto list = corners();
    Element e;
    int filled = 0;
    auto send = [&](uint32_t a, uint32_t b) {
        e.a[filled] = a, e.b[filled] = b;
        if (++filled == LANES) step(&e), filled = 0;
    };
    for (int f : functions) {
        e.op = f;
        e.settings = Settings();
        if (f == FUNCTION) {
            for (uint32_t mode = 0; mode < 5; mode++)
                for (uint32_t bits = 0; bits <= 12; bits++) {
                    e.settings = {mode, below((uint32_t)SEGMENTS), bits, 95 + 8 * below(8), below(64)};
                    for (uint32_t a : list) send(a, 0);
                    filled = 0;
                }
        } else {
            for (uint32_t a : list)
                for (uint32_t b : list) send(a, b);
        }
        filled = 0;
    }
    for (int i = 0; i < 40; i++) step(nullptr);

    long elements = count * (long)functions.size() / LANES;
    for (long n = 0; n < elements; n++) {
        if (SEGMENTS && n % 20000 == 0) {
            for (int i = 0; i < 40; i++) step(nullptr);
            load();
        }
        e.op = functions[below((uint32_t)functions.size())];
        if (!only && below(16) == 0) e.op = below(3) == 0 ? ADD : below(2) ? MUL : LT;
        e.settings = random_settings();
        for (int i = 0; i < LANES; i++) random_operands(e.op, e.settings, e.a[i], e.b[i]);
        step(&e);
        if (!only && below(16) == 0)
            for (uint32_t i = below(12); i > 0; i--) step(nullptr);
    }
    for (int i = 0; i < 40; i++) step(nullptr);
    long total = 0;
    for (int f : functions) {
        std::printf("function %d: %ld values\n", f, done[f]);
        total += done[f];
        if (done[f] == 0) wrong++;
    }
    std::printf("float: %ld values, %ld wrong, %ld cycles\n", total, wrong, cycles);
    return wrong != 0 || !inside.empty();
}
