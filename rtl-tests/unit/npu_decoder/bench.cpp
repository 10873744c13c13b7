// Offers words one by one and compares what the decoder does with them with the table.
#include <cstdio>
#include <cstdlib>

#include "Vnpu_decoder.h"
#include "table.h"
#include "verilated.h"

#ifndef PARAM_NUM_SEMAPHORES
#define PARAM_NUM_SEMAPHORES 16
#endif

static Vnpu_decoder top;
static long words = 0;
static long faults = 0;

static void tick() {
    top.clk = 0;
    top.eval();
    top.clk = 1;
    top.eval();
}

static void fail(uint64_t word, const char* what, long got, long want) {
    std::printf("word %016llx: %s is %ld, expected %ld\n", (unsigned long long)word, what, got, want);
    std::exit(1);
}

static void check(uint64_t word, const char* what, long got, long want) {
    if (got != want) {
        fail(word, what, got, want);
    }
}

// Cause of the fault a word must raise, 0 for a legal one.
static int expected(uint64_t word) {
    const int opcode = int(word >> 60);
    const int engine = int(word >> 57) & 7;
    const uint64_t rest = word & ((1ULL << 57) - 1);
    switch (opcode) {
        case 0:
        case 3:
        case 4:
            return (word << 4) != 0 ? 1 : 0;
        case 1: {
            if (engine > 4) return 1;
            const auto& registers = ENGINES[engine].registers;
            const auto found = registers.find(int(rest >> 48));
            if (found == registers.end()) return 2;
            const uint64_t value = rest & ((1ULL << 48) - 1);
            if ((value & ~found->second) != 0) return 3;
            if (engine == 0) {
                const int index = int(value & 15);
                const int producer = int(value >> 4) & 7;
                const int consumer = int(value >> 7) & 7;
                if (index >= PARAM_NUM_SEMAPHORES || producer < 1 || producer > 4 || consumer < 1 ||
                    consumer > 4) {
                    return 3;
                }
            }
            return 0;
        }
        case 2: {
            if (engine < 1 || engine > 4) return 1;
            if (ENGINES[engine].functions.count(int(rest >> 50)) == 0) return 2;
            return (rest & 0x3ffff & ~ENGINES[engine].flags) != 0 ? 3 : 0;
        }
        case 5:
            return engine < 1 || engine > 4 || (rest >> 32) != 0 ? 1 : 0;
        default:
            return 1;
    }
}

static void reset() {
    top.rst = 1;
    top.word_valid = 0;
    tick();
    top.rst = 0;
}

static void offer(uint64_t word) {
    const int opcode = int(word >> 60);
    const int engine = int(word >> 57) & 7;
    const int cause = expected(word);
    ++words;
    top.word = word;
    top.word_pc = words & 0xffffff;
    top.word_valid = 1;
    top.eval();
    check(word, "word_ready", top.word_ready, 1);
    tick();
    top.word_valid = 0;
    top.word = ~word;
    tick();
    top.eval();
    check(word, "fault", top.fault_valid, cause != 0);
    check(word, "pc", top.cmd_pc, words & 0xffffff);
    if (cause != 0) {
        ++faults;
        check(word, "cause", top.fault_cause, cause);
        for (int wait = 0; wait < 2; ++wait) {
            check(word, "cmd_valid", top.cmd_valid, 0);
            check(word, "declare_valid", top.declare_valid, 0);
            tick();
        }
        check(word, "done", top.done, 0);
        reset();
        return;
    }
    const bool queued = (opcode == 1 || opcode == 2 || opcode == 5) && engine != 0;
    const bool fence = opcode == 3 || opcode == 4;
    check(word, "cmd_valid", top.cmd_valid, queued ? 1 << (engine - 1) : 0);
    check(word, "declare_valid", top.declare_valid, opcode == 1 && engine == 0);
    check(word, "fenced", top.fenced, fence);
    if (queued) {
        check(word, "cmd_word", top.cmd_word == word, 1);
        // A full queue holds the word; then it is passed once.
        top.cmd_ready = 15 & ~(1 << (engine - 1));
        tick();
        check(word, "cmd_valid held", top.cmd_valid, 1 << (engine - 1));
        check(word, "queue_full", top.queue_full, 1);
        top.cmd_ready = 15;
    } else if (opcode == 1) {
        check(word, "index", top.declare_index, long(word & 15));
        check(word, "producer", top.declare_producer, long(word >> 4) & 7);
        check(word, "consumer", top.declare_consumer, long(word >> 7) & 7);
    } else if (fence) {
        top.engine_idle = 11;
        tick();
        check(word, "fence held", top.fenced, 1);
        check(word, "done", top.done, 0);
        top.engine_idle = 15;
    }
    tick();
    top.eval();
    check(word, "cmd_valid after", top.cmd_valid, 0);
    check(word, "busy after", top.busy, 0);
    check(word, "done", top.done, opcode == 4);
    if (opcode == 4) {
        reset();
    }
}

// Words at one per cycle.
static void stream() {
    reset();
    long passed = 0;
    for (int cycle = 0; cycle < 100; ++cycle) {
        top.word = (2ULL << 60) | (uint64_t(1 + cycle % 4) << 57);
        top.word_pc = cycle;
        top.word_valid = 1;
        top.eval();
        check(top.word, "word_ready in a stream", top.word_ready, 1);
        passed += top.cmd_valid != 0;
        tick();
    }
    check(0, "words of a stream", passed, 98);
}

int main() {
    top.cmd_ready = 15;
    top.engine_idle = 15;
    top.halt = 0;
    reset();
    for (int opcode = 0; opcode < 16; ++opcode) {
        const uint64_t kind = uint64_t(opcode) << 60;
        offer(kind);
        for (int bit = 0; bit < 60; ++bit) {
            offer(kind | 1ULL << bit);
        }
        for (uint64_t engine = 0; engine < 8; ++engine) {
            offer(kind | engine << 57);
            for (int bit = 0; bit < 57; ++bit) {
                offer(kind | engine << 57 | 1ULL << bit);
            }
        }
    }
    for (uint64_t engine = 0; engine < 8; ++engine) {
        for (uint64_t number = 0; number < 512; ++number) {
            const uint64_t set = 1ULL << 60 | engine << 57 | number << 48;
            offer(set);
            for (int bit = 0; bit < 48; ++bit) {
                offer(set | 1ULL << bit);
            }
            if (engine < 5 && ENGINES[engine].registers.count(int(number)) != 0) {
                offer(set | ENGINES[engine].registers.at(int(number)));
            }
        }
        for (uint64_t number = 0; number < 128; ++number) {
            const uint64_t run = 2ULL << 60 | engine << 57 | number << 50;
            offer(run);
            offer(run | 0x3fffffffc0000ULL);
            for (int bit = 0; bit < 50; ++bit) {
                offer(run | 1ULL << bit);
            }
            if (engine < 5) {
                offer(run | ENGINES[engine].flags);
            }
        }
    }
    for (uint64_t declaration = 0; declaration < 1024; ++declaration) {
        offer(1ULL << 60 | declaration);
    }
    stream();
    if (faults < 1000 || words - faults < 1000) {
        std::printf("only %ld faults in %ld words\n", faults, words);
        return 1;
    }
    std::printf("%ld words, %ld of them illegal\n", words, faults);
    return 0;
}
