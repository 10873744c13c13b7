// npu_vector_datapath between two banked memories, the way the core places it. The other clients
// of the memories are driven by the bench: those of higher priority make refusals, LOAD's write
// port and STORE's read port fill and empty the memories.
`default_nettype none

module vector_bench #(
    parameter LANES           = 4,
    parameter ROWS            = 4,
    parameter ACT_W           = 8,
    parameter TAPS            = 3,
    parameter ACC_DEPTH       = 16,
    parameter TABLES          = 2,
    parameter ENABLE_RESIDUAL = 1,
    parameter ENABLE_LOOKUP   = 1,
    parameter ENABLE_DYNAMIC_WEIGHTS = 0,
    parameter ENABLE_FLOAT    = 0,
    parameter SEGMENTS        = 0,
    parameter NUM_BANKS       = 4,
    parameter BANK_DEPTH      = 64
) (
    input  wire                   clk,
    input  wire                   rst,

    input  wire                   launch_valid,
    output wire                   launch_ready,
    input  wire [6:0]             launch_function,
    input  wire [17:0]            launch_flags,
    output wire                   launch_done,
    output wire                   stall_memory,
    output wire                   bank_conflict,
    output wire                   fault_valid,
    output wire [7:0]             fault_cause,
    output wire [39:0]            fault_address,

    input  wire [15:0]                 loop0_count,
    input  wire [23:0]                 loop0_stride,
    input  wire [15:0]                 loop1_count,
    input  wire [23:0]                 loop1_stride,
    input  wire [15:0]                 loop2_count,
    input  wire [23:0]                 loop2_stride,
    input  wire [15:0]                 loop3_count,
    input  wire [23:0]                 loop3_stride,
    input  wire [15:0]                 loop4_count,
    input  wire [23:0]                 loop4_stride,
    input  wire [15:0]                 loop5_count,
    input  wire [23:0]                 loop5_stride,
    input  wire [23:0]                 src1_addr,
    input  wire [23:0]                 src2_addr,
    input  wire [23:0]                 dst_addr,
    input  wire [23:0]                 src2_01_s0,
    input  wire [23:0]                 src2_01_s1,
    input  wire [23:0]                 src2_23_s2,
    input  wire [23:0]                 src2_23_s3,
    input  wire [23:0]                 src2_45_s4,
    input  wire [23:0]                 src2_45_s5,
    input  wire [23:0]                 dst_01_s0,
    input  wire [23:0]                 dst_01_s1,
    input  wire [23:0]                 dst_23_s2,
    input  wire [23:0]                 dst_23_s3,
    input  wire [23:0]                 dst_45_s4,
    input  wire [23:0]                 dst_45_s5,
    input  wire [15:0]                 window_y_start,
    input  wire [15:0]                 window_y_limit,
    input  wire [15:0]                 window_x_start,
    input  wire [15:0]                 window_x_limit,
    input  wire [7:0]                  step_y_s0,
    input  wire [7:0]                  step_y_s1,
    input  wire [7:0]                  step_y_s2,
    input  wire [7:0]                  step_y_s3,
    input  wire [7:0]                  step_y_s4,
    input  wire [7:0]                  step_y_s5,
    input  wire [7:0]                  step_x_s0,
    input  wire [7:0]                  step_x_s1,
    input  wire [7:0]                  step_x_s2,
    input  wire [7:0]                  step_x_s3,
    input  wire [7:0]                  step_x_s4,
    input  wire [7:0]                  step_x_s5,
    input  wire [31:0]                 imm_value,
    input  wire [31:0]                 pad_value,
    input  wire [31:0]                 bias_value,
    input  wire [31:0]                 scale_value,
    input  wire [23:0]                 param_addr,
    input  wire [15:0]                 quant_zero,
    input  wire [15:0]                 quant_min,
    input  wire [15:0]                 quant_max,
    input  wire [15:0]                 res_clamp_min,
    input  wire [15:0]                 res_clamp_max,
    input  wire [31:0]                 res_scale_a_value,
    input  wire [31:0]                 res_scale_b_value,
    input  wire [31:0]                 res_offset_value,
    input  wire                        res_offset_inner,
    input  wire [3:0]                  taps_stride,
    input  wire [23:0]                 taps_tap_stride,
    input  wire [19:0]                 taps_out_stride,
    input  wire [2:0]                  function_mode,
    input  wire [15:0]                 function_base,
    input  wire [3:0]                  function_bits,
    input  wire [7:0]                  function_low,
    input  wire [7:0]                  function_octaves,
    input  wire                        reduction_across,
    input  wire                        reduction_interleave,

    // Clients of higher priority.
    input  wire [1:0]             other_rd_valid,
    input  wire [47:0]            other_rd_addr,
    input  wire                   other_ibuf_wr_valid,
    input  wire [23:0]            other_ibuf_wr_addr,
    input  wire                   other_vmem_wr_valid,
    input  wire [23:0]            other_vmem_wr_addr,

    // LOAD and STORE.
    input  wire                   fill_ibuf_valid,
    input  wire [23:0]            fill_addr,
    input  wire [ROWS*ACT_W-1:0]  fill_ibuf_data,
    input  wire                   fill_vmem_valid,
    input  wire [LANES*32-1:0]    fill_vmem_data,
    input  wire                   dump_ibuf_valid,
    input  wire                   dump_vmem_valid,
    input  wire [23:0]            dump_addr,
    output wire                   dump_ibuf_data_valid,
    output wire [ROWS*ACT_W-1:0]  dump_ibuf_data,
    output wire                   dump_vmem_data_valid,
    output wire [LANES*32-1:0]    dump_vmem_data,

    output wire                   wbuf_wr_valid,
    input  wire                   wbuf_wr_ready,
    output wire                   wbuf_wr_transpose,
    output wire [23:0]            wbuf_wr_addr,
    output wire [LANES*ACT_W-1:0] wbuf_wr_data,
    input  wire                   wbuf_wr_busy,

    input  wire                   table_wr_en,
    input  wire [23:0]            table_wr_addr,
    input  wire [31:0]            table_wr_data,
    input  wire                   coeff_wr_en,
    input  wire [23:0]            coeff_wr_addr,
    input  wire [31:0]            coeff_wr_data
);

    localparam IBUF_W = ROWS * ACT_W;
    localparam VMEM_W = LANES * 32;

    wire [4:0]          ibuf_rd_valid;
    wire [4:0]          ibuf_rd_ready;
    wire [5*24-1:0]     ibuf_rd_addr;
    wire [4:0]          ibuf_rd_data_valid;
    wire [5*IBUF_W-1:0] ibuf_rd_data;
    wire [2:0]          ibuf_wr_ready;
    wire                ibuf_wr_valid;
    wire [23:0]         ibuf_wr_addr;
    wire [ROWS-1:0]     ibuf_wr_lanes;
    wire [IBUF_W-1:0]   ibuf_wr_data;
    wire [4:0]          ibuf_rd_range_error;
    wire [2:0]          ibuf_wr_range_error;
    wire [23:0]         ibuf_range_address;

    wire [3:0]          vmem_rd_valid;
    wire [3:0]          vmem_rd_ready;
    wire [4*24-1:0]     vmem_rd_addr;
    wire [3:0]          vmem_rd_data_valid;
    wire [4*VMEM_W-1:0] vmem_rd_data;
    wire [2:0]          vmem_wr_ready;
    wire                vmem_wr_valid;
    wire [23:0]         vmem_wr_addr;
    wire [VMEM_W-1:0]   vmem_wr_data;
    wire [3:0]          vmem_rd_range_error;
    wire [2:0]          vmem_wr_range_error;
    wire [23:0]         vmem_range_address;

    assign ibuf_rd_valid[1:0]   = other_rd_valid;
    assign ibuf_rd_addr[47:0]   = other_rd_addr;
    assign ibuf_rd_valid[4]     = dump_ibuf_valid;
    assign ibuf_rd_addr[119:96] = dump_addr;
    assign dump_ibuf_data_valid = ibuf_rd_data_valid[4];
    assign dump_ibuf_data       = ibuf_rd_data[4*IBUF_W +: IBUF_W];
    assign vmem_rd_valid[3]     = dump_vmem_valid;
    assign vmem_rd_addr[95:72]  = dump_addr;
    assign dump_vmem_data_valid = vmem_rd_data_valid[3];
    assign dump_vmem_data       = vmem_rd_data[3*VMEM_W +: VMEM_W];

    npu_banked_ram #(
        .NUM_BANKS      (NUM_BANKS),
        .BANK_DEPTH     (BANK_DEPTH),
        .LANES          (ROWS),
        .LANE_W         (ACT_W),
        .NUM_RD         (5),
        .NUM_WR         (3)
    ) u_ibuf (
        .clk            (clk),
        .rst            (rst),
        .rd_valid       (ibuf_rd_valid),
        .rd_ready       (ibuf_rd_ready),
        .rd_addr        (ibuf_rd_addr),
        .rd_data_valid  (ibuf_rd_data_valid),
        .rd_data        (ibuf_rd_data),
        .wr_valid       ({fill_ibuf_valid, ibuf_wr_valid, other_ibuf_wr_valid}),
        .wr_ready       (ibuf_wr_ready),
        .wr_addr        ({fill_addr, ibuf_wr_addr, other_ibuf_wr_addr}),
        .wr_lanes       ({{ROWS{1'b1}}, ibuf_wr_lanes, {ROWS{1'b0}}}),
        .wr_data        ({fill_ibuf_data, ibuf_wr_data, {IBUF_W{1'b1}}}),
        .rd_range_error (ibuf_rd_range_error),
        .wr_range_error (ibuf_wr_range_error),
        .range_address  (ibuf_range_address)
    );

    npu_banked_ram #(
        .NUM_BANKS      (NUM_BANKS),
        .BANK_DEPTH     (BANK_DEPTH),
        .LANES          (LANES),
        .LANE_W         (32),
        .NUM_RD         (4),
        .NUM_WR         (3)
    ) u_vmem (
        .clk            (clk),
        .rst            (rst),
        .rd_valid       (vmem_rd_valid),
        .rd_ready       (vmem_rd_ready),
        .rd_addr        (vmem_rd_addr),
        .rd_data_valid  (vmem_rd_data_valid),
        .rd_data        (vmem_rd_data),
        .wr_valid       ({fill_vmem_valid, vmem_wr_valid, other_vmem_wr_valid}),
        .wr_ready       (vmem_wr_ready),
        .wr_addr        ({fill_addr, vmem_wr_addr, other_vmem_wr_addr}),
        .wr_lanes       ({{(2*LANES){1'b1}}, {LANES{1'b0}}}),
        .wr_data        ({fill_vmem_data, vmem_wr_data, {VMEM_W{1'b1}}}),
        .rd_range_error (vmem_rd_range_error),
        .wr_range_error (vmem_wr_range_error),
        .range_address  (vmem_range_address)
    );

    npu_vector_datapath #(
        .LANES                  (LANES),
        .ROWS                   (ROWS),
        .ACT_W                  (ACT_W),
        .TAPS                   (TAPS),
        .ACC_DEPTH              (ACC_DEPTH),
        .TABLES                 (TABLES),
        .ENABLE_RESIDUAL        (ENABLE_RESIDUAL),
        .ENABLE_LOOKUP          (ENABLE_LOOKUP),
        .ENABLE_DYNAMIC_WEIGHTS (ENABLE_DYNAMIC_WEIGHTS),
        .ENABLE_FLOAT           (ENABLE_FLOAT),
        .SEGMENTS               (SEGMENTS)
    ) dut (
        .clk                    (clk),
        .rst                    (rst),
        .launch_valid           (launch_valid),
        .launch_ready           (launch_ready),
        .launch_function        (launch_function),
        .launch_flags           (launch_flags),
        .launch_done            (launch_done),
        .stall_memory           (stall_memory),
        .bank_conflict          (bank_conflict),
        .fault_valid            (fault_valid),
        .fault_cause            (fault_cause),
        .fault_address          (fault_address),
        .loop0_count            (loop0_count),
        .loop0_stride           (loop0_stride),
        .loop1_count            (loop1_count),
        .loop1_stride           (loop1_stride),
        .loop2_count            (loop2_count),
        .loop2_stride           (loop2_stride),
        .loop3_count            (loop3_count),
        .loop3_stride           (loop3_stride),
        .loop4_count            (loop4_count),
        .loop4_stride           (loop4_stride),
        .loop5_count            (loop5_count),
        .loop5_stride           (loop5_stride),
        .src1_addr              (src1_addr),
        .src2_addr              (src2_addr),
        .dst_addr               (dst_addr),
        .src2_01_s0             (src2_01_s0),
        .src2_01_s1             (src2_01_s1),
        .src2_23_s2             (src2_23_s2),
        .src2_23_s3             (src2_23_s3),
        .src2_45_s4             (src2_45_s4),
        .src2_45_s5             (src2_45_s5),
        .dst_01_s0              (dst_01_s0),
        .dst_01_s1              (dst_01_s1),
        .dst_23_s2              (dst_23_s2),
        .dst_23_s3              (dst_23_s3),
        .dst_45_s4              (dst_45_s4),
        .dst_45_s5              (dst_45_s5),
        .window_y_start         (window_y_start),
        .window_y_limit         (window_y_limit),
        .window_x_start         (window_x_start),
        .window_x_limit         (window_x_limit),
        .step_y_s0              (step_y_s0),
        .step_y_s1              (step_y_s1),
        .step_y_s2              (step_y_s2),
        .step_y_s3              (step_y_s3),
        .step_y_s4              (step_y_s4),
        .step_y_s5              (step_y_s5),
        .step_x_s0              (step_x_s0),
        .step_x_s1              (step_x_s1),
        .step_x_s2              (step_x_s2),
        .step_x_s3              (step_x_s3),
        .step_x_s4              (step_x_s4),
        .step_x_s5              (step_x_s5),
        .imm_value              (imm_value),
        .pad_value              (pad_value),
        .bias_value             (bias_value),
        .scale_value            (scale_value),
        .param_addr             (param_addr),
        .quant_zero             (quant_zero),
        .quant_min              (quant_min),
        .quant_max              (quant_max),
        .res_clamp_min          (res_clamp_min),
        .res_clamp_max          (res_clamp_max),
        .res_scale_a_value      (res_scale_a_value),
        .res_scale_b_value      (res_scale_b_value),
        .res_offset_value       (res_offset_value),
        .res_offset_inner       (res_offset_inner),
        .taps_stride            (taps_stride),
        .taps_tap_stride        (taps_tap_stride),
        .taps_out_stride        (taps_out_stride),
        .function_mode          (function_mode),
        .function_base          (function_base),
        .function_bits          (function_bits),
        .function_low           (function_low),
        .function_octaves       (function_octaves),
        .reduction_across       (reduction_across),
        .reduction_interleave   (reduction_interleave),
        .ibuf_a_valid           (ibuf_rd_valid[2]),
        .ibuf_a_ready           (ibuf_rd_ready[2]),
        .ibuf_a_addr            (ibuf_rd_addr[71:48]),
        .ibuf_a_data_valid      (ibuf_rd_data_valid[2]),
        .ibuf_a_data            (ibuf_rd_data[2*IBUF_W +: IBUF_W]),
        .ibuf_b_valid           (ibuf_rd_valid[3]),
        .ibuf_b_ready           (ibuf_rd_ready[3]),
        .ibuf_b_addr            (ibuf_rd_addr[95:72]),
        .ibuf_b_data_valid      (ibuf_rd_data_valid[3]),
        .ibuf_b_data            (ibuf_rd_data[3*IBUF_W +: IBUF_W]),
        .ibuf_wr_valid          (ibuf_wr_valid),
        .ibuf_wr_ready          (ibuf_wr_ready[1]),
        .ibuf_wr_addr           (ibuf_wr_addr),
        .ibuf_wr_lanes          (ibuf_wr_lanes),
        .ibuf_wr_data           (ibuf_wr_data),
        .ibuf_range_error       (|ibuf_rd_range_error[3:2] || ibuf_wr_range_error[1]),
        .ibuf_range_address     (ibuf_range_address),
        .vmem_a_valid           (vmem_rd_valid[0]),
        .vmem_a_ready           (vmem_rd_ready[0]),
        .vmem_a_addr            (vmem_rd_addr[23:0]),
        .vmem_a_data_valid      (vmem_rd_data_valid[0]),
        .vmem_a_data            (vmem_rd_data[VMEM_W-1:0]),
        .vmem_b_valid           (vmem_rd_valid[1]),
        .vmem_b_ready           (vmem_rd_ready[1]),
        .vmem_b_addr            (vmem_rd_addr[47:24]),
        .vmem_b_data_valid      (vmem_rd_data_valid[1]),
        .vmem_b_data            (vmem_rd_data[VMEM_W +: VMEM_W]),
        .vmem_param_valid       (vmem_rd_valid[2]),
        .vmem_param_ready       (vmem_rd_ready[2]),
        .vmem_param_addr        (vmem_rd_addr[71:48]),
        .vmem_param_data_valid  (vmem_rd_data_valid[2]),
        .vmem_param_data        (vmem_rd_data[2*VMEM_W +: VMEM_W]),
        .vmem_wr_valid          (vmem_wr_valid),
        .vmem_wr_ready          (vmem_wr_ready[1]),
        .vmem_wr_addr           (vmem_wr_addr),
        .vmem_wr_data           (vmem_wr_data),
        .vmem_range_error       (|vmem_rd_range_error[2:0] || vmem_wr_range_error[1]),
        .vmem_range_address     (vmem_range_address),
        .wbuf_wr_valid          (wbuf_wr_valid),
        .wbuf_wr_ready          (wbuf_wr_ready),
        .wbuf_wr_transpose      (wbuf_wr_transpose),
        .wbuf_wr_addr           (wbuf_wr_addr),
        .wbuf_wr_data           (wbuf_wr_data),
        .wbuf_wr_busy           (wbuf_wr_busy),
        .table_wr_en            (table_wr_en),
        .table_wr_addr          (table_wr_addr),
        .table_wr_data          (table_wr_data),
        .coeff_wr_en            (coeff_wr_en),
        .coeff_wr_addr          (coeff_wr_addr),
        .coeff_wr_data          (coeff_wr_data)
    );

    wire unused_other = &{1'b0, ibuf_rd_ready[4], ibuf_rd_ready[1:0], ibuf_rd_data_valid[1:0],
                          ibuf_rd_data[2*IBUF_W-1:0], ibuf_wr_ready[2], ibuf_wr_ready[0],
                          ibuf_rd_range_error[4], ibuf_rd_range_error[1:0], ibuf_wr_range_error[2],
                          ibuf_wr_range_error[0], vmem_rd_ready[3], vmem_wr_ready[2],
                          vmem_wr_ready[0], vmem_rd_range_error[3], vmem_wr_range_error[2],
                          vmem_wr_range_error[0]};

endmodule

`default_nettype wire
