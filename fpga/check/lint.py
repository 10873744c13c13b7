"""What slang makes of a kit's custom logic: warnings, its cells and ports, and the ports that a
list of AWS's (`cl_ports.vh`, `sh_ddr.stub.sv`) has."""

import pathlib

import pyslang.ast
import pyslang.driver
import pyslang.syntax

# Beside those that are on by themselves.
WARNINGS = ["undriven-net", "undriven-port", "port-width-trunc", "port-width-expand", "unconnected-port", "case-dup"]
TOP = "cl_npu"
DIRECTIONS = {"In": "input", "Out": "output", "InOut": "inout"}


class Problem(Exception):
    """What is wrong with a kit."""


def elaborate(files, includes, top):
    """Root of the elaborated design; stand-ins for what is AWS's may leave their pins alone."""
    driver = pyslang.driver.Driver()
    driver.addStandardArgs()
    options = ["slang", "--top", top, "-Werror", *(f"-W{name}" for name in WARNINGS)]
    for path in includes:
        options += ["-I", str(path)]
    for path in (file for file in files if file.parent.name == "sim"):
        options += ["--suppress-warnings", str(path)]
    good = driver.parseCommandLine(" ".join([*options, *map(str, files)]))
    good = good and driver.processOptions() and driver.parseAllSources()
    if not good:
        raise Problem(f"slang cannot read the sources of {top}")
    compilation = driver.createCompilation()
    driver.reportCompilation(compilation, True)
    driver.runAnalysis(compilation)
    if not driver.reportDiagnostics(True):
        raise Problem(f"slang found problems in {top}, see above")
    print(f"slang: {top}: no error, no warning")
    return compilation.getRoot()


def kit_sources(kit):
    """Files and include folders of a kit's custom logic, with stand-ins for what is AWS's."""
    design, sim = kit / TOP / "design", kit / "sim"
    models = [path for path in sim.iterdir() if path.suffix in (".sv", ".v")]
    files = sorted(design.glob("*.sv")) + sorted(p for p in models if p.stem != "cl_sim_top")
    return files, [sim, design]


def objects(root):
    """Lines for the stub of Vivado: cells, pins of cells that have no source, ports."""
    top = root.topInstances[0]
    lines = [f"port {port.name}" for port in top.body.portList]

    def visit(scope, prefix, separator):
        for member in scope:
            kind = member.kind
            if kind == pyslang.ast.SymbolKind.Instance:
                name = f"{prefix}{separator}{member.name}" if prefix else member.name
                lines.append(f"cell {name}")
                if member.definition.name.isupper():
                    lines.extend(f"pin {name}/{port.name}" for port in member.body.portList)
                else:
                    visit(member.body, name, "/")
            elif kind == pyslang.ast.SymbolKind.GenerateBlock and not member.isUninstantiated:
                name = f"{prefix}{separator}{member.name}" if prefix else member.name
                visit(member, name, ".")

    visit(top.body, "", "/")
    return lines


def ports(path, top):
    """Name, direction and bits of the ports of a module in a file, or of a list of ports."""
    driver = pyslang.driver.Driver()
    driver.addStandardArgs()
    text = path.read_text()
    wrapped = text if top in text else f"module {top} (\n{text}\n);\nendmodule\n"
    tree = pyslang.syntax.SyntaxTree.fromText(wrapped, str(path))
    compilation = pyslang.ast.Compilation()
    compilation.addSyntaxTree(tree)
    errors = [d for d in compilation.getParseDiagnostics() if d.isError()]
    found = [instance for instance in compilation.getRoot().topInstances if instance.name == top]
    if errors or not found:
        raise Problem(f"slang cannot read {path} as a list of ports")
    return {
        port.name: (DIRECTIONS[port.direction.name], port.type.bitWidth)
        for port in found[0].body.portList
    }


def compare_ports(ours, theirs, name):
    """Complains about ports that differ."""
    wrong = []
    for port in sorted(ours.keys() | theirs.keys()):
        if ours.get(port) != theirs.get(port):
            kit, real = (
                "{0[0]} of {0[1]} bits".format(table[port]) if port in table else "missing"
                for table in (ours, theirs)
            )
            wrong.append(f"  {port}: {kit} in the kit, {real} in {name}")
    if wrong:
        listed = "\n".join(wrong)
        raise Problem(f"ports differ from {name}: is this another shell?\n{listed}")
