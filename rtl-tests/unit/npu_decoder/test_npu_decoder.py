"""npu_decoder against the instruction table, read here from its source by a parser of its own:
every opcode, engine, register and function number, and every bit of every kind of word."""

import pathlib
import re

import generated
import harness

HERE = pathlib.Path(__file__).parent
TABLE = harness.REPO / "src" / "isa" / "table.rs"


def field_mask(text):
    """Bits of the fields in `text`, given as `[lo +: width]`."""
    mask = 0
    for low, width in re.findall(r"\[(\d+) \+: (\d+)\]", text):
        mask |= ((1 << int(width)) - 1) << int(low)
    return mask


def braces(text, start):
    """What stands between the brace at `start` and its partner."""
    depth = 0
    for position in range(start, len(text)):
        depth += {"{": 1, "}": -1}.get(text[position], 0)
        if depth == 0:
            return text[start + 1 : position]
    raise ValueError("a brace is not closed")


def table():
    """Per engine number: functions, mask of the flags, mask of every register."""
    text = re.sub(r'"(?:[^"\\]|\\.)*"', '""', TABLE.read_text(encoding="utf-8"))
    engines = []
    for match in re.finditer(r"^engine! \{", text, re.MULTILINE):
        body = braces(text, match.end() - 1)
        parts = {
            name: braces(body, re.search(rf"\b{name} \{{", body).end() - 1)
            for name in ("functions", "flags", "registers")
        }
        functions = [int(n) for n in re.findall(r"\w+ = (\d+)", parts["functions"])]
        registers = {}
        for register in re.finditer(r"\w+ = (\d+) \"\" \"\" \{", parts["registers"]):
            content = braces(parts["registers"], register.end() - 1)
            registers[int(register.group(1))] = field_mask(content)
        engines.append((functions, field_mask(parts["flags"]), registers))
    return engines


def header(path):
    """The table as C++ for the bench."""
    engines = table()
    assert len(engines) == 6 and not engines[5][0] and len(engines[5][2]) == 15
    engines.pop()  # UNIT, which the design does not have
    assert len(engines[3][0]) >= 20 and len(engines[2][2]) == 24
    lines = ["#include <cstdint>", "#include <map>", "#include <set>", "struct Engine {",
             "    std::set<int> functions;", "    uint64_t flags;",
             "    std::map<int, uint64_t> registers;", "};", "static const Engine ENGINES[] = {"]
    for functions, flags, registers in engines:
        numbers = ", ".join(str(number) for number in functions)
        masks = ", ".join(f"{{{n}, {mask:#x}}}" for n, mask in registers.items())
        lines.append(f"    {{{{{numbers}}}, {flags:#x}, {{{masks}}}}},")
    path.write_text("\n".join([*lines, "};", ""]), encoding="ascii")


def run(tmp_path, params):
    header(tmp_path / "table.h")
    bench = tmp_path / "bench.cpp"
    bench.write_text((HERE / "bench.cpp").read_text(encoding="ascii"), encoding="ascii")
    harness.verilate("npu_decoder", [generated.module("npu_decoder")], params, bench)


def test_every_word(tmp_path):
    run(tmp_path, {"NUM_SEMAPHORES": 16})


def test_few_semaphores(tmp_path):
    run(tmp_path, {"NUM_SEMAPHORES": 5})


def test_lint():
    harness.lint("npu_decoder", [generated.module("npu_decoder")])
