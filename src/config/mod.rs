//! The YAML description as the user wrote it: keys, schema, overrides, diagnostics.
