// From the array's sums to the buffers: accumulation, bias and scale, post-processing, writing,
// and the end of each launch. What must be known of a vector was pushed with its request.
`default_nettype none

module npu_gemm_drain #(
    parameter ROWS            = 16,
    parameter COLS            = 16,
    parameter LANES           = 16,
    parameter ACT_W           = 8,
    parameter OBUF_DEPTH      = 512,
    parameter TABLES          = 4,
    parameter ENABLE_RESIDUAL = 1,
    parameter ENABLE_LOOKUP   = 1,
    parameter META_DEPTH      = 64,                // vectors between request and sum, at most
    parameter META_W          = 38                 // fixed
) (
    input  wire                  clk,
    input  wire                  rst,

    // A launch: its context in the post-processor and its output tensor.
    input  wire                  launch,
    input  wire [1:0]            launch_context,
    input  wire                  launch_keep,
    input  wire [1:0]            launch_format,
    input  wire                  launch_residual,
    input  wire                  launch_lookup,
    input  wire [2:0]            launch_table,
    input  wire [47:0]           launch_quant,     // {max, min, zero}
    input  wire [31:0]           launch_scale_a,
    input  wire [31:0]           launch_scale_b,
    input  wire [31:0]           launch_offset,
    input  wire                  launch_inner,
    input  wire [31:0]           launch_res_clamp,
    input  wire [7:0]            launch_position,
    input  wire [23:0]           launch_addr,
    input  wire [47:0]           launch_count,     // {n, oh, ow}
    input  wire [23:0]           launch_ow_stride,
    input  wire [23:0]           launch_oh_stride,
    input  wire [23:0]           launch_word_stride,
    output reg                   launch_done,      // no error of the launch comes after it

    input  wire                  meta_valid,
    input  wire [META_W-1:0]     meta,
    input  wire                  y_valid,
    input  wire [COLS*32-1:0]    y,
    output wire                  skip_take,
    input  wire [COLS*ACT_W-1:0] skip,

    output wire                  pbuf_rd_valid,
    output wire [23:0]           pbuf_rd_addr,
    input  wire [COLS*64-1:0]    pbuf_rd_data,     // two cycles after the request, then held

    input  wire                  table_wr_en,
    input  wire [23:0]           table_wr_addr,
    input  wire [31:0]           table_wr_data,

    output wire                  ibuf_wr_valid,
    output wire [23:0]           ibuf_wr_addr,
    output wire [ROWS-1:0]       ibuf_wr_lanes,
    output wire [ROWS*ACT_W-1:0] ibuf_wr_data,
    output wire                  vmem_wr_valid,
    output wire [23:0]           vmem_wr_addr,
    output wire [LANES-1:0]      vmem_wr_lanes,
    output wire [LANES*32-1:0]   vmem_wr_data
);

    localparam OBUF_W      = $clog2(OBUF_DEPTH);
    localparam SCALE_DELAY = 4;                    // of npu_post

    // ---- Accumulation --------------------------------------------------------------------------

    wire [META_W-1:0] sum_meta;
    wire              of_launch_end;
    wire              of_block_start;
    wire              drains;
    wire              replaces;
    wire [1:0]        sum_context;
    wire [15:0]       param;
    wire [15:0]       obuf_addr;
    wire              acc_valid;
    wire [COLS*32-1:0] acc;

    assign {of_launch_end, of_block_start, drains, replaces, sum_context, param,
            obuf_addr} = sum_meta;

    npu_delay #(
        .WIDTH     (META_W),
        .DEPTH     (META_DEPTH)
    ) u_meta (
        .clk       (clk),
        .rst       (rst),
        .push      (meta_valid),
        .push_data (meta),
        .pop       (y_valid),
        .pop_data  (sum_meta)
    );

    npu_obuf #(
        .COLS      (COLS),
        .DEPTH     (OBUF_DEPTH)
    ) u_obuf (
        .clk       (clk),
        .rst       (rst),
        .y_valid   (y_valid),
        .y         (y),
        .y_addr    (obuf_addr[OBUF_W-1:0]),
        .y_replace (replaces),
        .y_drain   (drains),
        .acc_valid (acc_valid),
        .acc       (acc)
    );

    generate
        if (OBUF_W < 16) begin : gen_small
            wire unused_obuf_addr = &{1'b0, obuf_addr[15:OBUF_W]};
        end
    endgenerate

    // ---- Bias and scale: read once per block, two cycles ahead --------------------------------

    reg [1:0]             context_1_q;
    reg [1:0]             context_2_q;
    reg [SCALE_DELAY-1:0] acc_valid_q;
    wire [COLS*32-1:0]    scale;

    assign pbuf_rd_valid = y_valid && drains && of_block_start;
    assign pbuf_rd_addr  = {8'd0, param};

    always @(posedge clk) begin
        context_1_q <= sum_context;
        context_2_q <= context_1_q;
        if (rst) begin
            acc_valid_q <= {SCALE_DELAY{1'b0}};
        end else begin
            acc_valid_q <= {acc_valid_q[SCALE_DELAY-2:0], acc_valid};
        end
    end

    npu_delay #(
        .WIDTH     (COLS * 32),
        .DEPTH     (8)
    ) u_scale (
        .clk       (clk),
        .rst       (rst),
        .push      (acc_valid),
        .push_data (pbuf_rd_data[COLS*32 +: COLS*32]),
        .pop       (acc_valid_q[SCALE_DELAY-1]),
        .pop_data  (scale)
    );

    // ---- Post-processing -----------------------------------------------------------------------

    wire                  out_valid;
    wire [1:0]            unused_out_context;
    wire [1:0]            out_format;
    wire [COLS*ACT_W-1:0] out_act;
    wire [COLS*32-1:0]    out_wide;

    npu_post #(
        .LANES            (COLS),
        .ACT_W            (ACT_W),
        .TABLES           (TABLES),
        .ENABLE_RESIDUAL  (ENABLE_RESIDUAL),
        .ENABLE_LOOKUP    (ENABLE_LOOKUP)
    ) u_post (
        .clk              (clk),
        .rst              (rst),
        .context_write    (launch),
        .context_index    (launch_context),
        .context_format   (launch_format),
        .context_is_float (1'b0),
        .context_residual (launch_residual),
        .context_lookup   (launch_lookup),
        .context_table    (launch_table),
        .context_zero     (launch_quant[15:0]),
        .context_min      (launch_quant[31:16]),
        .context_max      (launch_quant[47:32]),
        .context_scale_a  (launch_scale_a),
        .context_scale_b  (launch_scale_b),
        .context_offset   (launch_offset),
        .context_inner    (launch_inner),
        .context_res_min  (launch_res_clamp[15:0]),
        .context_res_max  (launch_res_clamp[31:16]),
        .table_wr_en      (table_wr_en),
        .table_wr_addr    (table_wr_addr),
        .table_wr_data    (table_wr_data),
        .in_valid         (acc_valid),
        .in_context       (context_2_q),
        .acc              (acc),
        .bias             (pbuf_rd_data[COLS*32-1:0]),
        .scale            (scale),
        .skip_take        (skip_take),
        .skip             (skip),
        .out_valid        (out_valid),
        .out_context      (unused_out_context),
        .out_format       (out_format),
        .out_act          (out_act),
        .out_wide         (out_wide)
    );

    wire writer_done;

    npu_gemm_writer #(
        .ROWS               (ROWS),
        .COLS               (COLS),
        .LANES              (LANES),
        .ACT_W              (ACT_W)
    ) u_writer (
        .clk                (clk),
        .rst                (rst),
        .launch             (launch && !launch_keep),
        .launch_wide        (launch_format != 2'd0),
        .launch_position    (launch_position),
        .launch_addr        (launch_addr),
        .launch_count       (launch_count),
        .launch_ow_stride   (launch_ow_stride),
        .launch_oh_stride   (launch_oh_stride),
        .launch_word_stride (launch_word_stride),
        .in_valid           (out_valid),
        .in_wide            (out_format != 2'd0),
        .in_act             (out_act),
        .in_values          (out_wide),
        .ibuf_wr_valid      (ibuf_wr_valid),
        .ibuf_wr_addr       (ibuf_wr_addr),
        .ibuf_wr_lanes      (ibuf_wr_lanes),
        .ibuf_wr_data       (ibuf_wr_data),
        .vmem_wr_valid      (vmem_wr_valid),
        .vmem_wr_addr       (vmem_wr_addr),
        .vmem_wr_lanes      (vmem_wr_lanes),
        .vmem_wr_data       (vmem_wr_data),
        .done               (writer_done)
    );

    // ---- End of a launch: its last write, or with `keep` its last sum --------------------------
    // A launch that writes ends long after the sums of those before it, so their ends have been
    // reported by then and the oldest launch is always the one whose end comes. A write beyond the
    // buffer's end is known one cycle after the write, so the end is told one cycle late.

    wire       oldest_valid;
    wire       oldest_keep;
    wire       unused_push_ready;
    wire [2:0] unused_level;
    reg  [2:0] kept_q;                             // launches with `keep` that have ended
    wire       kept      = y_valid && of_launch_end && !drains;
    wire       kept_done = oldest_valid && oldest_keep && (kept_q != 3'd0);
    wire       ended     = kept_done || (oldest_valid && !oldest_keep && writer_done);

    npu_fifo #(
        .WIDTH      (1),
        .DEPTH      (4)
    ) u_order (
        .clk        (clk),
        .rst        (rst),
        .push_valid (launch),
        .push_ready (unused_push_ready),
        .push_data  (launch_keep),
        .pop_valid  (oldest_valid),
        .pop_ready  (ended),
        .pop_data   (oldest_keep),
        .level      (unused_level)
    );

    always @(posedge clk) begin
        launch_done <= ended && !rst;
        if (rst) begin
            kept_q <= 3'd0;
        end else if (kept && !kept_done) begin
            kept_q <= kept_q + 3'd1;
        end else if (!kept && kept_done) begin
            kept_q <= kept_q - 3'd1;
        end
    end

endmodule

`default_nettype wire
