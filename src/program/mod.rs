//! Programs: instructions, regions, data image, provenance, and their file format.
