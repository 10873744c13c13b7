//! The functional model of docs/machine.md. Knows nothing of time or RTL.
