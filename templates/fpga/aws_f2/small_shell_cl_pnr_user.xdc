# Areas below the shell's pblock_CL. The DRAM's pins are in SLR2, the shell's PCIe side in SLR1;
# the machine itself is left to the placer.
set cl [[ view.facts.cl_cell ]]

create_pblock pblock_CL_SLR2
resize_pblock pblock_CL_SLR2 -add {CLOCKREGION_X0Y8:CLOCKREGION_X7Y11}
set_property parent pblock_CL [get_pblocks pblock_CL_SLR2]
add_cells_to_pblock pblock_CL_SLR2 [get_cells $cl/SH_DDR]

create_pblock pblock_CL_SLR1
resize_pblock pblock_CL_SLR1 -add {CLOCKREGION_X0Y4:CLOCKREGION_X3Y7}
set_property parent pblock_CL [get_pblocks pblock_CL_SLR1]
add_cells_to_pblock pblock_CL_SLR1 [get_cells [list \
    $cl/NPU_SYSTEM/u_regs $cl/NPU_SYSTEM/u_pcis_port $cl/NPU_SYSTEM/u_irq]]
add_cells_to_pblock pblock_CL_SLR1 [get_cells -quiet -hierarchical \
    -filter "NAME =~ $cl/NPU_SYSTEM/*u_dma"]
