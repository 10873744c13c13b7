# Copies the sources to where synthesis reads them and encrypts the copies.
set cl_dir $::env(CL_DIR)
set encrypted $cl_dir/build/src_post_encryption
set key_dir $::env(HDK_SHELL_DIR)/build/scripts

file mkdir $encrypted
foreach old [glob -nocomplain -directory $encrypted *] {
    file delete -force $old
}
set sources [list \
[%- for source in view.sources %]
    [[ source ]] \
[%- endfor %]
    cl_npu_defines.vh \
    cl_id_defines.vh]
set copies {}
foreach source $sources {
    if {![file exists $cl_dir/design/$source]} {
        error "design/$source is missing: make the kit again with npugen"
    }
    file copy -force $cl_dir/design/$source $encrypted/$source
    lappend copies $encrypted/$source
}
# The kit's own definitions, which the top includes.
set common $::env(HDK_DIR)/cl/examples/common/design/cl_common_defines.vh
file copy -force $common $encrypted/cl_common_defines.vh
lappend copies $encrypted/cl_common_defines.vh

# Keys have the version from which on they hold in their names; the first has none.
set tool [lrange [split [version -short] .] 0 1]
set key $key_dir/vivado_keyfile.txt
foreach file [lsort [glob -nocomplain -directory $key_dir vivado_keyfile_*.txt]] {
    if {[regexp {_(\d+)_(\d+)\.txt$} $file all year number]
        && [package vcompare $year.$number [join $tool .]] <= 0} {
        set key $file
    }
}
if {![file exists $key]} {
    error "$key is missing: source hdk_setup.sh first"
}
exec chmod u+w {*}$copies
encrypt -k $key -lang verilog $copies
