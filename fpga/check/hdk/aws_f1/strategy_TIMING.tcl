# Stands in for the script of this name in AWS's kit: the names that it sets.
set synth_options "-no_lc -shreg_min_size 5 -fsm_extraction one_hot -resource_sharing off"
set synth_directive default
set psip 0
set link 1
foreach step {opt place phys_opt route route_phys_opt} {
    set $step 1
}
foreach step {opt place phys route post_phys} {
    set ${step}_options ""
    set ${step}_directive Explore
    set ${step}_preHookTcl ""
    set ${step}_postHookTcl ""
}
set place_directive ExtraNetDelay_high
set route_options -tns_cleanup
set opt_preHookTcl $HDK_SHELL_DIR/build/scripts/check_uram.tcl
