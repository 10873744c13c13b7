#!/usr/bin/env bash
# From a FPGA Developer AMI to the archive that AWS makes an image from.
set -euo pipefail

usage() {
    cat <<'TEXT'
usage: build.sh [OPTION OF THE KIT'S BUILD COMMAND]...
       build.sh --check-only [ARCHIVE]

Run it behind `source hdk_setup.sh` of aws-fpga, branch [[ view.facts.hdk_branch ]].
  --check-only  only check the timing that the last build, or that of an archive, had
TEXT
}

fail() {
    echo "build.sh: $*" >&2
    exit 1
}

# An archive and its reports have the time of the build in their names.
tag='*'
check_only=0
case "${1:-}" in
    -h | --help) usage; exit 0 ;;
    --check-only)
        check_only=1
        [ $# = 1 ] || tag=$(basename "$2" .Developer_CL.tar)
        ;;
esac

CL_DIR=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)/cl_npu
export CL_DIR
reports=$CL_DIR/build/reports

violated() {
    fail "timing violated: see $1;" \
        "lower clock_mhz in config.yaml, or build with" \
        "[% if view.f1 %]another -strategy[% else %]other directives (-p, -o, -r)[% endif %]"
}

# The last report of its kind; there is none when the build did not come to its end.
last() {
    local path
    path=$(find "$1" -name "$2" | sort | tail -n 1)
    [ -n "$path" ] || fail "no $2 in $1: the build did not come to its end, see its log"
    echo "$path"
}
[% if view.f1 %]
check_timing() {
    local report
    report=$(last "$reports" "$tag.SH_CL_final_timing_summary.rpt")
    grep -q 'All user specified timing constraints are met' "$report" || violated "$report"
    echo "build.sh: timing is met"
}
[% else %]
# The kit makes an archive even of a design that misses its timing, and tells it by a file's name.
check_timing() {
    local checkpoint report
    checkpoint=$(last "$CL_DIR/build/checkpoints" "cl_npu.$tag.post_route*.dcp")
    report=$(last "$reports" "cl_npu.$tag.post_route_timing.rpt")
    case "$checkpoint" in
        *.VIOLATED.dcp) violated "$report" ;;
    esac
    if grep -q '(VIOLATED)' "$report"; then
        violated "$report"
    fi
    echo "build.sh: timing is met"
}
[% endif %]
if [ "$check_only" = 0 ]; then
    needed=(HDK_DIR HDK_SHELL_DIR HDK_SHELL_DESIGN_DIR)
[%- if !view.f1 %]
    needed+=(HDK_IP_SRC_DIR AWS_FPGA_REPO_DIR)
[%- endif %]
    for name in "${needed[@]}"; do
        [ -n "${!name:-}" ] || fail "$name is not set: source hdk_setup.sh of aws-fpga first"
        [ -d "${!name}" ] || fail "$name is ${!name}, which is no directory"
    done
    command -v vivado >/dev/null || fail "vivado is not on the path: use a FPGA Developer AMI"
    version=$(vivado -version)
    version=${version%%$'\n'*}
[%- if view.f1 %]
    case "$version" in
        *v2019.* | *v2020.* | *v2021.* | *v2024.1*) ;;
        *) fail "$version: the kit of F1 takes 2019.1 to 2021.2 and 2024.1" ;;
    esac
[%- else %]
    case "$version" in
        *v2024.* | *v2025.*) ;;
        *) fail "$version: the kit of F2 takes 2024.1 to 2025.2" ;;
    esac
[%- endif %]
    key=[% if view.f1 %]SHELL_VERSION[% else %]small_shell[% endif %]
    shell=$(sed -n "s/^$key=//p" "$HDK_SHELL_DIR/shell_version.txt" | head -n 1)
    [ "${shell,,}" = [[ view.shell_version() ]] ] ||
        fail "$HDK_SHELL_DIR has shell ${shell:-of no version}, this project is for" \
            "[[ view.shell_version() ]]:" \
            "check out the branch [[ view.facts.hdk_branch ]] of aws-fpga"
    given=[% if view.f1 %]SH_CL_BB_routed.dcp[% else %]cl_bb_routed.small_shell.dcp[% endif %]
    given=$HDK_SHELL_DIR/build/checkpoints/from_aws/$given
    [ -f "$given" ] || fail "$given is not there: source hdk_setup.sh, which downloads it"
    # Results of an earlier build must not be taken for this one's; what was synthesised is kept.
    find "$reports" -name '*.rpt' -delete
    find "$CL_DIR/build/checkpoints" \( -name '*.dcp' -o -name '*.tar' -o -name '*.txt' \) \
        ! -name '*.post_synth.dcp' -delete
    cd "$CL_DIR/build/scripts"
[%- if view.f1 %]
    ln -sf "$HDK_SHELL_DIR/build/scripts/aws_build_dcp_from_cl.sh" .
    ./aws_build_dcp_from_cl.sh -strategy TIMING -clock_recipe_a A1 -clock_recipe_b B0 \
        -clock_recipe_c C0 -foreground "$@" || fail "the kit's build ended with an error, see above"
[%- else %]
    for name in aws_build_dcp_from_cl.py build_all.tcl build_level_1_cl.tcl; do
        ln -sf "$HDK_SHELL_DIR/build/scripts/$name" .
    done
    ./aws_build_dcp_from_cl.py -c cl_npu -m small_shell "$@" ||
        fail "the kit's build ended with an error, see above"
[%- endif %]
fi

check_timing
[ "$check_only" = 0 ] || exit 0
archive=$(last "$CL_DIR/build/checkpoints" '*.Developer_CL.tar')
sha256sum "$archive"
echo "build.sh: next: ./create_afi.py --archive $archive --bucket BUCKET"
