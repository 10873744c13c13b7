#!/usr/bin/env bash
# Loads an image onto the card of this instance and makes it ready for npugen's driver.
set -euo pipefail

usage() {
    cat <<'TEXT'
usage: load.sh AGFI [SLOT]

AGFI is the global image id, agfi-..., that create_afi.py prints; SLOT is 0 if left out.
Needs the tools of aws-fpga's SDK: source sdk_setup.sh first.
TEXT
}

fail() {
    echo "load.sh: $*" >&2
    exit 1
}

case "${1:-}" in
    -h | --help) usage; exit 0 ;;
    agfi-*) ;;
    afi-*) fail "$1 is a regional id: give the global one, agfi-..." ;;
    *) usage >&2; exit 2 ;;
esac
agfi=$1
slot=${2:-0}
command -v fpga-load-local-image >/dev/null ||
    fail "fpga-load-local-image is not on the path: source sdk_setup.sh of aws-fpga first"

metrics() {
    echo "load.sh: state and counters of the shell:" >&2
    sudo fpga-describe-local-image -S "$slot" -H -M >&2 || true
}
trap metrics ERR

sudo fpga-clear-local-image -S "$slot" -H
sudo fpga-load-local-image -S "$slot" -I "$agfi" -H
sudo fpga-describe-local-image -S "$slot" -R -H
[% if !view.f1 %]
# The custom logic writes results into the host's memory by itself.
ids=[[ view.pci_ids() ]]
devices=$(lspci -D -d "$ids" | cut -d ' ' -f 1)
[ -n "$devices" ] || { metrics; fail "no PCI device $ids after loading $agfi"; }
for device in $devices; do
    sudo setpci -s "$device" 4.w=6
done
sudo sysctl -w vm.nr_hugepages="${NPU_HUGEPAGES:-8}"
[% endif %]
echo "load.sh: loaded; next: npugen demo --on [[ view.facts.name ]]"
