#!/usr/bin/env bash
# Does what docs/extending.md says, in a copy of the project: applies its diffs, runs its commands,
# and demands that random programs used the function it adds.
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD
copy=$(mktemp -d)
target=$root/target/walkthrough
trap 'rm -rf "$copy" "$target"' EXIT
# Dependencies that are built already are linked, so that only npugen itself is built again.
mkdir -p "$target/debug"
for part in deps build .fingerprint; do
    [ ! -d "target/debug/$part" ] || cp -al "target/debug/$part" "$target/debug/"
done
rm -rf "$target"/debug/*/*npugen* "$target"/debug/.fingerprint/npugen-*
git ls-files -z | grep -zv '^docs/images/' | xargs -0 cp --parents -t "$copy"
export CARGO_TARGET_DIR=$target
cd "$copy"
python3 - <<'APPLY'
import pathlib, re

page = pathlib.Path("docs/extending.md").read_text()
for block in re.findall(r"```diff\n(.*?)```", page, re.S):
    head, *hunks = re.split(r"^@@\n", block, flags=re.M)
    path = pathlib.Path(re.search(r"^\+\+\+ b/(.*)$", head, re.M).group(1))
    text = path.read_text()
    for hunk in hunks:
        lines = hunk.splitlines()
        before = "".join(line[1:] + "\n" for line in lines if not line.startswith("+"))
        after = "".join(line[1:] + "\n" for line in lines if not line.startswith("-"))
        if text.count(before) != 1:
            raise SystemExit(f"{path}: this is there {text.count(before)} times:\n{before}")
        text = text.replace(before, after)
    path.write_text(text)
    print(f"changed {path}")
(pathlib.Path("commands.sh")).write_text("set -eux\n" + re.search(r"```sh\n(.*?)```", page, re.S).group(1))
APPLY
bash commands.sh 2>&1 | tee told
grep -E '^vector\.average +[1-9]' told
