// Random pushes and pops against std::deque; checks order, level, full and empty.
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <random>
#include "Vnpu_fifo.h"
#include "verilated.h"

int main(int argc, char **argv) {
    std::mt19937 random(argc > 1 ? std::atoi(argv[1]) : 1);
    Vnpu_fifo top;
    std::deque<unsigned> model;
    unsigned long moved = 0;
    top.rst = 1;
    for (long cycle = 0; cycle < 20000; cycle++) {
        unsigned bias = (cycle / 500) % 3;  // mostly full, mostly empty, balanced
        top.clk = 0;
        top.push_valid = random() % 4 < (bias == 1 ? 1u : 3u);
        top.pop_ready = random() % 4 < (bias == 0 ? 1u : 3u);
        top.push_data = random() & ((1u << PARAM_WIDTH) - 1);
        top.eval();
        if (cycle > 1) {
            top.rst = 0;
            top.eval();
            if (top.level != model.size() || top.pop_valid != !model.empty()
                || top.push_ready != (model.size() < PARAM_DEPTH)
                || (top.pop_valid && top.pop_data != model.front())) {
                std::printf("cycle %ld: level %u, expected %zu\n", cycle, top.level, model.size());
                return 1;
            }
            bool pop = top.pop_valid && top.pop_ready;
            bool push = top.push_valid && top.push_ready;
            if (pop) model.pop_front(), moved++;
            if (push) model.push_back(top.push_data);
        }
        top.clk = 1;
        top.eval();
    }
    return moved > 1000 ? 0 : 2;
}
