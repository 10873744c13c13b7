//! What every executor offers: memory, run, retire trace, counters; and the comparison of two.
