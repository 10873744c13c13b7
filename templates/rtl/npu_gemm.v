// GEMM engine: streams activations through weight tiles, accumulates and post-processes. Four
// sequencers, each with its own queue of launches, work one behind the other: weights, activations,
// residual, output. So the next launch's weights load while the present one streams, and its first
// vector follows the last one without a gap.
`default_nettype none

module npu_gemm #(
    parameter ROWS            = 16,
    parameter COLS            = 16,
    parameter ACT_W           = 8,
    parameter WGT_W           = 8,
    parameter SEGMENTS        = (ROWS + 15) / 16,  // derived
    parameter SEG_ROWS        = (ROWS + SEGMENTS - 1) / SEGMENTS,  // derived
    parameter LANES           = 16,                // of VMEM
    parameter OBUF_DEPTH      = 512,               // vectors
    parameter WBUF_DEPTH      = 1024,              // words, a power of two
    parameter TABLES          = 4,
    parameter CELL            = 1,                 // 0 dsp48e2, 1 generic, 2 simulation
    parameter PACKED          = 1,                 // weights of -2^(WGT_W-1) are a fault
    parameter ENABLE_RESIDUAL = 1,
    parameter ENABLE_LOOKUP   = 1,
    parameter RD_LATENCY      = 3,                 // of IBUF
    parameter PC_W            = 24,
    parameter QUEUE_DEPTH     = 16
) (
    input  wire                           clk,
    input  wire                           rst,
    input  wire                           halt,    // stops the issue at once

    input  wire                           cmd_valid,
    output wire                           cmd_ready,
    input  wire [63:0]                    cmd_word,
    input  wire [PC_W-1:0]                cmd_pc,
    output wire                           sem_wait_valid,
    input  wire                           sem_wait_ready,
    output wire [15:0]                    sem_wait_mask,
    output wire                           sem_signal_valid,
    output wire [15:0]                    sem_signal_mask,
    output wire                           retire_valid,
    output wire [PC_W-1:0]                retire_pc,
    output wire                           tag_valid,
    output wire [31:0]                    tag_value,
    output wire                           idle,
    output wire [3:0]                     activity,
    output wire [15:0]                    queue_level,
    output wire [3:0]                     in_flight,
    output wire [PC_W-1:0]                oldest_pc,
    output wire [15:0]                    wait_mask,
    output wire                           fault_valid,
    output wire [7:0]                     fault_cause,
    output wire [39:0]                    fault_address,

    // Weights and parameters: data two cycles after the request, never refused.
    output wire                           wbuf_rd_valid,
    output wire [23:0]                    wbuf_rd_addr,
    input  wire                           wbuf_rd_data_valid,
    input  wire [SEGMENTS*COLS*WGT_W-1:0] wbuf_rd_data,
    output wire                           pbuf_rd_valid,
    output wire [23:0]                    pbuf_rd_addr,
    input  wire [COLS*64-1:0]             pbuf_rd_data,
    input  wire                           pbuf_rd_range_error,
    input  wire                           table_wr_en,
    input  wire [23:0]                    table_wr_addr,
    input  wire [31:0]                    table_wr_data,

    // IBUF: activations (never refused), residual, results (never refused).
    output wire                           x_rd_valid,
    output wire [23:0]                    x_rd_addr,
    input  wire [ROWS*ACT_W-1:0]          x_rd_data,
    output wire                           res_rd_valid,
    input  wire                           res_rd_ready,
    output wire [23:0]                    res_rd_addr,
    input  wire                           res_rd_data_valid,
    input  wire [ROWS*ACT_W-1:0]          res_rd_data,
    output wire                           ibuf_wr_valid,
    output wire [23:0]                    ibuf_wr_addr,
    output wire [ROWS-1:0]                ibuf_wr_lanes,
    output wire [ROWS*ACT_W-1:0]          ibuf_wr_data,

    // VMEM: wide results (never refused).
    output wire                           vmem_wr_valid,
    output wire [23:0]                    vmem_wr_addr,
    output wire [LANES-1:0]               vmem_wr_lanes,
    output wire [LANES*32-1:0]            vmem_wr_data,

    // One of this engine's accesses to IBUF or VMEM was out of range.
    input  wire                           range_error,
    input  wire [23:0]                    range_address,

    // Counters: cycles in which a vector was issued, or could not be and why.
    output wire                           array_active,
    output wire                           bubble_weights,
    output wire                           bubble_residual,
    output wire                           bubble_other
);

    localparam META_W        = 38;
    localparam ARRAY_LATENCY = SEG_ROWS + (COLS + 1) / 2 + 3 + $clog2(SEGMENTS);
    localparam META_DEPTH    = 1 << $clog2(ARRAY_LATENCY + RD_LATENCY + 2);
    // From the claim of a residual vector to its use 13 cycles after its sum, and some ahead.
    localparam RES_DEPTH     = 1 << $clog2(ARRAY_LATENCY + RD_LATENCY + 13 + 16);
    localparam ACT_BEATS     = (COLS > ROWS) ? COLS / ROWS : 1;
    localparam WIDE_BEATS    = (COLS > LANES) ? COLS / LANES : 1;
    localparam [6:0] FN_ACT  = 7'd0;

    localparam [7:0] CAUSE_CONFIGURATION = 8'd4;
    localparam [7:0] CAUSE_RANGE         = 8'd5;
    localparam [7:0] CAUSE_WEIGHT        = 8'd9;

    // ---- Instructions and registers ------------------------------------------------------------

    wire        reg_write;
    wire [8:0]  reg_number;
    wire [47:0] reg_value;
    wire        launch_valid;
    wire [6:0]  launch_function;
    wire [17:0] launch_flags;
    wire        launch_legal;                      // the launch beat
    wire        launch_done;
    wire        unused_waiting;
    wire        unused_has_run;

    npu_sequencer #(
        .PC_W              (PC_W),
        .QUEUE_DEPTH       (QUEUE_DEPTH),
        .MAX_LAUNCHES      (4)
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
        .launch_ready      (launch_legal),
        .launch_function   (launch_function),
        .launch_flags      (launch_flags),
        .launch_done       (launch_done),
        .stall_memory      (bubble_residual),
        .retire_valid      (retire_valid),
        .retire_pc         (retire_pc),
        .tag_valid         (tag_valid),
        .tag_value         (tag_value),
        .idle              (idle),
        .activity          (activity),
        .waiting_semaphore (unused_waiting),
        .has_run           (unused_has_run),
        .queue_level       (queue_level),
        .in_flight         (in_flight),
        .oldest_pc         (oldest_pc),
        .wait_mask         (wait_mask)
    );

    wire [23:0]  x_addr;
    wire [15:0]  ow_count;
    wire [23:0]  ow_stride;
    wire [15:0]  oh_count;
    wire [23:0]  oh_stride;
    wire [15:0]  kc_count;
    wire [23:0]  kc_stride;
    wire [15:0]  kw_count;
    wire [23:0]  kw_stride;
    wire [15:0]  kh_count;
    wire [23:0]  kh_stride;
    wire [15:0]  n_count;
    wire [23:0]  n_stride;
    wire [15:0]  window_y_start;
    wire [15:0]  window_y_limit;
    wire [7:0]  window_y_step_oh;
    wire [7:0]  window_y_step_kh;
    wire [15:0]  window_x_start;
    wire [15:0]  window_x_limit;
    wire [7:0]  window_x_step_ow;
    wire [7:0]  window_x_step_kw;
    wire [15:0]  pad_value;
    wire [23:0]  w_addr;
    wire [15:0]  obuf_addr;
    wire [15:0]  param_addr;
    wire [23:0]  out_addr;
    wire [15:0]  out_first;
    wire [23:0]  out_stride_ow;
    wire [23:0]  out_stride_oh;
    wire [23:0]  out_block_stride;
    wire [23:0]  res_addr;
    wire [15:0]  res_first;
    wire [23:0]  res_stride_ow;
    wire [23:0]  res_stride_oh;
    wire [23:0]  res_block_stride;
    wire [15:0]  quant_zero;
    wire [15:0]  quant_min;
    wire [15:0]  quant_max;
    wire [15:0]  res_clamp_min;
    wire [15:0]  res_clamp_max;
    wire [31:0]  res_scale_a_value;
    wire [31:0]  res_scale_b_value;
    wire [31:0]  res_offset_value;
    wire         res_offset_inner;

    npu_gemm_regs u_regs (
        .clk                (clk),
        .rst                (rst),
        .reg_write          (reg_write),
        .reg_number         (reg_number),
        .reg_value          (reg_value),
        .x_addr             (x_addr),
        .ow_count           (ow_count),
        .ow_stride          (ow_stride),
        .oh_count           (oh_count),
        .oh_stride          (oh_stride),
        .kc_count           (kc_count),
        .kc_stride          (kc_stride),
        .kw_count           (kw_count),
        .kw_stride          (kw_stride),
        .kh_count           (kh_count),
        .kh_stride          (kh_stride),
        .n_count            (n_count),
        .n_stride           (n_stride),
        .window_y_start     (window_y_start),
        .window_y_limit     (window_y_limit),
        .window_y_step_oh   (window_y_step_oh),
        .window_y_step_kh   (window_y_step_kh),
        .window_x_start     (window_x_start),
        .window_x_limit     (window_x_limit),
        .window_x_step_ow   (window_x_step_ow),
        .window_x_step_kw   (window_x_step_kw),
        .pad_value          (pad_value),
        .w_addr             (w_addr),
        .obuf_addr          (obuf_addr),
        .param_addr         (param_addr),
        .out_addr           (out_addr),
        .out_first          (out_first),
        .out_stride_ow      (out_stride_ow),
        .out_stride_oh      (out_stride_oh),
        .out_block_stride   (out_block_stride),
        .res_addr           (res_addr),
        .res_first          (res_first),
        .res_stride_ow      (res_stride_ow),
        .res_stride_oh      (res_stride_oh),
        .res_block_stride   (res_block_stride),
        .quant_zero         (quant_zero),
        .quant_min          (quant_min),
        .quant_max          (quant_max),
        .res_clamp_min      (res_clamp_min),
        .res_clamp_max      (res_clamp_max),
        .res_scale_a_value  (res_scale_a_value),
        .res_scale_b_value  (res_scale_b_value),
        .res_offset_value   (res_offset_value),
        .res_offset_inner   (res_offset_inner)
    );

    // ---- Launch --------------------------------------------------------------------------------

    wire       launch_illegal;
    wire       accumulate = launch_flags[0];
    wire       keep       = launch_flags[1];
    wire       residual   = launch_flags[2];
    wire       lookup     = launch_flags[3];
    wire [2:0] table_number = launch_flags[6:4];
    wire       act        = (launch_function == FN_ACT);
    wire [7:0] out_position;
    wire [7:0] res_position;
    reg  [1:0] context_q;                          // of the next launch: four may be in flight

    wire [95:0] counts = {n_count, kh_count, kw_count, kc_count, oh_count, ow_count};
    wire        unused_flags = &{1'b0, launch_flags[17:7]};

    always @(posedge clk) begin
        if (rst) begin
            context_q <= 2'd0;
        end else if (launch_legal) begin
            context_q <= context_q + 2'd1;
        end
    end

    npu_gemm_check #(
        .ROWS            (ROWS),
        .COLS            (COLS),
        .LANES           (LANES),
        .ACT_W           (ACT_W),
        .OBUF_DEPTH      (OBUF_DEPTH),
        .TABLES          (TABLES),
        .ENABLE_RESIDUAL (ENABLE_RESIDUAL),
        .ENABLE_LOOKUP   (ENABLE_LOOKUP)
    ) u_check (
        .clk             (clk),
        .rst             (rst),
        .launch_valid    (launch_valid),
        .launch_function (launch_function),
        .accumulate      (accumulate),
        .keep            (keep),
        .residual        (residual),
        .lookup          (lookup),
        .lookup_table    (table_number),
        .count           (counts),
        .obuf_addr       (obuf_addr),
        .out_first       (out_first),
        .res_first       (res_first),
        .quant_min       (quant_min),
        .quant_max       (quant_max),
        .res_clamp_min   (res_clamp_min),
        .res_clamp_max   (res_clamp_max),
        .accepted        (launch_legal),
        .legal           (launch_legal),
        .illegal         (launch_illegal),
        .out_position    (out_position),
        .res_position    (res_position)
    );

    // ---- Weights -------------------------------------------------------------------------------

    wire                           weights_ready;
    wire                           weights_claim;
    wire                           w_valid;
    wire                           w_first;
    wire [SEGMENTS*COLS*WGT_W-1:0] w;
    wire                           weight_fault;
    wire [23:0]                    weight_fault_address;

    npu_weight_loader #(
        .WORDS_W            (SEGMENTS * COLS * WGT_W),
        .WGT_W              (WGT_W),
        .SEG_ROWS           (SEG_ROWS),
        .ROWS               (ROWS),
        .COLS               (COLS),
        .DEPTH              (WBUF_DEPTH),
        .PACKED             (PACKED)
    ) u_weights (
        .clk                (clk),
        .rst                (rst),
        .halt               (halt),
        .launch             (launch_legal),
        .launch_addr        (w_addr),
        .launch_count       (counts[95:32]),
        .wbuf_rd_valid      (wbuf_rd_valid),
        .wbuf_rd_addr       (wbuf_rd_addr),
        .wbuf_rd_data_valid (wbuf_rd_data_valid),
        .wbuf_rd_data       (wbuf_rd_data),
        .ready              (weights_ready),
        .claim              (weights_claim),
        .w_valid            (w_valid),
        .w_first            (w_first),
        .w                  (w),
        .fault_valid        (weight_fault),
        .fault_address      (weight_fault_address)
    );

    // ---- Activations ---------------------------------------------------------------------------

    wire                  residual_ready;
    wire                  residual_claim;
    wire                  x_valid;
    wire                  x_first;
    wire [ROWS*ACT_W-1:0] x;
    wire                  meta_valid;
    wire [META_W-1:0]     meta;

    npu_gemm_issue #(
        .ROWS              (ROWS),
        .ACT_W             (ACT_W),
        .RD_LATENCY        (RD_LATENCY)
    ) u_issue (
        .clk               (clk),
        .rst               (rst),
        .halt              (halt),
        .launch            (launch_legal),
        .launch_context    (context_q),
        .launch_accumulate (accumulate),
        .launch_keep       (keep),
        .launch_residual   (residual),
        .launch_beats      (act ? ACT_BEATS[8:0] : WIDE_BEATS[8:0]),
        .launch_addr       (x_addr),
        .launch_count      (counts),
        .launch_stride     ({n_stride, kh_stride, kw_stride, kc_stride, oh_stride, ow_stride}),
        .launch_window_y   ({window_y_step_kh, window_y_step_oh, window_y_limit, window_y_start}),
        .launch_window_x   ({window_x_step_kw, window_x_step_ow, window_x_limit, window_x_start}),
        .launch_pad        (pad_value[ACT_W-1:0]),
        .launch_obuf       (obuf_addr),
        .launch_param      (param_addr),
        .weights_ready     (weights_ready),
        .weights_claim     (weights_claim),
        .residual_ready    (residual_ready),
        .residual_claim    (residual_claim),
        .x_rd_valid        (x_rd_valid),
        .x_rd_addr         (x_rd_addr),
        .x_rd_data         (x_rd_data),
        .x_valid           (x_valid),
        .x_first           (x_first),
        .x                 (x),
        .meta_valid        (meta_valid),
        .meta              (meta),
        .bubble_weights    (bubble_weights),
        .bubble_residual   (bubble_residual),
        .bubble_other      (bubble_other)
    );

    assign array_active = meta_valid;

    generate
        if (ACT_W < 16) begin : gen_narrow
            wire unused_pad = &{1'b0, pad_value[15:ACT_W]};
        end
    endgenerate

    // ---- Array ---------------------------------------------------------------------------------

    wire               y_valid;
    wire [COLS*32-1:0] y;

    npu_array #(
        .ROWS     (ROWS),
        .COLS     (COLS),
        .ACT_W    (ACT_W),
        .WGT_W    (WGT_W),
        .SEGMENTS (SEGMENTS),
        .SEG_ROWS (SEG_ROWS),
        .CELL     (CELL)
    ) u_array (
        .clk      (clk),
        .rst      (rst),
        .x_valid  (x_valid),
        .x_first  (x_first),
        .x        (x),
        .w_valid  (w_valid),
        .w_first  (w_first),
        .w        (w),
        .y_valid  (y_valid),
        .y        (y)
    );

    // ---- Residual ------------------------------------------------------------------------------

    wire                  skip_take;
    wire [COLS*ACT_W-1:0] skip;

    generate
        if (ENABLE_RESIDUAL != 0) begin : gen_residual
            npu_gemm_residual #(
                .ROWS               (ROWS),
                .COLS               (COLS),
                .ACT_W              (ACT_W),
                .DEPTH              (RES_DEPTH),
                .RD_LATENCY         (RD_LATENCY)
            ) u_residual (
                .clk                (clk),
                .rst                (rst),
                .halt               (halt),
                .launch             (launch_legal && residual && !keep),
                .launch_position    (res_position),
                .launch_addr        (res_addr),
                .launch_count       ({n_count, oh_count, ow_count}),
                .launch_ow_stride   (res_stride_ow),
                .launch_oh_stride   (res_stride_oh),
                .launch_word_stride (res_block_stride),
                .rd_valid           (res_rd_valid),
                .rd_ready           (res_rd_ready),
                .rd_addr            (res_rd_addr),
                .rd_data_valid      (res_rd_data_valid),
                .rd_data            (res_rd_data),
                .ready              (residual_ready),
                .claim              (residual_claim),
                .take               (skip_take),
                .skip               (skip)
            );
        end else begin : gen_no_residual
            assign res_rd_valid   = 1'b0;
            assign res_rd_addr    = 24'd0;
            assign residual_ready = 1'b1;
            assign skip           = {COLS*ACT_W{1'b0}};

            wire unused_residual = &{1'b0, res_rd_ready, res_rd_data_valid, res_rd_data, res_addr,
                                     res_stride_ow, res_stride_oh, res_block_stride, res_position,
                                     residual_claim, skip_take};
        end
    endgenerate

    // ---- Results -------------------------------------------------------------------------------

    npu_gemm_drain #(
        .ROWS               (ROWS),
        .COLS               (COLS),
        .LANES              (LANES),
        .ACT_W              (ACT_W),
        .OBUF_DEPTH         (OBUF_DEPTH),
        .TABLES             (TABLES),
        .ENABLE_RESIDUAL    (ENABLE_RESIDUAL),
        .ENABLE_LOOKUP      (ENABLE_LOOKUP),
        .META_DEPTH         (META_DEPTH)
    ) u_drain (
        .clk                (clk),
        .rst                (rst),
        .launch             (launch_legal),
        .launch_context     (context_q),
        .launch_keep        (keep),
        .launch_format      (launch_function[1:0]),
        .launch_residual    (residual),
        .launch_lookup      (lookup),
        .launch_table       (table_number),
        .launch_quant       ({quant_max, quant_min, quant_zero}),
        .launch_scale_a     (res_scale_a_value),
        .launch_scale_b     (res_scale_b_value),
        .launch_offset      (res_offset_value),
        .launch_inner       (res_offset_inner),
        .launch_res_clamp   ({res_clamp_max, res_clamp_min}),
        .launch_position    (out_position),
        .launch_addr        (out_addr),
        .launch_count       ({n_count, oh_count, ow_count}),
        .launch_ow_stride   (out_stride_ow),
        .launch_oh_stride   (out_stride_oh),
        .launch_word_stride (out_block_stride),
        .launch_done        (launch_done),
        .meta_valid         (meta_valid),
        .meta               (meta),
        .y_valid            (y_valid),
        .y                  (y),
        .skip_take          (skip_take),
        .skip               (skip),
        .pbuf_rd_valid      (pbuf_rd_valid),
        .pbuf_rd_addr       (pbuf_rd_addr),
        .pbuf_rd_data       (pbuf_rd_data),
        .table_wr_en        (table_wr_en),
        .table_wr_addr      (table_wr_addr),
        .table_wr_data      (table_wr_data),
        .ibuf_wr_valid      (ibuf_wr_valid),
        .ibuf_wr_addr       (ibuf_wr_addr),
        .ibuf_wr_lanes      (ibuf_wr_lanes),
        .ibuf_wr_data       (ibuf_wr_data),
        .vmem_wr_valid      (vmem_wr_valid),
        .vmem_wr_addr       (vmem_wr_addr),
        .vmem_wr_lanes      (vmem_wr_lanes),
        .vmem_wr_data       (vmem_wr_data)
    );

    // ---- Faults --------------------------------------------------------------------------------

    // An illegal launch is reported when all earlier ones have retired: then it is the oldest.
    wire bad_launch = launch_illegal && (in_flight == 4'd0);

    assign fault_valid   = weight_fault || range_error || pbuf_rd_range_error || bad_launch;
    assign fault_cause   = weight_fault ? CAUSE_WEIGHT
                         : (range_error || pbuf_rd_range_error) ? CAUSE_RANGE
                         : CAUSE_CONFIGURATION;
    assign fault_address = weight_fault ? {16'd0, weight_fault_address}
                         : range_error ? {16'd0, range_address}
                         : pbuf_rd_range_error ? {16'd0, pbuf_rd_addr} : 40'd0;

endmodule

`default_nettype wire
