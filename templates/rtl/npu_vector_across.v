// Joins the lanes of a vector to one value, one vector per cycle: neighbours first, then the
// neighbouring pairs and so on; a last one without neighbour passes on. `out` stands LATENCY
// cycles after `in`.
`default_nettype none

module npu_vector_across #(
    parameter LANES   = 16,                        // at least 2
    parameter LEVELS  = $clog2(LANES),             // derived
    parameter LATENCY = 5 * LEVELS                 // derived
) (
    input  wire                clk,
    input  wire                rst,
    input  wire                in_valid,
    input  wire [1:0]          kind,               // as npu_vector_join
    input  wire                is_float,
    input  wire [LANES*32-1:0] in,
    output wire [31:0]         out
);

    localparam STEP = LATENCY / LEVELS;            // cycles of a level

    reg  [LATENCY-1:1]   valid_q;
    reg  [3*LATENCY-1:3] kind_q;
    wire [LATENCY-1:0]   valid = {valid_q, in_valid};
    wire [3*LATENCY-1:0] kinds = {kind_q, is_float, kind};

    always @(posedge clk) begin
        if (rst) begin
            valid_q <= {(LATENCY - 1){1'b0}};
        end else begin
            valid_q <= valid[LATENCY-2:0];
        end
        kind_q <= kinds[3*LATENCY-4:0];
    end

    genvar level;
    genvar i;
    generate
        // Level l receives ceil(LANES / 2^l) values.
        for (level = 0; level <= LEVELS; level = level + 1) begin : gen_level
            localparam COUNT = (LANES + (1 << level) - 1) >> level;
            wire [COUNT*32-1:0] value;

            if (level == 0) begin : gen_leaves
                assign value = in;
            end else begin : gen_join
                localparam BEFORE = (LANES + (1 << (level - 1)) - 1) >> (level - 1);
                localparam FROM   = STEP * (level - 1);

                for (i = 0; i < COUNT; i = i + 1) begin : gen_pair
                    localparam ALONE = (2 * i + 1 == BEFORE) ? 1 : 0;
                    localparam OTHER = (ALONE != 0) ? 2 * i : 2 * i + 1;

                    npu_vector_combine u_combine (
                        .clk      (clk),
                        .enable   (valid[FROM +: STEP]),
                        .left     (gen_level[level-1].value[64*i +: 32]),
                        .right    (gen_level[level-1].value[32*OTHER +: 32]),
                        .first    (ALONE != 0),
                        .kind     (kinds[3*FROM +: 2]),
                        .is_float (kinds[3*FROM+2]),
                        .out      (value[32*i +: 32])
                    );
                end
            end
        end
    endgenerate

    assign out = gen_level[LEVELS].value;

    generate
        if (LANES < 2) begin : gen_lanes_check
            npu_error_vector_across_needs_two_lanes u_error ();
        end
    endgenerate

    wire unused_kinds = &{1'b0, kinds};

endmodule

`default_nettype wire
