// VECTOR engine: one operation over a loop nest, memory to memory, one word of lanes per cycle.
// The instruction queue and the registers are here; the work is in npu_vector_datapath.
`default_nettype none

module npu_vector #(
    parameter PC_W                   = 24,
    parameter QUEUE_DEPTH            = 16,         // instructions
    parameter LANES                  = 16,
    parameter ROWS                   = 16,         // activations of an IBUF word; LANES divide it
    parameter ACT_W                  = 8,
    parameter TAPS                   = 3,          // depthwise products per lane and cycle
    parameter ACC_DEPTH              = 512,        // depthwise outputs of a row segment; sweep
    parameter TABLES                 = 4,
    parameter ENABLE_RESIDUAL        = 1,
    parameter ENABLE_LOOKUP          = 1,
    parameter ENABLE_DYNAMIC_WEIGHTS = 1,          // needs ROWS = LANES
    parameter ENABLE_FLOAT           = 0,
    parameter SEGMENTS               = 0,          // of the function unit, needs ENABLE_FLOAT
    parameter CUSTOM_LATENCY         = 0,          // of the slowest custom operation; 0: none
    parameter [63:0] CUSTOM_FLOAT    = 64'd0,      // custom operations with binary32 values
    parameter RD_LATENCY             = 3
) (
    input  wire                   clk,
    input  wire                   rst,
    input  wire                   halt,

    // Instructions.
    input  wire                   cmd_valid,
    output wire                   cmd_ready,
    input  wire [63:0]            cmd_word,
    input  wire [PC_W-1:0]        cmd_pc,

    // Semaphores.
    output wire                   sem_wait_valid,
    input  wire                   sem_wait_ready,
    output wire [15:0]            sem_wait_mask,
    output wire                   sem_signal_valid,
    output wire [15:0]            sem_signal_mask,

    // Retirement.
    output wire                   retire_valid,
    output wire [PC_W-1:0]        retire_pc,
    output wire                   tag_valid,
    output wire [31:0]            tag_value,

    // Report.
    output wire                   idle,
    output wire [3:0]             activity,
    output wire [15:0]            queue_level,
    output wire [3:0]             in_flight,
    output wire [PC_W-1:0]        oldest_pc,
    output wire [15:0]            wait_mask,
    output wire                   fault_valid,
    output wire [7:0]             fault_cause,
    output wire [39:0]            fault_address,

    // IBUF: read clients of operands a and b, write client.
    output wire                   ibuf_a_valid,
    input  wire                   ibuf_a_ready,
    output wire [23:0]            ibuf_a_addr,
    input  wire                   ibuf_a_data_valid,
    input  wire [ROWS*ACT_W-1:0]  ibuf_a_data,
    output wire                   ibuf_b_valid,
    input  wire                   ibuf_b_ready,
    output wire [23:0]            ibuf_b_addr,
    input  wire                   ibuf_b_data_valid,
    input  wire [ROWS*ACT_W-1:0]  ibuf_b_data,
    output wire                   ibuf_wr_valid,
    input  wire                   ibuf_wr_ready,
    output wire [23:0]            ibuf_wr_addr,
    output wire [ROWS-1:0]        ibuf_wr_lanes,
    output wire [ROWS*ACT_W-1:0]  ibuf_wr_data,
    input  wire                   ibuf_range_error,   // of one of these clients
    input  wire [23:0]            ibuf_range_address,

    // VMEM: read clients of operands a, b and of per-lane parameters, write client.
    output wire                   vmem_a_valid,
    input  wire                   vmem_a_ready,
    output wire [23:0]            vmem_a_addr,
    input  wire                   vmem_a_data_valid,
    input  wire [LANES*32-1:0]    vmem_a_data,
    output wire                   vmem_b_valid,
    input  wire                   vmem_b_ready,
    output wire [23:0]            vmem_b_addr,
    input  wire                   vmem_b_data_valid,
    input  wire [LANES*32-1:0]    vmem_b_data,
    output wire                   vmem_param_valid,
    input  wire                   vmem_param_ready,
    output wire [23:0]            vmem_param_addr,
    input  wire                   vmem_param_data_valid,
    input  wire [LANES*32-1:0]    vmem_param_data,
    output wire                   vmem_wr_valid,
    input  wire                   vmem_wr_ready,
    output wire [23:0]            vmem_wr_addr,
    output wire [LANES*32-1:0]    vmem_wr_data,
    input  wire                   vmem_range_error,
    input  wire [23:0]            vmem_range_address,

    // WBUF: word `addr mod ROWS` of tile `addr div ROWS`, as a row or (transpose) as a column.
    output wire                   wbuf_wr_valid,
    input  wire                   wbuf_wr_ready,
    output wire                   wbuf_wr_transpose,
    output wire [23:0]            wbuf_wr_addr,
    output wire [LANES*ACT_W-1:0] wbuf_wr_data,
    input  wire                   wbuf_wr_busy,    // words taken cannot all be used yet

    // Lookup tables and coefficients of the function unit.
    input  wire                   table_wr_en,
    input  wire [23:0]            table_wr_addr,
    input  wire [31:0]            table_wr_data,
    input  wire                   coeff_wr_en,
    input  wire [23:0]            coeff_wr_addr,
    input  wire [31:0]            coeff_wr_data
);

    localparam MAX_LAUNCHES = 4;                   // contexts of the datapath

    wire        reg_write;
    wire [8:0]  reg_number;
    wire [47:0] reg_value;
    wire        launch_valid;
    wire        launch_ready;
    wire [6:0]  launch_function;
    wire [17:0] launch_flags;
    wire        launch_done;
    wire        stall_memory;
    wire        waiting_semaphore;
    wire        has_run;

    npu_sequencer #(
        .PC_W              (PC_W),
        .QUEUE_DEPTH       (QUEUE_DEPTH),
        .MAX_LAUNCHES      (MAX_LAUNCHES)
    ) u_sequencer (
        .clk               (clk),
        .rst               (rst),
        .halt              (halt),
        .cmd_valid         (cmd_valid),
        .cmd_ready         (cmd_ready),
        .cmd_word          (cmd_word),
        .cmd_pc            (cmd_pc),
        .reg_write         (reg_write),
        .reg_number        (reg_number),
        .reg_value         (reg_value),
        .sem_wait_valid    (sem_wait_valid),
        .sem_wait_ready    (sem_wait_ready),
        .sem_wait_mask     (sem_wait_mask),
        .sem_signal_valid  (sem_signal_valid),
        .sem_signal_mask   (sem_signal_mask),
        .launch_valid      (launch_valid),
        .launch_ready      (launch_ready),
        .launch_function   (launch_function),
        .launch_flags      (launch_flags),
        .launch_done       (launch_done),
        .stall_memory      (stall_memory),
        .retire_valid      (retire_valid),
        .retire_pc         (retire_pc),
        .tag_valid         (tag_valid),
        .tag_value         (tag_value),
        .idle              (idle),
        .activity          (activity),
        .waiting_semaphore (waiting_semaphore),
        .has_run           (has_run),
        .queue_level       (queue_level),
        .in_flight         (in_flight),
        .oldest_pc         (oldest_pc),
        .wait_mask         (wait_mask)
    );

    wire bank_conflict;
    wire unused_report = &{1'b0, waiting_semaphore, has_run, bank_conflict};

    wire [15:0]  loop0_count;
    wire [23:0]  loop0_stride;
    wire [15:0]  loop1_count;
    wire [23:0]  loop1_stride;
    wire [15:0]  loop2_count;
    wire [23:0]  loop2_stride;
    wire [15:0]  loop3_count;
    wire [23:0]  loop3_stride;
    wire [15:0]  loop4_count;
    wire [23:0]  loop4_stride;
    wire [15:0]  loop5_count;
    wire [23:0]  loop5_stride;
    wire [23:0]  src1_addr;
    wire [23:0]  src2_addr;
    wire [23:0]  dst_addr;
    wire [23:0]  src2_01_s0;
    wire [23:0]  src2_01_s1;
    wire [23:0]  src2_23_s2;
    wire [23:0]  src2_23_s3;
    wire [23:0]  src2_45_s4;
    wire [23:0]  src2_45_s5;
    wire [23:0]  dst_01_s0;
    wire [23:0]  dst_01_s1;
    wire [23:0]  dst_23_s2;
    wire [23:0]  dst_23_s3;
    wire [23:0]  dst_45_s4;
    wire [23:0]  dst_45_s5;
    wire [15:0]  window_y_start;
    wire [15:0]  window_y_limit;
    wire [15:0]  window_x_start;
    wire [15:0]  window_x_limit;
    wire [7:0]   step_y_s0;
    wire [7:0]   step_y_s1;
    wire [7:0]   step_y_s2;
    wire [7:0]   step_y_s3;
    wire [7:0]   step_y_s4;
    wire [7:0]   step_y_s5;
    wire [7:0]   step_x_s0;
    wire [7:0]   step_x_s1;
    wire [7:0]   step_x_s2;
    wire [7:0]   step_x_s3;
    wire [7:0]   step_x_s4;
    wire [7:0]   step_x_s5;
    wire [31:0]  imm_value;
    wire [31:0]  pad_value;
    wire [31:0]  bias_value;
    wire [31:0]  scale_value;
    wire [23:0]  param_addr;
    wire [15:0]  quant_zero;
    wire [15:0]  quant_min;
    wire [15:0]  quant_max;
    wire [15:0]  res_clamp_min;
    wire [15:0]  res_clamp_max;
    wire [31:0]  res_scale_a_value;
    wire [31:0]  res_scale_b_value;
    wire [31:0]  res_offset_value;
    wire         res_offset_inner;
    wire [3:0]   taps_stride;
    wire [23:0]  taps_tap_stride;
    wire [19:0]  taps_out_stride;
    wire         reduction_across;
    wire         reduction_interleave;
    wire [2:0]   function_mode;
    wire [15:0]  function_base;
    wire [3:0]   function_bits;
    wire [7:0]   function_low;
    wire [7:0]   function_octaves;

    npu_vector_regs u_regs (
        .clk                  (clk),
        .rst                  (rst),
        .reg_write            (reg_write),
        .reg_number           (reg_number),
        .loop0_count          (loop0_count),
        .loop0_stride         (loop0_stride),
        .loop1_count          (loop1_count),
        .loop1_stride         (loop1_stride),
        .loop2_count          (loop2_count),
        .loop2_stride         (loop2_stride),
        .loop3_count          (loop3_count),
        .loop3_stride         (loop3_stride),
        .loop4_count          (loop4_count),
        .loop4_stride         (loop4_stride),
        .loop5_count          (loop5_count),
        .loop5_stride         (loop5_stride),
        .src1_addr            (src1_addr),
        .src2_addr            (src2_addr),
        .dst_addr             (dst_addr),
        .src2_01_s0           (src2_01_s0),
        .src2_01_s1           (src2_01_s1),
        .src2_23_s2           (src2_23_s2),
        .src2_23_s3           (src2_23_s3),
        .src2_45_s4           (src2_45_s4),
        .src2_45_s5           (src2_45_s5),
        .dst_01_s0            (dst_01_s0),
        .dst_01_s1            (dst_01_s1),
        .dst_23_s2            (dst_23_s2),
        .dst_23_s3            (dst_23_s3),
        .dst_45_s4            (dst_45_s4),
        .dst_45_s5            (dst_45_s5),
        .window_y_start       (window_y_start),
        .window_y_limit       (window_y_limit),
        .window_x_start       (window_x_start),
        .window_x_limit       (window_x_limit),
        .step_y_s0            (step_y_s0),
        .step_y_s1            (step_y_s1),
        .step_y_s2            (step_y_s2),
        .step_y_s3            (step_y_s3),
        .step_y_s4            (step_y_s4),
        .step_y_s5            (step_y_s5),
        .step_x_s0            (step_x_s0),
        .step_x_s1            (step_x_s1),
        .step_x_s2            (step_x_s2),
        .step_x_s3            (step_x_s3),
        .step_x_s4            (step_x_s4),
        .step_x_s5            (step_x_s5),
        .imm_value            (imm_value),
        .pad_value            (pad_value),
        .bias_value           (bias_value),
        .scale_value          (scale_value),
        .param_addr           (param_addr),
        .quant_zero           (quant_zero),
        .quant_min            (quant_min),
        .quant_max            (quant_max),
        .res_clamp_min        (res_clamp_min),
        .res_clamp_max        (res_clamp_max),
        .res_scale_a_value    (res_scale_a_value),
        .res_scale_b_value    (res_scale_b_value),
        .res_offset_value     (res_offset_value),
        .res_offset_inner     (res_offset_inner),
        .taps_stride          (taps_stride),
        .taps_tap_stride      (taps_tap_stride),
        .taps_out_stride      (taps_out_stride),
        .reduction_across     (reduction_across),
        .reduction_interleave (reduction_interleave),
        .function_mode        (function_mode),
        .function_base        (function_base),
        .function_bits        (function_bits),
        .function_low         (function_low),
        .function_octaves     (function_octaves),
        .reg_value            (reg_value)
    );

    npu_vector_datapath #(
        .LANES                    (LANES),
        .ROWS                     (ROWS),
        .ACT_W                    (ACT_W),
        .TAPS                     (TAPS),
        .ACC_DEPTH                (ACC_DEPTH),
        .TABLES                   (TABLES),
        .ENABLE_RESIDUAL          (ENABLE_RESIDUAL),
        .ENABLE_LOOKUP            (ENABLE_LOOKUP),
        .ENABLE_DYNAMIC_WEIGHTS   (ENABLE_DYNAMIC_WEIGHTS),
        .ENABLE_FLOAT             (ENABLE_FLOAT),
        .SEGMENTS                 (SEGMENTS),
        .CUSTOM_LATENCY           (CUSTOM_LATENCY),
        .CUSTOM_FLOAT             (CUSTOM_FLOAT),
        .RD_LATENCY               (RD_LATENCY)
    ) u_datapath (
        .clk                      (clk),
        .rst                      (rst),
        .launch_valid             (launch_valid),
        .launch_ready             (launch_ready),
        .launch_function          (launch_function),
        .launch_flags             (launch_flags),
        .launch_done              (launch_done),
        .stall_memory             (stall_memory),
        .bank_conflict            (bank_conflict),
        .fault_valid              (fault_valid),
        .fault_cause              (fault_cause),
        .fault_address            (fault_address),
        .loop0_count              (loop0_count),
        .loop0_stride             (loop0_stride),
        .loop1_count              (loop1_count),
        .loop1_stride             (loop1_stride),
        .loop2_count              (loop2_count),
        .loop2_stride             (loop2_stride),
        .loop3_count              (loop3_count),
        .loop3_stride             (loop3_stride),
        .loop4_count              (loop4_count),
        .loop4_stride             (loop4_stride),
        .loop5_count              (loop5_count),
        .loop5_stride             (loop5_stride),
        .src1_addr                (src1_addr),
        .src2_addr                (src2_addr),
        .dst_addr                 (dst_addr),
        .src2_01_s0               (src2_01_s0),
        .src2_01_s1               (src2_01_s1),
        .src2_23_s2               (src2_23_s2),
        .src2_23_s3               (src2_23_s3),
        .src2_45_s4               (src2_45_s4),
        .src2_45_s5               (src2_45_s5),
        .dst_01_s0                (dst_01_s0),
        .dst_01_s1                (dst_01_s1),
        .dst_23_s2                (dst_23_s2),
        .dst_23_s3                (dst_23_s3),
        .dst_45_s4                (dst_45_s4),
        .dst_45_s5                (dst_45_s5),
        .window_y_start           (window_y_start),
        .window_y_limit           (window_y_limit),
        .window_x_start           (window_x_start),
        .window_x_limit           (window_x_limit),
        .step_y_s0                (step_y_s0),
        .step_y_s1                (step_y_s1),
        .step_y_s2                (step_y_s2),
        .step_y_s3                (step_y_s3),
        .step_y_s4                (step_y_s4),
        .step_y_s5                (step_y_s5),
        .step_x_s0                (step_x_s0),
        .step_x_s1                (step_x_s1),
        .step_x_s2                (step_x_s2),
        .step_x_s3                (step_x_s3),
        .step_x_s4                (step_x_s4),
        .step_x_s5                (step_x_s5),
        .imm_value                (imm_value),
        .pad_value                (pad_value),
        .bias_value               (bias_value),
        .scale_value              (scale_value),
        .param_addr               (param_addr),
        .quant_zero               (quant_zero),
        .quant_min                (quant_min),
        .quant_max                (quant_max),
        .res_clamp_min            (res_clamp_min),
        .res_clamp_max            (res_clamp_max),
        .res_scale_a_value        (res_scale_a_value),
        .res_scale_b_value        (res_scale_b_value),
        .res_offset_value         (res_offset_value),
        .res_offset_inner         (res_offset_inner),
        .taps_stride              (taps_stride),
        .taps_tap_stride          (taps_tap_stride),
        .taps_out_stride          (taps_out_stride),
        .function_mode            (function_mode),
        .function_base            (function_base),
        .function_bits            (function_bits),
        .function_low             (function_low),
        .function_octaves         (function_octaves),
        .reduction_across         (reduction_across),
        .reduction_interleave     (reduction_interleave),
        .ibuf_a_valid             (ibuf_a_valid),
        .ibuf_a_ready             (ibuf_a_ready),
        .ibuf_a_addr              (ibuf_a_addr),
        .ibuf_a_data_valid        (ibuf_a_data_valid),
        .ibuf_a_data              (ibuf_a_data),
        .ibuf_b_valid             (ibuf_b_valid),
        .ibuf_b_ready             (ibuf_b_ready),
        .ibuf_b_addr              (ibuf_b_addr),
        .ibuf_b_data_valid        (ibuf_b_data_valid),
        .ibuf_b_data              (ibuf_b_data),
        .ibuf_wr_valid            (ibuf_wr_valid),
        .ibuf_wr_ready            (ibuf_wr_ready),
        .ibuf_wr_addr             (ibuf_wr_addr),
        .ibuf_wr_lanes            (ibuf_wr_lanes),
        .ibuf_wr_data             (ibuf_wr_data),
        .ibuf_range_error         (ibuf_range_error),
        .ibuf_range_address       (ibuf_range_address),
        .vmem_a_valid             (vmem_a_valid),
        .vmem_a_ready             (vmem_a_ready),
        .vmem_a_addr              (vmem_a_addr),
        .vmem_a_data_valid        (vmem_a_data_valid),
        .vmem_a_data              (vmem_a_data),
        .vmem_b_valid             (vmem_b_valid),
        .vmem_b_ready             (vmem_b_ready),
        .vmem_b_addr              (vmem_b_addr),
        .vmem_b_data_valid        (vmem_b_data_valid),
        .vmem_b_data              (vmem_b_data),
        .vmem_param_valid         (vmem_param_valid),
        .vmem_param_ready         (vmem_param_ready),
        .vmem_param_addr          (vmem_param_addr),
        .vmem_param_data_valid    (vmem_param_data_valid),
        .vmem_param_data          (vmem_param_data),
        .vmem_wr_valid            (vmem_wr_valid),
        .vmem_wr_ready            (vmem_wr_ready),
        .vmem_wr_addr             (vmem_wr_addr),
        .vmem_wr_data             (vmem_wr_data),
        .vmem_range_error         (vmem_range_error),
        .vmem_range_address       (vmem_range_address),
        .wbuf_wr_valid            (wbuf_wr_valid),
        .wbuf_wr_ready            (wbuf_wr_ready),
        .wbuf_wr_transpose        (wbuf_wr_transpose),
        .wbuf_wr_addr             (wbuf_wr_addr),
        .wbuf_wr_data             (wbuf_wr_data),
        .wbuf_wr_busy             (wbuf_wr_busy),
        .table_wr_en              (table_wr_en),
        .table_wr_addr            (table_wr_addr),
        .table_wr_data            (table_wr_data),
        .coeff_wr_en              (coeff_wr_en),
        .coeff_wr_addr            (coeff_wr_addr),
        .coeff_wr_data            (coeff_wr_data)
    );

endmodule

`default_nettype wire
