# From the custom logic's sources to the archive for AWS; started by aws_build_dcp_from_cl.sh.
# The names in capitals are those that the kit's own scripts, sourced below, read.
set names {timestamp strategy hdk_version shell_version device_id vendor_id subsystem_id \
    subsystem_vendor_id clock_recipe_a clock_recipe_b clock_recipe_c uram_option notify_via_sns}
if {[llength $argv] < [llength $names]} {
    error "expected the arguments $names, got $argv"
}
foreach name $names value [lrange $argv 0 [expr {[llength $names] - 1}]] {
    set $name $value
}
set VDEFINES [lrange $argv [llength $names] end]

set CL_MODULE cl_npu
set CL_DIR $::env(CL_DIR)
set HDK_SHELL_DIR $::env(HDK_SHELL_DIR)
set HDK_SHELL_DESIGN_DIR $::env(HDK_SHELL_DESIGN_DIR)
set kit $HDK_SHELL_DIR/build/scripts
set checkpoints $CL_DIR/build/checkpoints
set reports $CL_DIR/build/reports
set to_aws $checkpoints/to_aws
file mkdir $to_aws $reports

# Options and directives of every step, by the strategy that was asked for.
source $kit/strategy_$strategy.tcl
source $CL_DIR/build/scripts/encrypt.tcl
source $kit/device_type.tcl
source $kit/aws_gen_clk_constraints.tcl
# The kit's scripts say that routing goes wrong without.
set_param hd.clockRoutingWireReduction false
source $CL_DIR/build/scripts/synth_cl_npu.tcl

# Runs a step as the strategy has it: options, directive, scripts before and after.
proc step {command options directive before after} {
    if {$before ne ""} {
        uplevel #0 [list source $before]
    }
    if {$directive ne ""} {
        lappend options -directive $directive
    }
    $command {*}$options
    if {$after ne ""} {
        uplevel #0 [list source $after]
    }
}

create_project -in_memory -part [DEVICE_TYPE] -force
set_property IP_REPO_PATHS $HDK_SHELL_DESIGN_DIR/cache/ddr4_phy [current_project]
add_files $HDK_SHELL_DIR/build/checkpoints/from_aws/SH_CL_BB_routed.dcp
add_files $checkpoints/$timestamp.CL.post_synth.dcp
set_property SCOPED_TO_CELLS {[[ view.facts.cl_cell ]]} \
    [get_files $checkpoints/$timestamp.CL.post_synth.dcp]
read_xdc $CL_DIR/build/constraints/cl_pnr_user.xdc
set_property PROCESSING_ORDER LATE [get_files cl_pnr_user.xdc]
link_design -top [[ view.facts.checkpoint_top ]] -part [DEVICE_TYPE] \
    -reconfig_partitions {WRAPPER_INST/SH [[ view.facts.cl_cell ]]}
source $kit/aws_clock_properties.tcl
write_checkpoint -force $checkpoints/$timestamp.post_link.dcp

if {$opt} {
    step opt_design $opt_options $opt_directive $opt_preHookTcl $opt_postHookTcl
}
if {$psip} {
    opt_design -merge_equivalent_drivers -sweep
    lappend place_options -fanout_opt
}
if {$place} {
    step place_design $place_options $place_directive $place_preHookTcl $place_postHookTcl
}
if {$phys_opt} {
    step phys_opt_design $phys_options $phys_directive $phys_preHookTcl $phys_postHookTcl
}
if {$route} {
    step route_design $route_options $route_directive $route_preHookTcl $route_postHookTcl
}
# Once more where little is missing; what is far off would only cost hours.
set slack [get_property SLACK [get_timing_paths]]
if {$route_phys_opt && $slack > -0.4 && $slack < 0} {
    step phys_opt_design $post_phys_options $post_phys_directive $post_phys_preHookTcl \
        $post_phys_postHookTcl
}
report_timing_summary -file $reports/$timestamp.SH_CL_final_timing_summary.rpt
report_utilization -hierarchical -file $reports/$timestamp.SH_CL_utilization.rpt

set dcp $timestamp.SH_CL_routed.dcp
write_checkpoint -force $checkpoints/$dcp
write_checkpoint -force -encrypt $to_aws/$dcp
close_project

set hash [lindex [exec sha256sum $to_aws/$dcp] 0]
set manifest [open $to_aws/$timestamp.manifest.txt w]
foreach {key value} [list \
    manifest_format_version 2 \
    pci_vendor_id $vendor_id \
    pci_device_id $device_id \
    pci_subsystem_id $subsystem_id \
    pci_subsystem_vendor_id $subsystem_vendor_id \
    dcp_hash $hash \
    shell_version $shell_version \
    dcp_file_name $dcp \
    hdk_version $hdk_version \
    tool_version v[string range [version -short] 0 5] \
    date $timestamp \
    clock_recipe_a $clock_recipe_a \
    clock_recipe_b $clock_recipe_b \
    clock_recipe_c $clock_recipe_c] {
    puts $manifest "$key=$value\n"
}
close $manifest
exec tar -C $checkpoints -cf $to_aws/$timestamp.Developer_CL.tar \
    to_aws/$dcp to_aws/$timestamp.manifest.txt
