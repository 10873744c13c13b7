// Random instructions, semaphores and engine against npu_sequencer. Checked: registers hold at
// every launch what the SETs before it wrote; semaphores are taken once per RUN and before its
// launch; launches, retirements, signals and tags come in order and at their time; the activity
// classes; nothing happens under halt.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <map>
#include <random>

#include "Vnpu_sequencer.h"
#include "verilated.h"

#define REQUIRE(condition)                                                        \
    do {                                                                          \
        if (!(condition)) {                                                       \
            std::printf("cycle %ld, line %d: %s\n", cycle, __LINE__, #condition); \
            std::exit(1);                                                         \
        }                                                                         \
    } while (0)

struct Word {
    uint64_t bits;
    uint32_t pc;
    std::map<int, uint64_t> registers;  // as the RUN must find them
    long launches_before;               // of a TAG
    int op() const { return int(bits >> 60); }
};

static Vnpu_sequencer top;
static long cycle = 0;
static std::mt19937 rng;

static bool chance(int percent) { return int(rng() % 100) < percent; }

int main(int argc, char** argv) {
    rng.seed(argc > 1 ? unsigned(std::atoi(argv[1])) : 1);
    const long cycles = argc > 2 ? std::atol(argv[2]) : 10000;
    std::deque<Word> queue;    // pushed, not executed
    std::deque<Word> flight;   // launched, not retired
    std::deque<Word> tags;     // executed or still queued, not reported
    std::map<int, uint64_t> pushed_registers;
    std::map<int, uint64_t> registers;
    long pushed_launches = 0, launched = 0, retired = 0, reported = 0, sets = 0;
    long full = 0, most = 0, streak = 0, longest = 0;
    bool taken = false;
    uint32_t pc = 0;
    int mood = 0;
    top.rst = 1;
    top.clk = 0;
    top.eval();
    top.clk = 1;
    top.eval();
    top.rst = 0;
    Word offer{};
    bool offering = false;
    for (cycle = 0; cycle < cycles; ++cycle) {
        if (cycle % 500 == 0) mood = int(rng() % 5);
        const bool fast = mood == 0;
        if (!offering && chance(fast ? 100 : mood == 1 ? 20 : 60)) {
            const int kind = int(rng() % 10);
            const uint64_t engine = 3ULL << 57;
            offer = Word{};
            offer.pc = pc++ & 0xffffff;
            if (kind < 5 || (fast && kind < 9)) {
                const int number = int(rng() % 8);
                const uint64_t value = ((uint64_t(rng()) << 32) | rng()) & 0xffffffffffffULL;
                offer.bits = 1ULL << 60 | engine | uint64_t(number) << 48 | value;
                pushed_registers[number] = value;
            } else if (kind < 8) {
                const uint64_t wait = chance(50) ? rng() & 0xffff : 0;
                const uint64_t signal = chance(50) ? rng() & 0xffff : 0;
                offer.bits = 2ULL << 60 | engine | uint64_t(rng() % 128) << 50 | wait << 34 |
                             signal << 18 | (rng() & 0x3ffff);
                offer.registers = pushed_registers;
                ++pushed_launches;
            } else {
                offer.bits = 5ULL << 60 | engine | uint64_t(rng());
                offer.launches_before = pushed_launches;
            }
            offering = true;
        }
        top.cmd_valid = offering;
        top.cmd_word = offering ? offer.bits : ~0ULL;
        top.cmd_pc = offer.pc;
        top.sem_wait_ready = chance(fast ? 100 : 30);
        top.launch_ready = chance(fast ? 100 : 50);
        top.launch_done = !flight.empty() && chance(fast ? 60 : mood == 2 ? 2 : 20);
        top.stall_memory = chance(30);
        top.halt = mood == 4 && chance(30);
        top.clk = 0;
        top.eval();

        // What the sequencer says about itself.
        REQUIRE(top.queue_level == queue.size());
        REQUIRE(top.in_flight == flight.size());
        REQUIRE(flight.size() <= PARAM_MAX_LAUNCHES);
        REQUIRE(top.cmd_ready == (queue.size() < PARAM_QUEUE_DEPTH));
        full += queue.size() == PARAM_QUEUE_DEPTH;
        most = std::max(most, long(flight.size()));
        const int activity = top.activity;
        REQUIRE(activity == 1 || activity == 2 || activity == 4 || activity == 8);
        if (!flight.empty()) REQUIRE(activity == (top.stall_memory ? 4 : 1));
        if (flight.empty()) REQUIRE(activity != 4);
        if (activity == 2) REQUIRE(top.waiting_semaphore && top.wait_mask != 0);
        if (!flight.empty()) REQUIRE(top.oldest_pc == flight.front().pc);
        const bool pending_tag = !tags.empty();
        REQUIRE(top.idle == (queue.empty() && flight.empty() && !pending_tag));
        if (top.halt) REQUIRE(!top.reg_write && !top.sem_wait_valid && !top.launch_valid);

        // Events of this cycle.
        REQUIRE(top.reg_write + (top.launch_valid && top.launch_ready) <= 1);
        if (top.reg_write) {
            REQUIRE(!queue.empty() && queue.front().op() == 1);
            REQUIRE(top.reg_number == ((queue.front().bits >> 48) & 511));
            REQUIRE(top.reg_value == (queue.front().bits & 0xffffffffffffULL));
            registers[top.reg_number] = top.reg_value;
            queue.pop_front();
            ++sets;
            longest = std::max(longest, ++streak);
        } else {
            streak = 0;
        }
        // A tag leaves the queue unseen; what stands behind it is what shows next.
        while (!top.reg_write && !queue.empty() && queue.front().op() == 5 &&
               top.queue_level < queue.size()) {
            queue.pop_front();
        }
        if (top.sem_wait_valid) {
            REQUIRE(!queue.empty() && queue.front().op() == 2 && !taken);
            REQUIRE(top.sem_wait_mask == ((queue.front().bits >> 34) & 0xffff));
            REQUIRE(top.sem_wait_mask != 0);
            taken = taken || top.sem_wait_ready;
        } else if (top.launch_valid) {
            REQUIRE(!queue.empty() && queue.front().op() == 2);
            const uint64_t bits = queue.front().bits;
            REQUIRE(taken == (((bits >> 34) & 0xffff) != 0));
            REQUIRE(top.launch_function == ((bits >> 50) & 127));
            REQUIRE(top.launch_flags == (bits & 0x3ffff));
            REQUIRE(flight.size() < PARAM_MAX_LAUNCHES);
        }
        Word begun{};
        const bool begins = top.launch_valid && top.launch_ready;
        if (begins) {
            begun = queue.front();
            REQUIRE(registers == begun.registers);
            queue.pop_front();
            taken = false;
        }
        const long retired_before = retired;
        REQUIRE(top.retire_valid == top.launch_done);
        if (top.retire_valid) {
            REQUIRE(top.retire_pc == flight.front().pc);
            const uint64_t signal = (flight.front().bits >> 18) & 0xffff;
            REQUIRE(top.sem_signal_valid == (signal != 0));
            if (signal != 0) REQUIRE(top.sem_signal_mask == signal);
            flight.pop_front();
            ++retired;
        } else {
            REQUIRE(!top.sem_signal_valid);
        }
        if (begins) {
            flight.push_back(begun);
            ++launched;
        }
        if (top.tag_valid) {
            REQUIRE(!tags.empty());
            REQUIRE(top.tag_value == uint32_t(tags.front().bits));
            REQUIRE(retired_before >= tags.front().launches_before);
            tags.pop_front();
            ++reported;
        }
        const bool accepted = offering && top.cmd_ready;
        top.clk = 1;
        top.eval();
        if (accepted) {
            queue.push_back(offer);
            if (offer.op() == 5) tags.push_back(offer);
            offering = false;
        }
        // Tags that have left the queue in this edge.
        while (!queue.empty() && queue.front().op() == 5 && top.queue_level < queue.size()) {
            queue.pop_front();
        }
    }
    // Everything comes to an end.
    top.halt = 0;
    for (int wait = 0; wait < 4 * PARAM_QUEUE_DEPTH + 400; ++wait) {
        top.cmd_valid = 0;
        top.sem_wait_ready = 1;
        top.launch_ready = 1;
        top.launch_done = top.in_flight != 0;
        top.clk = 0;
        top.eval();
        retired += top.retire_valid;
        launched += top.launch_valid;
        reported += top.tag_valid;
        top.clk = 1;
        top.eval();
    }
    REQUIRE(top.idle);
    REQUIRE(launched == retired);
    REQUIRE(launched == pushed_launches - (offering && offer.op() == 2));
    REQUIRE(full > 0 && most == PARAM_MAX_LAUNCHES && reported > 100 && sets > 1000);
    // One SET per cycle.
    REQUIRE(longest >= 10);
    std::printf("%ld launches, %ld sets, %ld tags, %ld full\n", launched, sets, reported, full);
    return 0;
}
