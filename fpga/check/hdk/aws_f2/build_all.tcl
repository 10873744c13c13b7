# Stands in for the script of this name in AWS's kit: the names that it gives to a design's own
# scripts, and the order in which it calls them.
proc print {message} {
    puts "kit: $message"
}
lassign $argv PLACE_DIRECT PHY_OPT_DIRECT ROUTE_DIRECT clock_recipe_a clock_recipe_b \
    clock_recipe_c clock_recipe_hbm
set DEVICE_TYPE xcvu47p-fsvh2892-2-e
set TAG $::env(BUILD_TAG)
foreach name {CL SHELL_MODE CL_DIR HDK_SHELL_DIR HDK_SHELL_DESIGN_DIR HDK_COMMON_DIR \
    HDK_IP_SRC_DIR VIVADO_TOOL_VERSION} {
    set $name $::env($name)
}
set scripts_dir [pwd]
set build_dir [file dirname $scripts_dir]
set design_dir $CL_DIR/design
set constraints_dir $build_dir/constraints
set reports_dir $build_dir/reports
set checkpoints_dir $build_dir/checkpoints
set src_post_enc_dir $build_dir/src_post_encryption
file mkdir $reports_dir $checkpoints_dir $src_post_enc_dir

source $HDK_SHELL_DIR/build/scripts/aws_gen_clk_constraints.tcl
source encrypt.tcl
source $scripts_dir/synth_$CL.tcl
source $scripts_dir/build_level_1_cl.tcl
