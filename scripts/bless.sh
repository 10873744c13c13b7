#!/bin/sh
# Rewrites the committed texts that tests compare with: messages, help, the output of `tiny`.
# Read the difference before you commit it.
set -eu
cd "$(dirname "$0")/.."
NPUGEN_BLESS=1 cargo test --test config_errors --test cli --test cli_programs --test output --test docs
target/debug/npugen schema --markdown > docs/config.md
git --no-pager diff --stat -- tests docs
