//! Kernels: the only place that knows how an operator maps to instructions.
