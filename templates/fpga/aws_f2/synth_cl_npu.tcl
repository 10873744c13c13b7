# Synthesis of the custom logic, called by the kit's build_all.tcl.
set cl_dir $::env(CL_DIR)
set scripts $::env(HDK_SHELL_DIR)/build/scripts

source $scripts/synth_cl_header.tcl

read_verilog -sv [lsort [glob -directory $cl_dir/build/src_post_encryption *.sv]]
# What sh_ddr instantiates inside its encryption: the controller, and the crossing to its clock.
foreach name {cl_ddr4 cl_axi_clock_converter} {
    read_ip $::env(HDK_IP_SRC_DIR)/$name/$name.xci
}
[%- if view.hbm_ports.is_some() %]
read_ip $::env(HDK_IP_SRC_DIR)/cl_hbm/cl_hbm.xci
[%- endif %]
read_xdc [list \
    $cl_dir/build/constraints/cl_synth_user.xdc \
    $cl_dir/build/constraints/cl_timing_user.xdc]
set_property PROCESSING_ORDER LATE [get_files cl_timing_user.xdc]

update_compile_order -fileset sources_1
synth_design -mode out_of_context -top cl_npu -part [[ view.facts.part ]] \
    -verilog_define XSDB_SLV_DIS -verilog_define USE_64GB_DDR_DIMM \
    -include_dirs [list $cl_dir/build/src_post_encryption \
        $::env(HDK_SHELL_DESIGN_DIR)/interfaces] \
    -keep_equivalent_registers

source $scripts/synth_cl_footer.tcl
