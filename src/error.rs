//! Errors of the library: one enum per stage, joined here.
