# Areas below the shell's pblock_CL. The DRAM controllers' pins are in the middle region, PCIS and
# OCL at the bottom; the machine itself is left to the placer.
set cl [[ view.facts.cl_cell ]]

create_pblock pblock_CL_mid
resize_pblock pblock_CL_mid -add {CLOCKREGION_X0Y5:CLOCKREGION_X3Y9}
set_property parent pblock_CL [get_pblocks pblock_CL_mid]
add_cells_to_pblock pblock_CL_mid [get_cells $cl/SH_DDR]

create_pblock pblock_CL_bot
resize_pblock pblock_CL_bot -add {CLOCKREGION_X0Y0:CLOCKREGION_X3Y4}
set_property parent pblock_CL [get_pblocks pblock_CL_bot]
add_cells_to_pblock pblock_CL_bot [get_cells [list \
    $cl/NPU_SYSTEM/u_regs $cl/NPU_SYSTEM/u_pcis_port $cl/NPU_SYSTEM/u_irq]]
