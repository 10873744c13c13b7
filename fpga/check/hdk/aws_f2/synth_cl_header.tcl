# Stands in for the script of this name in AWS's kit: the project, its sources and constraints.
set_param sta.enableAutoGenClkNamePersistence 0
create_project -in_memory -part $DEVICE_TYPE -force
set_property XPM_LIBRARIES {XPM_CDC XPM_MEMORY XPM_FIFO} [current_project]
read_verilog -sv [list \
    $HDK_SHELL_DESIGN_DIR/sh_ddr/synth/sh_ddr.sv $HDK_SHELL_DESIGN_DIR/interfaces/cl_ports.vh]
read_xdc $HDK_SHELL_DIR/build/constraints/cl_pins.xdc
read_xdc $CL_DIR/build/constraints/generated_cl_clocks_aws.xdc
read_xdc -ref $CL $HDK_SHELL_DIR/build/constraints/cl_ddr_timing_aws.xdc
set_property PROCESSING_ORDER EARLY [get_files generated_cl_clocks_aws.xdc]
