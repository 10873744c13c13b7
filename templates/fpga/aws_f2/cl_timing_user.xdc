# Timing of the custom logic, read after all other constraints. The clock of an MMCM inside is
# derived by the tool from its settings.
[% if view.own_clock %]
# Between the shell's clock and the machine's: Gray-coded pointers, one period at most.
set shell_clock [get_clocks -of_objects [get_ports clk_main_a0]]
set npu_clock [get_clocks -of_objects [get_pins NPU_CLOCK/u_mmcm/CLKOUT0]]
set_max_delay -datapath_only [[ view.main_period() ]] -from $shell_clock -to $npu_clock
set_max_delay -datapath_only [[ view.main_period() ]] -from $npu_clock -to $shell_clock
[% endif %]
