// Runs the array with a new vector and a new weight step in every cycle for about a second and
// prints the cycles per second.
#include "Vnpu_array.h"
#include "verilated.h"
#include <chrono>
#include <cstdint>
#include <cstdio>

int main() {
    Vnpu_array top;
    const int segments = (ROWS + 15) / 16, seg_rows = (ROWS + segments - 1) / segments;
    uint64_t state = 1;
    long cycles = 0;
    auto next = [&] { return state = state * 6364136223846793005ull + 1442695040888963407ull; };
    top.rst = 1;
    for (int i = 0; i < 4; i++) top.clk = 0, top.eval(), top.clk = 1, top.eval();
    top.rst = 0;
    auto begin = std::chrono::steady_clock::now();
    double seconds = 0;
    while (seconds < 1.0) {
        for (int i = 0; i < 2000; i++) {
            int phase = (int)(cycles % seg_rows);
            top.x_valid = top.w_valid = 1;
            top.x_first = top.w_first = phase == 0;
            ((uint8_t *)&top.x)[cycles % ROWS] = (uint8_t)(next() >> 40);
            ((uint8_t *)&top.w)[cycles % (segments * COLS)] = (uint8_t)(next() >> 40 & 63);
            top.clk = 0;
            top.eval();
            top.clk = 1;
            top.eval();
            cycles++;
        }
        seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    }
    printf("%.0f\n", (double)cycles / seconds);
}
