// Writes the post-processor's vectors to IBUF (activations) or VMEM (wide values): a vector of
// COLS results is several words, written in consecutive cycles, or a part of one word under lane
// enables. The issue leaves room between vectors, and no write is ever refused.
`default_nettype none

module npu_gemm_writer #(
    parameter ROWS  = 16,
    parameter COLS  = 16,
    parameter LANES = 16,
    parameter ACT_W = 8
) (
    input  wire                  clk,
    input  wire                  rst,

    input  wire                  launch,           // one beat per launch that writes; 4 wait
    input  wire                  launch_wide,
    input  wire [7:0]            launch_position,
    input  wire [23:0]           launch_addr,
    input  wire [47:0]           launch_count,     // {n, oh, ow}
    input  wire [23:0]           launch_ow_stride,
    input  wire [23:0]           launch_oh_stride,
    input  wire [23:0]           launch_word_stride,

    input  wire                  in_valid,
    input  wire                  in_wide,
    input  wire [COLS*ACT_W-1:0] in_act,
    input  wire [COLS*32-1:0]    in_values,

    output wire                  ibuf_wr_valid,
    output wire [23:0]           ibuf_wr_addr,
    output wire [ROWS-1:0]       ibuf_wr_lanes,
    output wire [ROWS*ACT_W-1:0] ibuf_wr_data,
    output wire                  vmem_wr_valid,
    output wire [23:0]           vmem_wr_addr,
    output wire [LANES-1:0]      vmem_wr_lanes,
    output wire [LANES*32-1:0]   vmem_wr_data,

    output wire                  done              // with the last write of a launch
);

    localparam ACT_BEATS   = (COLS > ROWS) ? COLS / ROWS : 1;
    localparam ACT_GROUPS  = (ROWS > COLS) ? ROWS / COLS : 1;
    localparam WIDE_BEATS  = (COLS > LANES) ? COLS / LANES : 1;
    localparam WIDE_GROUPS = (LANES > COLS) ? LANES / COLS : 1;
    localparam LAUNCH_W    = 9 + 24 + 48 + 3 * 24;

    wire                next_valid;
    wire                next_take;
    wire [LAUNCH_W-1:0] next;
    wire                next_wide;
    wire [7:0]          next_position;
    wire [23:0]         next_addr;
    wire [47:0]         next_count;
    wire [23:0]         next_ow_stride;
    wire [23:0]         next_oh_stride;
    wire [23:0]         next_word_stride;
    wire                unused_push_ready;
    wire [2:0]          unused_level;

    assign {next_wide, next_position, next_addr, next_count, next_ow_stride, next_oh_stride,
            next_word_stride} = next;

    npu_fifo #(
        .WIDTH      (LAUNCH_W),
        .DEPTH      (4)
    ) u_launches (
        .clk        (clk),
        .rst        (rst),
        .push_valid (launch),
        .push_ready (unused_push_ready),
        .push_data  ({launch_wide, launch_position, launch_addr, launch_count, launch_ow_stride,
                      launch_oh_stride, launch_word_stride}),
        .pop_valid  (next_valid),
        .pop_ready  (next_take),
        .pop_data   (next),
        .level      (unused_level)
    );

    wire        active;
    wire        last_beat;
    wire        last;
    wire [7:0]  position;
    wire [23:0] address;
    reg         pending_q;                         // a vector waits or is being written
    reg         wide_q;

    assign done      = pending_q && last;
    assign next_take = next_valid && (!active || done);

    npu_gemm_walk u_walk (
        .clk            (clk),
        .rst            (rst),
        .start          (next_take),
        .addr           (next_addr),
        .first_position (next_position),
        .groups         (next_wide ? WIDE_GROUPS[8:0] : ACT_GROUPS[8:0]),
        .beats          (next_wide ? WIDE_BEATS[8:0] : ACT_BEATS[8:0]),
        .ow_count       (next_count[15:0]),
        .oh_count       (next_count[31:16]),
        .n_count        (next_count[47:32]),
        .ow_stride      (next_ow_stride),
        .oh_stride      (next_oh_stride),
        .word_stride    (next_word_stride),
        .block_stride   (next_wide ? next_word_stride * WIDE_BEATS[23:0]
                                   : next_word_stride * ACT_BEATS[23:0]),
        .step           (pending_q),
        .active         (active),
        .value          (address),
        .position       (position),
        .last_beat      (last_beat),
        .last           (last)
    );

    always @(posedge clk) begin
        if (rst) begin
            pending_q <= 1'b0;
        end else if (in_valid) begin
            pending_q <= 1'b1;
        end else if (last_beat) begin
            pending_q <= 1'b0;
        end
        if (in_valid) begin
            wide_q <= in_wide;
        end
    end

    assign ibuf_wr_valid = pending_q && !wide_q;
    assign ibuf_wr_addr  = address;
    assign vmem_wr_valid = pending_q && wide_q;
    assign vmem_wr_addr  = address;

    npu_gemm_place #(
        .COLS     (COLS),
        .WORD     (ROWS),
        .WIDTH    (ACT_W)
    ) u_act (
        .clk      (clk),
        .load     (in_valid && !in_wide),
        .in       (in_act),
        .step     (ibuf_wr_valid),
        .position (position),
        .lanes    (ibuf_wr_lanes),
        .data     (ibuf_wr_data)
    );

    npu_gemm_place #(
        .COLS     (COLS),
        .WORD     (LANES),
        .WIDTH    (32)
    ) u_values (
        .clk      (clk),
        .load     (in_valid && in_wide),
        .in       (in_values),
        .step     (vmem_wr_valid),
        .position (position),
        .lanes    (vmem_wr_lanes),
        .data     (vmem_wr_data)
    );

endmodule

`default_nettype wire
