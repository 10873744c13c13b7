# Areas below the shell's pblock_CL, in the clock regions that AWS' cl_dram_dma takes. PCIS and OCL
# are at the bottom; the machine itself is left to the placer.
create_pblock pblock_CL_bot
resize_pblock pblock_CL_bot -add {CLOCKREGION_X0Y0:CLOCKREGION_X3Y4}
set_property parent pblock_CL [get_pblocks pblock_CL_bot]
add_cells_to_pblock pblock_CL_bot [get_cells [list \
[%- for cell in view.host_cells() %]
    [[ cell ]] \
[%- endfor %]
]]
[%- if let Some(controller) = view.controller %]

# The controller of DRAM channel [[ view.memory ]], beside its pins.
[%- if controller.pblock != "pblock_CL_bot" %]
create_pblock [[ controller.pblock ]]
resize_pblock [[ controller.pblock ]] -add {[[ controller.regions ]]}
set_property parent pblock_CL [get_pblocks [[ controller.pblock ]]]
[%- endif %]
[%- for part in controller.parts %]
add_cells_to_pblock [[ controller.pblock ]] [get_cells -quiet -hierarchical \
    -filter {NAME =~ [[ view.facts.cl_cell ]]/SH_DDR/[[ part ]]*}]
[%- endfor %]
[%- endif %]

# The shell's debug bridge has a clock of its own, in step with no other.
set tck_pin [get_pins -hierarchical -filter {NAME =~ static_sh/SH_DEBUG_BRIDGE/*U_TAP_TCKBUFG/O}]
set main_pin [get_pins -hierarchical \
    -filter {NAME =~ WRAPPER_INST/SH/*/clkwiz_sys_clk/*/mmcme3_adv_inst/CLKOUT0}]
set pcie_pin [get_pins -hierarchical -filter {NAME =~ static_sh/pcie_inst/*bufg_gt_userclk/O}]
set_clock_groups -name debug_main -asynchronous \
    -group [get_clocks -of_objects $tck_pin] -group [get_clocks -of_objects $main_pin]
set_clock_groups -name debug_drck -asynchronous \
    -group [get_clocks -of_objects $tck_pin] -group [get_clocks drck]
set_clock_groups -name debug_pcie -asynchronous \
    -group [get_clocks -of_objects $tck_pin] -group [get_clocks -of_objects $pcie_pin]
