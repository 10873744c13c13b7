# Synthesis of the custom logic for [[ view.facts.title ]], called by create_dcp_from_cl.tcl.
# Without it the names of the shell's clocks and of those generated here collide.
set_param sta.enableAutoGenClkNamePersistence 0
create_project -in_memory -part [DEVICE_TYPE] -force
set_property XPM_LIBRARIES {XPM_CDC XPM_FIFO XPM_MEMORY} [current_project]

read_verilog -sv [lsort [glob -directory $CL_DIR/build/src_post_encryption *.sv]]
# What the shell's DRAM controllers consist of.
foreach name {lib/lib_pipe.sv lib/bram_2rw.sv lib/flop_fifo.sv sh_ddr/synth/sync.v \
    sh_ddr/synth/flop_ccf.sv sh_ddr/synth/ccf_ctl.v sh_ddr/synth/mgt_acc_axl.sv \
    sh_ddr/synth/mgt_gen_axl.sv sh_ddr/synth/sh_ddr.sv interfaces/cl_ports.vh} {
    read_verilog -sv $HDK_SHELL_DESIGN_DIR/$name
}
foreach name {ddr4_core src_register_slice dest_register_slice axi_clock_converter_0 \
    axi_register_slice axi_register_slice_light} {
    read_ip $HDK_SHELL_DESIGN_DIR/ip/$name/$name.xci
}
read_xdc [list \
    $CL_DIR/build/constraints/cl_clocks_aws.xdc \
    $HDK_SHELL_DIR/build/constraints/cl_ddr.xdc \
    $HDK_SHELL_DIR/build/constraints/cl_synth_aws.xdc \
    $CL_DIR/build/constraints/cl_synth_user.xdc]
# The shell's clocks come with the shell: these are for synthesis out of its context.
set_property USED_IN {synthesis implementation OUT_OF_CONTEXT} [get_files cl_clocks_aws.xdc]
set_property PROCESSING_ORDER EARLY [get_files cl_clocks_aws.xdc]

update_compile_order -fileset sources_1
synth_design -mode out_of_context -top cl_npu -part [DEVICE_TYPE] \
    -verilog_define XSDB_SLV_DIS {*}$VDEFINES \
    -include_dirs [list $CL_DIR/build/src_post_encryption $HDK_SHELL_DESIGN_DIR/interfaces] \
    {*}$synth_options -directive $synth_directive

write_checkpoint -force $checkpoints/$timestamp.CL.post_synth.dcp
close_project
set_param sta.enableAutoGenClkNamePersistence 1
