// Interleaved reduction: a sweep brings one value for each of up to DEPTH accumulators, and the
// next sweep joins its values to them. A value is announced one cycle ahead, because its
// accumulator is read then; what it makes of it stands on `out` LATENCY cycles after `in` and is
// written in that cycle. An accumulator may be read again REVISIT cycles after its last read: the
// parent keeps that distance.
`default_nettype none

module npu_vector_accumulate #(
    parameter LANES   = 16,
    parameter DEPTH   = 512,
    parameter LATENCY = 5                          // fixed: npu_vector_combine
) (
    input  wire                clk,
    input  wire                rst,

    // A value stands in the next cycle.
    input  wire                next_valid,
    input  wire                next_sweep,         // it is the first of its sweep
    input  wire                next_first,         // its accumulator begins with it

    input  wire [1:0]          kind,
    input  wire                is_float,
    input  wire [LANES*32-1:0] in,
    output wire [LANES*32-1:0] out
);

    localparam INDEX_W = (DEPTH > 1) ? $clog2(DEPTH) : 1;
    localparam [INDEX_W-1:0] ONE = {{(INDEX_W-1){1'b0}}, 1'b1};

    reg  [INDEX_W-1:0]             after_q;        // index of the next value, but for a new sweep
    reg                            first_q;
    reg  [LATENCY:0]               valid_q;        // bit k: a value stands in stage k
    reg  [(LATENCY+1)*INDEX_W-1:0] index_q;
    wire [INDEX_W-1:0]             index = next_sweep ? {INDEX_W{1'b0}} : after_q;
    wire [LANES*32-1:0]            old;

    always @(posedge clk) begin
        if (rst) begin
            valid_q <= {(LATENCY + 1){1'b0}};
        end else begin
            valid_q <= {valid_q[LATENCY-1:0], next_valid};
        end
        if (next_valid) begin
            after_q <= index + ONE;
        end
        first_q <= next_first;
        index_q <= {index_q[LATENCY*INDEX_W-1:0], index};
    end

    npu_ram_1r1w #(
        .DEPTH    (DEPTH),
        .LANES    (1),
        .LANE_W   (LANES * 32)
    ) u_accumulators (
        .clk      (clk),
        .wr_en    (valid_q[LATENCY]),
        .wr_addr  (index_q[LATENCY*INDEX_W +: INDEX_W]),
        .wr_lanes (1'b1),
        .wr_data  (out),
        .rd_en    (next_valid && !next_first),
        .rd_addr  (index),
        .rd_data  (old)
    );

    genvar i;
    generate
        for (i = 0; i < LANES; i = i + 1) begin : gen_lane
            npu_vector_combine u_combine (
                .clk      (clk),
                .enable   (valid_q[LATENCY-1:0]),
                .left     (old[32*i +: 32]),
                .right    (in[32*i +: 32]),
                .first    (first_q),
                .kind     (kind),
                .is_float (is_float),
                .out      (out[32*i +: 32])
            );
        end
    endgenerate

endmodule

`default_nettype wire
