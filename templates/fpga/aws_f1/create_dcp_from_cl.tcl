# From the custom logic's sources to the archive for AWS; started by aws_build_dcp_from_cl.sh.
set names {timestamp strategy hdk_version shell_version device_id vendor_id subsystem_id \
    subsystem_vendor_id clock_recipe_a clock_recipe_b clock_recipe_c uram_option notify}
if {[llength $argv] < [llength $names]} {
    error "expected the arguments $names, got $argv"
}
foreach name $names value [lrange $argv 0 [expr {[llength $names] - 1}]] {
    set $name $value
}
if {[string trimleft [string tolower $shell_version] 0x] ne \
    [string trimleft [string tolower [[ view.shell_version() ]]] 0x]} {
    error "the kit has shell $shell_version, this project is for [[ view.shell_version() ]]:\
        check out the branch [[ view.facts.hdk_branch ]] of aws-fpga"
}

set cl_dir $::env(CL_DIR)
set shell_dir $::env(HDK_SHELL_DIR)
set CL_MODULE cl_npu
set checkpoints $cl_dir/build/checkpoints
set reports $cl_dir/build/reports
set to_aws $checkpoints/to_aws
file mkdir $to_aws $reports

source $cl_dir/build/scripts/encrypt.tcl
source $shell_dir/build/scripts/aws_gen_clk_constraints.tcl
source $cl_dir/build/scripts/synth_cl_npu.tcl

create_project -in_memory -part [[ view.facts.part ]] -force
add_files $shell_dir/build/checkpoints/from_aws/SH_CL_BB_routed.dcp
add_files $checkpoints/$timestamp.CL.post_synth.dcp
set_property SCOPED_TO_CELLS {[[ view.facts.cl_cell ]]} \
    [get_files $checkpoints/$timestamp.CL.post_synth.dcp]
read_xdc $cl_dir/build/constraints/cl_pnr_user.xdc
set_property PROCESSING_ORDER LATE [get_files cl_pnr_user.xdc]
link_design -top [[ view.facts.checkpoint_top ]] -part [[ view.facts.part ]] \
    -reconfig_partitions {WRAPPER_INST/SH WRAPPER_INST/CL}

set_param hd.clockRoutingWireReduction false
opt_design -directive Explore
place_design -directive ExtraNetDelay_high
phys_opt_design -directive Explore
route_design -directive Explore -tns_cleanup
phys_opt_design -directive Explore
report_timing_summary -file $reports/$timestamp.SH_CL_final_timing_summary.rpt
report_utilization -hierarchical -file $reports/$timestamp.SH_CL_utilization.rpt

set dcp $timestamp.SH_CL_routed.dcp
write_checkpoint -force -encrypt $to_aws/$dcp

set hash [lindex [exec sha256sum $to_aws/$dcp] 0]
set manifest [open $to_aws/$timestamp.manifest.txt w]
foreach {key value} [list \
    manifest_format_version 2 \
    pci_vendor_id $vendor_id \
    pci_device_id $device_id \
    pci_subsystem_id $subsystem_id \
    pci_subsystem_vendor_id $subsystem_vendor_id \
    dcp_hash $hash \
    shell_version [[ view.shell_version() ]] \
    dcp_file_name $dcp \
    hdk_version $hdk_version \
    tool_version v[string range [version -short] 0 5] \
    date $timestamp \
    clock_recipe_a $clock_recipe_a \
    clock_recipe_b $clock_recipe_b \
    clock_recipe_c $clock_recipe_c] {
    puts $manifest "$key=$value"
}
close $manifest
exec tar -C $checkpoints -cf $to_aws/$timestamp.Developer_CL.tar \
    to_aws/$dcp to_aws/$timestamp.manifest.txt
close_project
