// Depthwise convolution of a row segment: a window of the last TAPS positions slides along the row,
// and at each output position TAPS products per lane join that output's accumulator. The weights of
// the next segment are collected while the present one streams.
//
//   stage 0          position enters the window, weights of its segment stand
//   stage 1          products; the accumulator is read
//   stage 2          sum of the products
//   stage 3          accumulator + sum: written back, and `out`
//
// An accumulator is read at the earliest three cycles after the same accumulator's previous read.
`default_nettype none

module npu_vector_taps #(
    parameter LANES     = 16,
    parameter ACT_W     = 8,
    parameter TAPS      = 3,                       // 1 to 4
    parameter ACC_DEPTH = 512                      // outputs of a row segment
) (
    input  wire                   clk,
    input  wire                   rst,

    // Weights, tap 0 first.
    input  wire                   weight_valid,
    output wire                   weight_ready,
    input  wire [LANES*ACT_W-1:0] weight,

    // A position is issued, and stands in stage 0 in the next cycle.
    input  wire                   issue,
    input  wire                   issue_row_start,
    output wire                   row_ready,       // a segment may start now

    // Stage 0.
    input  wire                   in_valid,
    input  wire                   in_row_start,
    input  wire                   in_output,       // an output ends at this position
    input  wire                   in_first,        // ... and this is its first segment
    input  wire [LANES*ACT_W-1:0] in,

    output wire [LANES*32-1:0]    out              // stage 3
);

    localparam ACC_W   = (ACC_DEPTH > 1) ? $clog2(ACC_DEPTH) : 1;
    localparam WORD_W  = LANES * ACT_W;
    localparam COUNT_W = $clog2(TAPS + 1);
    localparam PRODUCT_W = 2 * ACT_W;
    localparam [COUNT_W-1:0] ALL = TAPS[COUNT_W-1:0];

    // ---- Weights --------------------------------------------------------------------------

    reg  [TAPS*WORD_W-1:0] next_q;
    reg  [TAPS*WORD_W-1:0] weight_q;
    reg  [COUNT_W-1:0]     count_q;                // weights of the next segment that are here
    wire                   full   = (count_q == ALL);
    wire                   swap   = issue && issue_row_start;
    wire                   load   = weight_valid && weight_ready;
    wire [COUNT_W-1:0]     kept   = swap ? {COUNT_W{1'b0}} : count_q;

    assign weight_ready = !full || swap;

    always @(posedge clk) begin
        if (rst) begin
            count_q <= {COUNT_W{1'b0}};
        end else begin
            count_q <= kept + {{(COUNT_W-1){1'b0}}, load};
        end
    end

    generate
        if (COUNT_W == 1) begin : gen_single
            always @(posedge clk) begin
                if (load) begin
                    next_q <= weight;
                end
            end
        end else begin : gen_several
            always @(posedge clk) begin
                if (load) begin
                    next_q <= {weight, next_q[TAPS*WORD_W-1:WORD_W]};
                end
            end
        end
    endgenerate

    always @(posedge clk) begin
        if (swap) begin
            weight_q <= next_q;
        end
    end

    // Segments of three positions or more keep the distance by themselves. After a shorter one the
    // next waits for two idle cycles.
    generate
        if (TAPS >= 3) begin : gen_far
            assign row_ready = full;
        end else begin : gen_near
            reg [1:0] length_q;                    // positions of the segment, at most 3
            reg [1:0] idle_q;                      // cycles since the last one, at most 2

            always @(posedge clk) begin
                if (rst) begin
                    length_q <= 2'd3;
                    idle_q   <= 2'd2;
                end else if (issue) begin
                    idle_q <= 2'd0;
                    if (issue_row_start) begin
                        length_q <= 2'd1;
                    end else if (length_q != 2'd3) begin
                        length_q <= length_q + 2'd1;
                    end
                end else if (idle_q != 2'd2) begin
                    idle_q <= idle_q + 2'd1;
                end
            end

            assign row_ready = full && (length_q == 2'd3 || idle_q == 2'd2);
        end
    endgenerate

    // ---- Window ---------------------------------------------------------------------------

    wire [TAPS*WORD_W-1:0] window;                 // oldest position lowest

    generate
        if (TAPS == 1) begin : gen_no_history
            assign window = in;
        end else begin : gen_history
            reg [(TAPS-1)*WORD_W-1:0] history_q;

            assign window = {in, history_q};

            always @(posedge clk) begin
                if (in_valid) begin
                    history_q <= window[TAPS*WORD_W-1:WORD_W];
                end
            end
        end
    endgenerate

    // ---- Control --------------------------------------------------------------------------

    localparam [ACC_W-1:0] ONE = {{(ACC_W-1){1'b0}}, 1'b1};

    reg  [ACC_W-1:0] next_index_q;
    reg  [ACC_W-1:0] index1_q;
    reg  [ACC_W-1:0] index2_q;
    reg  [ACC_W-1:0] index3_q;
    reg              valid1_q;
    reg              valid2_q;
    reg              valid3_q;
    reg              first1_q;
    reg              first2_q;
    wire [ACC_W-1:0] index = in_row_start ? {ACC_W{1'b0}} : next_index_q;
    wire             hit   = in_valid && in_output;

    always @(posedge clk) begin
        if (rst) begin
            valid1_q <= 1'b0;
            valid2_q <= 1'b0;
            valid3_q <= 1'b0;
        end else begin
            valid1_q <= hit;
            valid2_q <= valid1_q;
            valid3_q <= valid2_q;
        end
        if (in_valid) begin
            next_index_q <= in_output ? index + ONE : index;
        end
        index1_q <= index;
        index2_q <= index1_q;
        index3_q <= index2_q;
        first1_q <= in_first;
        first2_q <= first1_q;
    end

    // ---- Lanes ----------------------------------------------------------------------------

    wire [LANES*32-1:0] old;
    wire [LANES*32-1:0] total;

    genvar i;
    genvar j;
    generate
        for (i = 0; i < LANES; i = i + 1) begin : gen_lane
            reg  [TAPS*PRODUCT_W-1:0] product_q;
            reg  [31:0]               sum_q;
            reg  [31:0]               total_q;
            reg  [31:0]               sum;
            integer                   t;

            for (j = 0; j < TAPS; j = j + 1) begin : gen_tap
                wire [ACT_W-1:0]            x = window[WORD_W*j + ACT_W*i +: ACT_W];
                wire [ACT_W-1:0]            w = weight_q[WORD_W*j + ACT_W*i +: ACT_W];
                wire signed [PRODUCT_W-1:0] product = $signed({{ACT_W{x[ACT_W-1]}}, x})
                                                    * $signed({{ACT_W{w[ACT_W-1]}}, w});

                always @(posedge clk) begin
                    if (hit) begin
                        product_q[PRODUCT_W*j +: PRODUCT_W] <= product;
                    end
                end
            end

            if (PRODUCT_W < 32) begin : gen_extend
                always @* begin
                    sum = 32'd0;
                    for (t = 0; t < TAPS; t = t + 1) begin
                        sum = sum + {{(32-PRODUCT_W){product_q[PRODUCT_W*t + PRODUCT_W-1]}},
                                     product_q[PRODUCT_W*t +: PRODUCT_W]};
                    end
                end
            end else begin : gen_full
                always @* begin
                    sum = 32'd0;
                    for (t = 0; t < TAPS; t = t + 1) begin
                        sum = sum + product_q[32*t +: 32];
                    end
                end
            end

            always @(posedge clk) begin
                if (valid1_q) begin
                    sum_q <= sum;
                end
                if (valid2_q) begin
                    total_q <= (first2_q ? 32'd0 : old[32*i +: 32]) + sum_q;
                end
            end

            assign total[32*i +: 32] = total_q;
        end
    endgenerate

    npu_ram_1r1w #(
        .DEPTH    (ACC_DEPTH),
        .LANES    (1),
        .LANE_W   (LANES * 32)
    ) u_accumulators (
        .clk      (clk),
        .wr_en    (valid3_q),
        .wr_addr  (index3_q),
        .wr_lanes (1'b1),
        .wr_data  (total),
        .rd_en    (valid1_q && !first1_q),
        .rd_addr  (index1_q),
        .rd_data  (old)
    );

    assign out = total;

endmodule

`default_nettype wire
