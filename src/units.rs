//! Newtypes for quantities: bytes, bits, words, addresses.
