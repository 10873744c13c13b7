// The tree over the lanes with a vector in every cycle or gaps, kinds changing from vector to
// vector. Arguments: vectors, seed.
#include "Vnpu_vector_across.h"
#include "streams.h"

static const int LANES = PARAM_LANES;
static const int LATENCY = 5 * (LANES <= 2 ? 1 : LANES <= 4 ? 2 : LANES <= 8 ? 3 : LANES <= 16 ? 4 : 5);

int main(int argc, char **argv) {
    long vectors = argc > 1 ? atol(argv[1]) : 20000;
    state = argc > 2 ? std::strtoull(argv[2], nullptr, 10) * 2654435761u + 1 : 1;
    Vnpu_vector_across top;
    struct Due {
        bool valid;
        uint32_t value;
    };
    std::deque<Due> due;
    long done = 0, wrong = 0;
    top.clk = 0, top.rst = 1, top.in_valid = 0;
    for (long n = 0; n < vectors + 1000; n++) {
        bool valid = n >= 2 && n < vectors && below(16) >= (n / 500 % 2 ? 8u : 0u);
        bool is_float = below(2);
        int kind = 1 + (int)below(3);
        top.rst = n < 2;
        top.in_valid = valid;
        top.kind = (uint8_t)kind;
        top.is_float = is_float;
        std::vector<uint32_t> level;
        for (int i = 0; i < LANES; i++) {
            level.push_back(random_value(is_float));
            put(&top.in, i, level.back());
        }
        while (level.size() > 1) {
            std::vector<uint32_t> next;
            for (size_t i = 0; i < level.size(); i += 2)
                next.push_back(i + 1 < level.size() ? join(kind, is_float, level[i], level[i + 1]) : level[i]);
            level = next;
        }
        due.push_back({valid, level[0]});
        top.eval();
        if ((int)due.size() > LATENCY) {
            Due d = due.front();
            due.pop_front();
            if (d.valid) {
                done++;
                if (top.out != d.value && wrong++ < 10) std::printf("cycle %ld: %08x, expected %08x\n", n, top.out, d.value);
            }
        }
        top.clk = 1;
        top.eval();
        top.clk = 0;
    }
    std::printf("across: %ld vectors of %d lanes, %ld wrong\n", done, LANES, wrong);
    return wrong != 0 || !done;
}
