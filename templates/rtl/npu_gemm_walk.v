// Words of a tensor in the order of the results: blocks of COLS channels outermost, then rows and
// columns of the picture. A block is `beats` whole words (innermost), or, where a word holds
// `groups` blocks, a part of one word whose place is `position`.
`default_nettype none

module npu_gemm_walk (
    input  wire        clk,
    input  wire        rst,
    input  wire        start,                      // also in the cycle of the last step
    input  wire [23:0] addr,
    input  wire [7:0]  first_position,             // in blocks
    input  wire [8:0]  groups,                     // blocks per word, from 1
    input  wire [8:0]  beats,                      // words per block, from 1
    input  wire [15:0] ow_count,
    input  wire [15:0] oh_count,
    input  wire [15:0] n_count,
    input  wire [23:0] ow_stride,
    input  wire [23:0] oh_stride,
    input  wire [23:0] word_stride,                // from word to word across channels
    input  wire [23:0] block_stride,               // `beats` times that
    input  wire        step,
    output wire        active,
    output wire [23:0] value,
    output wire [7:0]  position,
    output wire        last_beat,                  // of a vector
    output wire        last                        // of all
);

    reg  [23:0] ow_stride_q;
    reg  [23:0] oh_stride_q;
    reg  [23:0] word_stride_q;
    reg  [23:0] block_stride_q;
    reg  [8:0]  last_group_q;
    reg  [7:0]  position_q;

    wire [3:0] advance;
    wire [3:0] wraps;
    wire [3:0] first_index;
    wire       unused_indices = &{1'b0, first_index, wraps[3:1]};
    wire       at_last_group  = ({1'b0, position_q} == last_group_q);

    assign position  = position_q;
    assign last_beat = wraps[0];

    npu_loop_nest #(
        .LEVELS      (4),
        .COUNT_W     (16)
    ) u_nest (
        .clk         (clk),
        .rst         (rst),
        .start       (start),
        .count       ({n_count, oh_count, ow_count, 7'd0, beats}),
        .step        (step),
        .active      (active),
        .last        (last),
        .first_index (first_index),
        .wraps       (wraps),
        .advance     (advance)
    );

    npu_loop_track #(
        .LEVELS  (4),
        .WIDTH   (24)
    ) u_track (
        .clk     (clk),
        .start   (start),
        .base    (addr),
        .stride  ({at_last_group ? block_stride_q : 24'd0, oh_stride_q, ow_stride_q,
                   word_stride_q}),
        .step    (step),
        .advance (advance),
        .value   (value)
    );

    always @(posedge clk) begin
        if (start) begin
            ow_stride_q    <= ow_stride;
            oh_stride_q    <= oh_stride;
            word_stride_q  <= word_stride;
            block_stride_q <= block_stride;
            last_group_q   <= groups - 9'd1;
            position_q     <= first_position;
        end else if (step && advance[3]) begin
            position_q     <= at_last_group ? 8'd0 : position_q + 8'd1;
        end
    end

endmodule

`default_nettype wire
