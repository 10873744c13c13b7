# Areas below the shell's pblock_CL, in the clock regions that are whole in it. The DRAM's pins are
# in SLR2, the shell's PCIe side in SLR1; the machine itself is left to the placer.
create_pblock pblock_CL_SLR2
resize_pblock pblock_CL_SLR2 -add {CLOCKREGION_X0Y8:CLOCKREGION_X7Y11}
set_property parent pblock_CL [get_pblocks pblock_CL_SLR2]
add_cells_to_pblock pblock_CL_SLR2 [get_cells [[ view.facts.cl_cell ]]/SH_DDR]

create_pblock pblock_CL_SLR1
resize_pblock pblock_CL_SLR1 -add {CLOCKREGION_X0Y4:CLOCKREGION_X3Y7}
resize_pblock pblock_CL_SLR1 -add {CLOCKREGION_X4Y4:CLOCKREGION_X4Y4}
resize_pblock pblock_CL_SLR1 -add {CLOCKREGION_X4Y6:CLOCKREGION_X4Y7}
resize_pblock pblock_CL_SLR1 -add {CLOCKREGION_X5Y4:CLOCKREGION_X5Y7}
set_property SNAPPING_MODE ON [get_pblocks pblock_CL_SLR1]
set_property parent pblock_CL [get_pblocks pblock_CL_SLR1]
add_cells_to_pblock pblock_CL_SLR1 [get_cells [list \
[%- for cell in view.host_cells() %]
    [[ cell ]] \
[%- endfor %]
]]
add_cells_to_pblock pblock_CL_SLR1 [get_cells -quiet -hierarchical \
    -filter {NAME =~ [[ view.facts.cl_cell ]]/NPU_SYSTEM/*u_dma}]
