# Stands in for the script of this name in AWS's kit: implementation. Violated timing ends in a
# checkpoint of another name, not in an error.
create_project -in_memory -part $DEVICE_TYPE -force
add_files $HDK_SHELL_DIR/build/checkpoints/from_aws/cl_bb_routed.$SHELL_MODE.dcp
add_files $checkpoints_dir/$CL.$TAG.post_synth.dcp
set_property SCOPED_TO_CELLS WRAPPER/CL [get_files $CL.$TAG.post_synth.dcp]
link_design -mode default -reconfig_partitions WRAPPER/CL -top top
read_xdc $HDK_SHELL_DIR/build/constraints/${SHELL_MODE}_level_1_fp_cl.xdc
read_xdc $constraints_dir/${SHELL_MODE}_cl_pnr_user.xdc
opt_design
report_timing -file $reports_dir/$CL.$TAG.post_opt_timing.rpt
place_design -directive $PLACE_DIRECT -no_bufg_opt
phys_opt_design -directive $PHY_OPT_DIRECT
route_design -directive $ROUTE_DIRECT -tns_cleanup
set failed [llength [get_timing_paths -max_paths 1 -slack_lesser_than 0 -setup]]
set suffix [expr {$failed ? "VIOLATED.dcp" : "dcp"}]
write_checkpoint -force $checkpoints_dir/$CL.$TAG.post_route.$suffix
report_timing -file $reports_dir/$CL.$TAG.post_route_timing.rpt
write_debug_probes -no_partial_ltxfile -force $checkpoints_dir/$TAG.debug_probes.ltx
close_design
