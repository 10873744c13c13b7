# Synthesis of the custom logic, called by create_dcp_from_cl.tcl.
set cl_dir $::env(CL_DIR)
set shell_dir $::env(HDK_SHELL_DIR)
set shell_design $::env(HDK_SHELL_DESIGN_DIR)

create_project -in_memory -part [[ view.facts.part ]] -force
set_property XPM_LIBRARIES {XPM_CDC XPM_FIFO XPM_MEMORY} [current_project]

read_verilog -sv [lsort [glob -directory $cl_dir/build/src_post_encryption *.sv]]
read_verilog -sv [lsort [concat \
    [glob -directory $shell_design/lib *.sv] \
    [glob -directory $shell_design/sh_ddr/synth *.sv *.v]]]
read_ip $shell_design/ip/ddr4_core/ddr4_core.xci
read_xdc [list \
    $cl_dir/build/constraints/cl_clocks_aws.xdc \
    $shell_dir/build/constraints/cl_ddr.xdc \
    $shell_dir/build/constraints/cl_synth_aws.xdc \
    $cl_dir/build/constraints/cl_synth_user.xdc]

update_compile_order -fileset sources_1
synth_design -mode out_of_context -top cl_npu -part [[ view.facts.part ]] \
    -verilog_define XSDB_SLV_DIS \
    -include_dirs [list $cl_dir/build/src_post_encryption $shell_design/interfaces] \
    -keep_equivalent_registers -flatten_hierarchy rebuilt

write_checkpoint -force $cl_dir/build/checkpoints/$timestamp.CL.post_synth.dcp
close_project
