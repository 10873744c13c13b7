// Writes results in order. An element that will give a result reserves its place here before it
// enters the lanes (`reserve`, allowed while `room`), so results can always be taken. A launch is
// done when its last word can be read.
//
// WBUF words leave with their destination's row or column number; `wbuf_busy` says that words
// taken there cannot be used yet.
`default_nettype none

module npu_vector_write #(
    parameter LANES = 16,
    parameter ROWS  = 16,                          // activations of an IBUF word
    parameter ACT_W = 8,
    parameter DEPTH = 36                           // results reserved and not yet written
) (
    input  wire                   clk,
    input  wire                   rst,

    output wire                   room,
    input  wire                   reserve,
    input  wire                   reserve_void,    // nothing to write
    input  wire                   reserve_last,    // of its launch
    input  wire [1:0]             reserve_dst,     // 0 IBUF, 1 VMEM, 2 WBUF, 3 WBUF transposed
    input  wire [23:0]            reserve_addr,

    input  wire                   result_valid,
    input  wire                   result_act,
    input  wire [LANES*ACT_W-1:0] result_activations,
    input  wire [LANES*32-1:0]    result_wide,

    output wire                   ibuf_valid,
    input  wire                   ibuf_ready,
    output wire [23:0]            ibuf_addr,
    output wire [ROWS-1:0]        ibuf_lanes,
    output wire [ROWS*ACT_W-1:0]  ibuf_data,

    output wire                   vmem_valid,
    input  wire                   vmem_ready,
    output wire [23:0]            vmem_addr,
    output wire [LANES*32-1:0]    vmem_data,

    output wire                   wbuf_valid,
    input  wire                   wbuf_ready,
    output wire                   wbuf_transpose,
    output wire [23:0]            wbuf_addr,
    output wire [LANES*ACT_W-1:0] wbuf_data,
    input  wire                   wbuf_busy,

    output wire                   waiting,         // a word was refused in this cycle
    output reg                    done
);

    localparam [1:0] DST_IBUF = 2'd0;
    localparam [1:0] DST_VMEM = 2'd1;

    localparam SLICES  = ROWS / LANES;
    localparam SLICE_W = (SLICES > 1) ? $clog2(SLICES) : 1;
    localparam LEVEL_W = $clog2(DEPTH + 1);

    wire               place_valid;
    wire               place_void;
    wire               place_last;
    wire [1:0]         place_dst;
    wire [23:0]        place_addr;
    wire [LEVEL_W-1:0] place_level;
    wire               word_ready;
    wire               word_valid;
    wire [LANES*32-1:0] word;
    wire [LEVEL_W-1:0] word_level;
    wire               pop;

    npu_fifo #(
        .WIDTH      (28),
        .DEPTH      (DEPTH)
    ) u_places (
        .clk        (clk),
        .rst        (rst),
        .push_valid (reserve),
        .push_ready (room),
        .push_data  ({reserve_void, reserve_last, reserve_dst, reserve_addr}),
        .pop_valid  (place_valid),
        .pop_ready  (pop),
        .pop_data   ({place_void, place_last, place_dst, place_addr}),
        .level      (place_level)
    );

    // Activations use the low bits of the word.
    wire [LANES*32-1:0] incoming = result_act
        ? {{(LANES*(32 - ACT_W)){1'b0}}, result_activations} : result_wide;

    npu_fifo #(
        .WIDTH      (LANES * 32),
        .DEPTH      (DEPTH)
    ) u_words (
        .clk        (clk),
        .rst        (rst),
        .push_valid (result_valid),
        .push_ready (word_ready),
        .push_data  (incoming),
        .pop_valid  (word_valid),
        .pop_ready  (pop),
        .pop_data   (word),
        .level      (word_level)
    );

    wire unused_queues = &{1'b0, place_valid, place_level, word_ready, word_level};

    // ---- Destinations ---------------------------------------------------------------------

    reg  draining_q;                               // the last word of a launch went to WBUF
    wire offer = word_valid && !place_void && !draining_q;

    assign ibuf_valid     = offer && (place_dst == DST_IBUF);
    assign vmem_valid     = offer && (place_dst == DST_VMEM);
    assign wbuf_valid     = offer && place_dst[1];
    assign wbuf_transpose = place_dst[0];
    assign vmem_addr      = place_addr;
    assign wbuf_addr      = place_addr;
    assign vmem_data      = word;
    assign wbuf_data      = word[LANES*ACT_W-1:0];
    assign ibuf_data      = {SLICES{word[LANES*ACT_W-1:0]}};

    generate
        if (SLICES > 1) begin : gen_slices
            genvar i;
            assign ibuf_addr = {{SLICE_W{1'b0}}, place_addr[23:SLICE_W]};
            for (i = 0; i < SLICES; i = i + 1) begin : gen_slice
                localparam [SLICE_W-1:0] SLICE = i;
                assign ibuf_lanes[LANES*i +: LANES] = {LANES{place_addr[SLICE_W-1:0] == SLICE}};
            end
        end else begin : gen_whole
            assign ibuf_addr  = place_addr;
            assign ibuf_lanes = {ROWS{1'b1}};
        end
    endgenerate

    wire taken = (ibuf_valid && ibuf_ready) || (vmem_valid && vmem_ready)
              || (wbuf_valid && wbuf_ready);

    assign pop     = taken || (word_valid && place_void && !draining_q);
    assign waiting = offer && !taken;

    always @(posedge clk) begin
        if (rst) begin
            draining_q <= 1'b0;
            done       <= 1'b0;
        end else begin
            done <= (pop && place_last && !place_dst[1]) || (draining_q && !wbuf_busy);
            if (pop && place_last && place_dst[1]) begin
                draining_q <= 1'b1;
            end else if (!wbuf_busy) begin
                draining_q <= 1'b0;
            end
        end
    end

endmodule

`default_nettype wire
