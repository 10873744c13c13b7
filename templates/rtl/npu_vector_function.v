// Function unit: the reduction of an operand to a segment and a distance d within it, the segment's
// coefficients, and the first half of poly(d) = (c2 * d + c1) * d + c0. The parent does the second
// half. It also converts integers, because the distance begins as one. A lane has its own copy of
// the coefficients; all are written together. A stage is the cycle at whose end a register loads.
//
//   stage 0       the operand comes; its integer (f2i) is here in stage 3
//   stages 3-4    npu_vector_argument: segment and low bits
//   stages 4-6    low bits to binary32; stages 5 and 6 read c2
//   stages 7-9    c2 * d; stages 8 and 9 read c1
//   stages 10-14  plus c1: `slope` stands in stage 15, as does `distance`
//   stages 16-17  c0 is read: `offset` stands in stage 18
//   stage 23      the exponent step
`default_nettype none

module npu_vector_function #(
    parameter LANES    = 16,
    parameter SEGMENTS = 512,                      // at least 2
    parameter STAGES   = 24                        // fixed
) (
    input  wire                clk,
    input  wire                rst,

    // Word 4 * segment + k is coefficient k; words with k = 3 and those beyond are not kept.
    input  wire                coeff_wr_en,
    input  wire [23:0]         coeff_wr_addr,
    input  wire [31:0]         coeff_wr_data,

    // An element of the function, or an integer to be converted, stands in stage k.
    input  wire [STAGES-1:0]   evaluate,
    input  wire [STAGES-1:0]   convert,

    input  wire [38:0]         settings,           // stage 0: register `function`
    input  wire [LANES*32-1:0] x,                  // stage 0
    input  wire [LANES*32-1:0] whole,              // stage 3: f2i(x * 2^24)
    output wire [LANES*32-1:0] slope,              // stage 15: c2 * d + c1
    output wire [LANES*32-1:0] distance,           // stage 15: d, or the converted integer
    output wire [LANES*32-1:0] offset,             // stage 18: c0
    input  wire [LANES*32-1:0] poly,               // stage 23: poly(d)
    output wire [LANES*32-1:0] result              // stage 23
);

    localparam INDEX_W = $clog2(SEGMENTS);
    localparam [16:0] SEGMENT_COUNT = SEGMENTS[16:0];
    localparam [21:0] WORD_COUNT    = SEGMENTS[21:0];
    localparam [2:0]  MODE_OCTAVES  = 3'd4;

    wire [STAGES-1:0] both = evaluate | convert;

    // ---- Settings: shared by the lanes ----------------------------------------------------

    reg  [38:0] settings1_q;
    reg  [38:0] settings2_q;
    wire [2:0]  mode2    = settings2_q[2:0];
    wire [15:0] base2    = settings2_q[18:3];
    wire [3:0]  bits2    = settings2_q[22:19];
    wire [7:0]  low2     = settings2_q[30:23];
    wire [7:0]  octaves2 = settings2_q[38:31];

    reg  [2:0]  mode3_q;
    reg  [23:0] mask3_q;
    reg  [7:0]  low3_q;
    reg  [8:0]  limit3_q;
    reg  [3:0]  shift3_q;
    reg  [15:0] base3_q;
    reg  [15:0] last3_q;

    reg         octaves4_q;
    reg  [3:0]  shift4_q;
    reg  [15:0] base4_q;
    reg  [15:0] below4_q;
    reg  [15:0] last4_q;

    always @(posedge clk) begin
        if (evaluate[0]) begin
            settings1_q <= settings;
        end
        if (evaluate[1]) begin
            settings2_q <= settings1_q;
        end
        if (evaluate[2]) begin
            mode3_q  <= mode2;
            mask3_q  <= 24'hFFFFFF >> bits2;
            low3_q   <= low2;
            limit3_q <= {1'b0, low2} + {1'b0, octaves2};
            shift3_q <= 4'd12 - bits2;
            base3_q  <= base2;
            last3_q  <= ({8'd0, octaves2} << bits2) + 16'd1;
        end
        if (evaluate[3]) begin
            octaves4_q <= (mode3_q == MODE_OCTAVES);
            shift4_q   <= shift3_q;
            base4_q    <= base3_q;
            below4_q   <= base3_q + last3_q + 16'd1;
            last4_q    <= last3_q;
        end
    end

    // ---- Values that wait -----------------------------------------------------------------

    wire [LANES*32-1:0]      x3;
    wire [LANES*32-1:0]      edge3;
    wire [LANES*32-1:0]      edge6;
    wire [LANES*11-1:0]      step4;
    wire [LANES*11-1:0]      step23;
    wire [LANES*INDEX_W-1:0] index5;
    wire [LANES*INDEX_W-1:0] index8;
    wire [LANES*INDEX_W-1:0] index16;
    wire [LANES*32-1:0]      distance7;

    npu_delay #(
        .WIDTH     (LANES * 32),
        .DEPTH     (4)
    ) u_x (
        .clk       (clk),
        .rst       (rst),
        .push      (both[0]),
        .push_data (x),
        .pop       (both[3]),
        .pop_data  (x3)
    );

    npu_delay #(
        .WIDTH     (LANES * 32),
        .DEPTH     (4)
    ) u_edge (
        .clk       (clk),
        .rst       (rst),
        .push      (evaluate[3]),
        .push_data (edge3),
        .pop       (evaluate[6]),
        .pop_data  (edge6)
    );

    npu_delay #(
        .WIDTH     (LANES * 11),
        .DEPTH     (32)
    ) u_step (
        .clk       (clk),
        .rst       (rst),
        .push      (evaluate[4]),
        .push_data (step4),
        .pop       (evaluate[23]),
        .pop_data  (step23)
    );

    npu_delay #(
        .WIDTH     (LANES * INDEX_W),
        .DEPTH     (4)
    ) u_index8 (
        .clk       (clk),
        .rst       (rst),
        .push      (evaluate[5]),
        .push_data (index5),
        .pop       (evaluate[8]),
        .pop_data  (index8)
    );

    npu_delay #(
        .WIDTH     (LANES * INDEX_W),
        .DEPTH     (8)
    ) u_index16 (
        .clk       (clk),
        .rst       (rst),
        .push      (evaluate[8]),
        .push_data (index8),
        .pop       (evaluate[16]),
        .pop_data  (index16)
    );

    npu_delay #(
        .WIDTH     (LANES * 32),
        .DEPTH     (8)
    ) u_distance (
        .clk       (clk),
        .rst       (rst),
        .push      (both[7]),
        .push_data (distance7),
        .pop       (both[15]),
        .pop_data  (distance)
    );

    // ---- Lanes ----------------------------------------------------------------------------

    wire coeff_inside = coeff_wr_en && (coeff_wr_addr[23:2] < WORD_COUNT);

    genvar i;
    genvar c;
    generate
        for (i = 0; i < LANES; i = i + 1) begin : gen_lane
            wire [23:0]  remainder;
            wire [15:0]  segment;
            wire [31:0]  converted;
            wire [31:0]  product;
            wire         inside5 = ({1'b0, segment} < SEGMENT_COUNT);
            wire [95:0]  coefficient;
            reg  [31:0]  integer4_q;               // an integer to be converted
            reg  [31:0]  edge_q;
            reg  [31:0]  c0_q;
            reg  [31:0]  c1_q;
            reg  [31:0]  c2_q;

            assign index5[INDEX_W*i +: INDEX_W] = inside5 ? segment[INDEX_W-1:0]
                                                          : {INDEX_W{1'b0}};
            assign distance7[32*i +: 32] = edge_q[31] ? {1'b0, edge_q[30:0]} : converted;
            assign offset[32*i +: 32]    = c0_q;

            always @(posedge clk) begin
                if (convert[3]) begin
                    integer4_q <= x3[32*i +: 32];
                end
                if (evaluate[6]) begin
                    edge_q <= edge6[32*i +: 32];
                    c2_q   <= coefficient[95:64];
                end else if (convert[6]) begin
                    edge_q <= 32'd0;
                end
                if (evaluate[9]) begin
                    c1_q <= coefficient[63:32];
                end
                if (evaluate[17]) begin
                    c0_q <= coefficient[31:0];
                end
            end

            npu_vector_argument u_argument (
                .clk           (clk),
                .enable        (evaluate[4:3]),
                .x             (x3[32*i +: 32]),
                .whole         (whole[32*i +: 32]),
                .mode          (mode3_q),
                .mask          (mask3_q),
                .low           (low3_q),
                .limit         (limit3_q),
                .edge_distance (edge3[32*i +: 32]),
                .remainder     (remainder),
                .step          (step4[11*i +: 11]),
                .octaves       (octaves4_q),
                .shift         (shift4_q),
                .base          (base4_q),
                .base_below    (below4_q),
                .last          (last4_q),
                .segment       (segment)
            );

            npu_i2f u_convert (
                .clk    (clk),
                .enable (both[6:4]),
                .in     (convert[4] ? integer4_q : {8'd0, remainder}),
                .out    (converted)
            );

            // c2 is read in stage 5, c1 in stage 8, c0 in stage 16.
            for (c = 0; c < 3; c = c + 1) begin : gen_coefficient
                localparam [1:0] NUMBER = c;
                localparam       STAGE  = (c == 2) ? 5 : (c == 1) ? 8 : 16;

                npu_ram_1r1w #(
                    .DEPTH    (SEGMENTS),
                    .LANES    (1),
                    .LANE_W   (32)
                ) u_ram (
                    .clk      (clk),
                    .wr_en    (coeff_inside && coeff_wr_addr[1:0] == NUMBER),
                    .wr_addr  (coeff_wr_addr[INDEX_W+1:2]),
                    .wr_lanes (1'b1),
                    .wr_data  (coeff_wr_data),
                    .rd_en    (evaluate[STAGE]),
                    .rd_addr  ((c == 2) ? index5[INDEX_W*i +: INDEX_W]
                               : (c == 1) ? index8[INDEX_W*i +: INDEX_W]
                               : index16[INDEX_W*i +: INDEX_W]),
                    .rd_data  (coefficient[32*c +: 32])
                );
            end

            npu_f32_mul #(
                .SPECIALS (1)
            ) u_product (
                .clk      (clk),
                .enable   (evaluate[9:7]),
                .a        (c2_q),
                .b        (distance7[32*i +: 32]),
                .out      (product)
            );

            npu_f32_add #(
                .SPECIALS (1)
            ) u_slope (
                .clk      (clk),
                .enable   (evaluate[14:10]),
                .a        (product),
                .b        (c1_q),
                .out      (slope[32*i +: 32])
            );

            npu_vector_step u_step (
                .value (poly[32*i +: 32]),
                .step  (step23[11*i +: 11]),
                .out   (result[32*i +: 32])
            );
        end
    endgenerate

    wire unused_bits = &{1'b0, evaluate, both};

endmodule

`default_nettype wire
