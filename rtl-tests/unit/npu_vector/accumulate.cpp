// Interleaved accumulators with random launches: counts of sweeps and accumulators, kinds, gaps,
// plain elements in between. Every value an accumulator takes is compared, and without gaps a
// sweep may take no longer than the distance between visits asks for.
// Arguments: launches, seed.
#include "Vaccumulate_bench.h"
#include "streams.h"

static const int LANES = PARAM_LANES, DEPTH = PARAM_DEPTH, REVISIT = 7;

int main(int argc, char **argv) {
    long launches = argc > 1 ? atol(argv[1]) : 2000;
    state = argc > 2 ? std::strtoull(argv[2], nullptr, 10) * 2654435761u + 1 : 1;
    Vaccumulate_bench top;
    std::deque<std::vector<uint32_t>> due;
    long values = 0, wrong = 0, cycles = 0, held = 0;
    auto tick = [&] {
        top.eval();
        bool fire = top.fire;
        if (top.out_valid) {
            if (due.empty()) std::printf("a value too many\n"), std::exit(1);
            for (int i = 0; i < LANES; i++) {
                uint32_t got = get(&top.out, i), expected = due.front()[(size_t)i];
                if (!due.front().empty() && got != expected && wrong++ < 10)
                    std::printf("value %ld lane %d is %08x, expected %08x\n", values, i, got, expected);
            }
            values++;
            due.pop_front();
        }
        top.clk = 1;
        top.eval();
        top.clk = 0;
        cycles++;
        return fire;
    };
    top.clk = 0, top.rst = 1, top.start = 0, top.element_valid = 0;
    tick();
    tick();
    top.rst = 0;
    for (long n = 0; n < launches; n++) {
        int count = 1 + (int)below(below(2) ? 9 : (uint32_t)DEPTH), sweeps = 1 + (int)below(6);
        if (count > DEPTH) count = DEPTH;
        uint32_t gap = below(2) ? 0 : 1 + below(8);
        bool is_float = below(2), plain = below(8) == 0;
        int kind = 1 + (int)below(3);
        if (plain) sweeps = 1;
        top.start = 1;
        top.start_context = n & 3;
        top.start_interleave = !plain;
        top.start_count = (uint16_t)(below(50) ? count : 256 * below(200) + (uint32_t)count);
        if (top.start_count != count) sweeps = 1;  // only the pace sees more accumulators
        tick();
        top.start = 0;
        top.element_context = n & 3;
        top.element_kind = (uint8_t)kind;
        top.element_float = is_float;
        std::vector<std::vector<uint32_t>> acc((size_t)count, std::vector<uint32_t>((size_t)LANES));
        long began = cycles;
        for (int s = 0; s < sweeps; s++)
            for (int i = 0; i < count; i++) {
                while (below(16) < gap) tick();
                top.element_valid = 1;
                top.element_sweep = i == 0;
                top.element_first = s == 0;
                for (int lane = 0; lane < LANES; lane++) {
                    uint32_t v = random_value(is_float), &a = acc[(size_t)i][(size_t)lane];
                    a = s ? join(kind, is_float, a, v) : v;
                    put(&top.element, lane, v);
                }
                due.push_back(acc[(size_t)i]);
                while (!tick()) held++;
                top.element_valid = 0;
            }
        long most = (long)(sweeps - 1) * (count < REVISIT ? REVISIT : count) + count;
        if (!gap && count > 1) most += REVISIT;    // elements of the launch before are near as well
        if (!gap && cycles - began > most && wrong++ < 10)
            std::printf("%d sweeps over %d took %ld cycles, expected %ld\n", sweeps, count, cycles - began, most);
        top.element_float = !is_float;             // must not matter any more
    }
    for (int i = 0; i < 10; i++) tick();
    std::printf("accumulate: %ld values, %ld wrong, %ld cycles, %ld held\n", values, wrong, cycles, held);
    return wrong != 0 || !due.empty() || !held;
}
