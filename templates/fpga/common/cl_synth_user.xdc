# Constraints of the custom logic for synthesis. The shell's clocks are the kit's own: they are
# not defined here.

# Switches and lights change whenever they like.
set_false_path -through [get_ports sh_cl_status_vdip*]
set_false_path -through [get_ports cl_sh_status_vled*]
[% if view.f1 && view.own_clock %]
# Between the shell's clock and the machine's: Gray-coded pointers, one period at most.
set shell_clock [get_clocks -of_objects [get_ports clk_main_a0]]
set npu_clock [get_clocks -of_objects [get_pins NPU_CLOCK/u_mmcm/CLKOUT0]]
set_max_delay -datapath_only [[ view.main_period() ]] -from $shell_clock -to $npu_clock
set_max_delay -datapath_only [[ view.main_period() ]] -from $npu_clock -to $shell_clock
[% endif %]
