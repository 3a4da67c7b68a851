"""Runs Chroma's own command line out of an unpacked wheel: chroma.py FOLDER ARGUMENT…

The wheel's Rust bindings need none of the packages that `pip install chromadb` would bring along.
"""

import sys

folder, *arguments = sys.argv[1:]
sys.path.insert(0, folder)

import chromadb_rust_bindings  # noqa: E402

chromadb_rust_bindings.cli(["chroma", *arguments])
