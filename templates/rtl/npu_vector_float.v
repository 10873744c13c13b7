// What makes every function of a lane take the same LATENCY: the results of the ALU wait, and those
// of binary32 arithmetic come from y = p * q + r, one multiplier and one adder per lane.
//
//   fadd  a * 1 + b      fmul  a * b + (-0)     i2f       1 * d + (-0)
//   fsub  a * 1 + (-b)   fsqr  a * a + (-0)     function  (c2 * d + c1) * d + c0
//
// The stage of a register is the cycle, counted from the one in which a and b are presented, at
// whose end it loads. Stages 1 and 2 are f2i; from stage FROM on, three are the product, five the
// sum and one chooses. With SEGMENTS the function unit works in the stages before FROM and
// converts integers on its way; without, i2f is a unit of stages 0 to 2.
`default_nettype none

module npu_vector_float #(
    parameter LANES    = 16,
    parameter SEGMENTS = 512,                      // of the function unit; 0: there is none
    parameter FROM     = (SEGMENTS > 0) ? 15 : 0,  // derived
    parameter LATENCY  = FROM + 9                  // derived
) (
    input  wire                clk,
    input  wire                rst,

    input  wire                coeff_wr_en,
    input  wire [23:0]         coeff_wr_addr,
    input  wire [31:0]         coeff_wr_data,

    input  wire [LATENCY-1:0]  valid,              // an element stands in stage k
    input  wire [6:0]          op,                 // stage 0: number of the function, see OP_*
    input  wire [38:0]         settings,           // stage 0: register `function`
    input  wire [LANES*32-1:0] a,                  // stage 0
    input  wire [LANES*32-1:0] b,                  // stage 0
    input  wire [LANES*32-1:0] early,              // stage 3: result of any other function
    output wire [LANES*32-1:0] out                 // stage LATENCY
);

    localparam [6:0]  OP_FADD     = 7'd20;
    localparam [6:0]  OP_FSUB     = 7'd21;
    localparam [6:0]  OP_FMUL     = 7'd22;
    localparam [6:0]  OP_I2F      = 7'd28;
    localparam [6:0]  OP_F2I      = 7'd29;
    localparam [6:0]  OP_FSQR     = 7'd32;
    localparam [6:0]  OP_FUNCTION = 7'd33;
    // What an element is here.
    localparam [2:0]  IS_OTHER    = 3'd0;
    localparam [2:0]  IS_F2I      = 3'd1;
    localparam [2:0]  IS_I2F      = 3'd2;
    localparam [2:0]  IS_ADD      = 3'd3;
    localparam [2:0]  IS_SUB      = 3'd4;
    localparam [2:0]  IS_MUL      = 3'd5;
    localparam [2:0]  IS_SQUARE   = 3'd6;
    localparam [2:0]  IS_FUNCTION = 3'd7;
    localparam [2:0]  IS_LATE     = (SEGMENTS > 0) ? IS_I2F : IS_ADD;  // and all above

    localparam        SUM_FROM    = FROM + 3;
    localparam        LAST        = LATENCY - 1;
    localparam        EARLY_DEPTH = (SEGMENTS > 0) ? 32 : 8;
    localparam [31:0] ONE         = 32'h3F800000;
    localparam [31:0] MINUS_ZERO  = 32'h80000000;

    // ---- Control --------------------------------------------------------------------------

    reg  [2:0]           kind0;
    reg  [3*LATENCY-1:3] kind_q;
    wire [3*LATENCY-1:0] kinds = {kind_q, kind0};  // three bits per stage

    always @* begin
        case (op)
            OP_FADD:     kind0 = IS_ADD;
            OP_FSUB:     kind0 = IS_SUB;
            OP_FMUL:     kind0 = IS_MUL;
            OP_I2F:      kind0 = IS_I2F;
            OP_F2I:      kind0 = IS_F2I;
            OP_FSQR:     kind0 = IS_SQUARE;
            OP_FUNCTION: kind0 = IS_FUNCTION;
            default:     kind0 = IS_OTHER;
        endcase
    end

    always @(posedge clk) begin
        kind_q <= kinds[3*LATENCY-4:0];
    end

    wire [LATENCY-1:0] late;                       // p * q + r works in stage k
    wire [LATENCY-1:0] whole_at;                   // f2i
    wire [LATENCY-1:0] convert_at;                 // i2f
    wire [LATENCY-1:0] function_at;
    wire [LATENCY-1:0] paired_at;                  // a and b go through p, q and r
    wire [LATENCY-1:0] addend_at;                  // b is r

    genvar k;
    generate
        for (k = 0; k < LATENCY; k = k + 1) begin : gen_stage
            wire [2:0] kind = kinds[3*k +: 3];

            assign late[k]        = valid[k] && (kind >= IS_LATE);
            assign whole_at[k]    = valid[k] && (kind == IS_F2I || kind == IS_FUNCTION);
            assign convert_at[k]  = valid[k] && (kind == IS_I2F);
            assign function_at[k] = valid[k] && (kind == IS_FUNCTION);
            assign paired_at[k]   = valid[k] && (kind >= IS_ADD) && (kind != IS_FUNCTION);
            assign addend_at[k]   = valid[k] && (kind == IS_ADD || kind == IS_SUB);
        end
    endgenerate

    wire [2:0] kind3     = kinds[3*3 +: 3];
    wire [2:0] kind_from = kinds[3*FROM +: 3];

    // ---- Values that wait -----------------------------------------------------------------

    wire [LANES*32-1:0] early3;
    wire [LANES*32-1:0] early_last;
    wire [LANES*32-1:0] a_from;
    wire [LANES*32-1:0] b_from;
    wire [LANES*32-1:0] addend_from;
    wire [LANES*32-1:0] addend;
    wire [LANES*32-1:0] whole;
    wire [LANES*32-1:0] converted;
    wire [LANES*32-1:0] slope;
    wire [LANES*32-1:0] distance;
    wire [LANES*32-1:0] offset;
    wire [LANES*32-1:0] sum;
    wire [LANES*32-1:0] result;
    reg  [LANES*32-1:0] out_q;

    assign out = out_q;

    npu_delay #(
        .WIDTH     (LANES * 32),
        .DEPTH     (EARLY_DEPTH)
    ) u_early (
        .clk       (clk),
        .rst       (rst),
        .push      (valid[3] && !late[3]),
        .push_data (early3),
        .pop       (valid[LAST] && !late[LAST]),
        .pop_data  (early_last)
    );

    npu_delay #(
        .WIDTH     (LANES * 32),
        .DEPTH     (4)
    ) u_addend (
        .clk       (clk),
        .rst       (rst),
        .push      (addend_at[FROM]),
        .push_data (addend_from),
        .pop       (addend_at[SUM_FROM]),
        .pop_data  (addend)
    );

    always @(posedge clk) begin
        if (valid[LAST]) begin
            out_q <= !late[LAST] ? early_last : function_at[LAST] ? result : sum;
        end
    end

    generate
        if (SEGMENTS > 0) begin : gen_function
            npu_delay #(
                .WIDTH     (LANES * 64),
                .DEPTH     (16)
            ) u_operands (
                .clk       (clk),
                .rst       (rst),
                .push      (paired_at[0]),
                .push_data ({b, a}),
                .pop       (paired_at[FROM]),
                .pop_data  ({b_from, a_from})
            );

            npu_vector_function #(
                .LANES         (LANES),
                .SEGMENTS      (SEGMENTS)
            ) u_function (
                .clk           (clk),
                .rst           (rst),
                .coeff_wr_en   (coeff_wr_en),
                .coeff_wr_addr (coeff_wr_addr),
                .coeff_wr_data (coeff_wr_data),
                .evaluate      (function_at),
                .convert       (convert_at),
                .settings      (settings),
                .x             (a),
                .whole         (whole),
                .slope         (slope),
                .distance      (distance),
                .offset        (offset),
                .poly          (sum),
                .result        (result)
            );

            assign converted = {(LANES*32){1'b0}};
        end else begin : gen_no_function
            assign a_from   = a;
            assign b_from   = b;
            assign slope    = {(LANES*32){1'b0}};
            assign distance = {(LANES*32){1'b0}};
            assign offset   = {(LANES*32){1'b0}};
            assign result   = {(LANES*32){1'b0}};

            wire unused_function = &{1'b0, coeff_wr_en, coeff_wr_addr, coeff_wr_data, settings};
        end
    endgenerate

    // ---- Lanes ----------------------------------------------------------------------------

    genvar i;
    generate
        for (i = 0; i < LANES; i = i + 1) begin : gen_lane
            wire [31:0] x  = a[32*i +: 32];
            wire [31:0] ai = a_from[32*i +: 32];
            wire [31:0] bi = b_from[32*i +: 32];
            wire [31:0] product;
            reg  [31:0] p;
            reg  [31:0] q;
            reg  [31:0] number_q;                  // for f2i

            // The function wants x * 2^24 as an integer.
            wire [8:0]  scaled  = {1'b0, x[30:23]} + 9'd24;
            wire        special = (x[30:23] == 8'hFF);
            wire        beyond  = !special && (scaled >= 9'd255);

            always @(posedge clk) begin
                if (whole_at[0]) begin
                    number_q <= (kind0 == IS_F2I || special || x[30:23] == 8'd0) ? x
                              : beyond ? {x[31], 8'hFF, 23'd0}
                              : {x[31], scaled[7:0], x[22:0]};
                end
            end

            npu_f2i #(
                .SPECIALS (1)
            ) u_whole (
                .clk      (clk),
                .enable   (whole_at[2:1]),
                .in       (number_q),
                .out      (whole[32*i +: 32])
            );

            assign early3[32*i +: 32] = (kind3 == IS_F2I) ? whole[32*i +: 32]
                                      : (kind3 == IS_I2F) ? converted[32*i +: 32]
                                      : early[32*i +: 32];

            always @* begin
                p = ai;
                q = ONE;
                case (kind_from)
                    IS_MUL: begin
                        q = bi;
                    end
                    IS_SQUARE: begin
                        q = ai;
                    end
                    IS_I2F: begin
                        p = ONE;
                        q = distance[32*i +: 32];
                    end
                    IS_FUNCTION: begin
                        p = slope[32*i +: 32];
                        q = distance[32*i +: 32];
                    end
                    default: begin
                        q = ONE;
                    end
                endcase
            end

            assign addend_from[32*i +: 32] = {bi[31] ^ (kind_from == IS_SUB), bi[30:0]};

            npu_f32_mul #(
                .SPECIALS (1)
            ) u_product (
                .clk      (clk),
                .enable   (late[FROM +: 3]),
                .a        (p),
                .b        (q),
                .out      (product)
            );

            npu_f32_add #(
                .SPECIALS (1)
            ) u_sum (
                .clk      (clk),
                .enable   (late[SUM_FROM +: 5]),
                .a        (product),
                .b        (addend_at[SUM_FROM] ? addend[32*i +: 32]
                           : function_at[SUM_FROM] ? offset[32*i +: 32] : MINUS_ZERO),
                .out      (sum[32*i +: 32])
            );

            if (SEGMENTS == 0) begin : gen_convert
                npu_i2f u_convert (
                    .clk    (clk),
                    .enable (convert_at[2:0]),
                    .in     (x),
                    .out    (converted[32*i +: 32])
                );
            end
        end
    endgenerate

    wire unused_stages = &{1'b0, late, whole_at, convert_at, function_at, paired_at, addend_at};

endmodule

`default_nettype wire
