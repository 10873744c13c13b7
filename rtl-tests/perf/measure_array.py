"""Simulation speed and build time of the array's forms under Verilator.

    python rtl-tests/perf/measure_array.py [ROWSxCOLS ...]

Prints, per shape and form, the seconds to build and the cycles per second of the array alone with
weights and activations in every cycle. The forms are alternatives for simulation: one module per
cell (generic), and whole dot products with several columns to a 64 bit multiplication.
"""

import pathlib
import subprocess
import sys
import tempfile
import time

REPO = pathlib.Path(__file__).resolve().parents[2]
RTL = REPO / "templates" / "rtl"
BENCH = pathlib.Path(__file__).with_name("array_speed.cpp")
FORMS = {"generic": 1, "simulation": 2}


def measure(rows, cols, form):
    with tempfile.TemporaryDirectory() as directory:
        macros = f"-O2 -std=c++17 -DROWS={rows} -DCOLS={cols}"
        command = ["verilator", "--cc", "--exe", "--build", "-O3", "-Wall", "--x-assign", "fast",
                   "--x-initial", "fast", "--language", "1364-2005", "-y", RTL,
                   "-y", REPO / "templates" / "sim", f"-GROWS={rows}", f"-GCOLS={cols}",
                   f"-GCELL={FORMS[form]}", "--top-module", "npu_array", "--Mdir", directory,
                   "-CFLAGS", macros, RTL / "npu_array.v", BENCH]
        start = time.monotonic()
        subprocess.run([str(word) for word in command], check=True, stdout=subprocess.DEVNULL)
        built = time.monotonic() - start
        run = subprocess.run([f"{directory}/Vnpu_array"], check=True, stdout=subprocess.PIPE,
                             text=True)
    return built, float(run.stdout)


def main():
    shapes = sys.argv[1:] or ["16x16", "32x32", "64x64"]
    print(f"{'shape':>8} {'form':>11} {'build s':>8} {'kcycles/s':>10}")
    for shape in shapes:
        rows, cols = map(int, shape.split("x"))
        for form in FORMS:
            if form == "generic" and rows * cols > 1024:
                continue  # builds for many minutes
            built, rate = measure(rows, cols, form)
            print(f"{shape:>8} {form:>11} {built:8.1f} {rate / 1e3:10.0f}")


if __name__ == "__main__":
    main()
