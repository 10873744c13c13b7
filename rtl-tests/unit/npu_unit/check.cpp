// npu_unit_check against its rules, on random streams that mostly obey them. The state of the rules
// after a violation means nothing, so each run ends with the first one.

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <random>

#include "Vnpu_unit_check.h"
#include "verilated.h"

int main(int, char** arguments) {
    std::mt19937_64 random(std::strtoull(arguments[1], nullptr, 10));
    const auto chance = [&](unsigned percent) { return random() % 100 < percent; };
    long seen[4] = {};
    for (int run = 0; run < 4000; ++run) {
        VerilatedContext context;
        Vnpu_unit_check top(&context);
        const auto edge = [&] {
            top.clk = 0, top.eval();
            top.clk = 1, top.eval();
        };
        top.rst = 1, top.out_valid = 0, top.out_ready = 0, top.group_end = 0;
        edge();
        top.rst = 0;
        const unsigned words = 1 + random() % 15;
        unsigned owed = 0;
        bool waiting = false;
        uint8_t data = 0;
        for (int cycle = 0; cycle < 400; ++cycle) {
            // A word that waits stays, a word comes when one is owed: but for a few of them.
            const bool valid = waiting ? !chance(1) : (owed ? chance(50) : run % 2 && chance(1));
            const uint8_t now = waiting && !chance(1) ? data : static_cast<uint8_t>(random());
            const bool ready = chance(60);
            const bool end = owed < 200 && chance(10);
            int rule = 0;
            if (waiting && !valid) rule = 1;
            else if (waiting && now != data) rule = 2;
            else if (valid && !owed) rule = 3;
            top.group_words = words, top.group_end = end;
            top.out_valid = valid, top.out_ready = ready, top.out_data = now;
            edge();
            if (top.broken != (rule != 0) || (rule && top.rule != unsigned(rule))) {
                std::printf("run %d, cycle %d: expected rule %d, got %d, rule %llu\n", run, cycle,
                            rule, top.broken, static_cast<unsigned long long>(top.rule));
                return 1;
            }
            if (rule) {
                ++seen[rule];
                break;
            }
            owed += (end ? words : 0) - (valid && ready ? 1 : 0);
            waiting = valid && !ready;
            data = now;
        }
    }
    std::printf("dropped %ld, changed %ld, surplus %ld\n", seen[1], seen[2], seen[3]);
    return seen[1] > 100 && seen[2] > 100 && seen[3] > 100 ? 0 : 1;
}
