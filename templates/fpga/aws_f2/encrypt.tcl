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
exec chmod u+w {*}$copies
set key $key_dir/vivado_keyfile.txt
if {![file exists $key]} {
    error "$key is missing: source hdk_setup.sh first"
}
# The kit's option --no-encrypt, from version 2.2.2 on.
if {![info exists ::env(ENCRYPT)] || $::env(ENCRYPT)} {
    encrypt -k $key -lang verilog $copies
}
