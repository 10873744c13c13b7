// Custom operations, extensions.vector_ops of the configuration: a pipeline for each in every lane.
// The stage of a register is the cycle, counted from the one in which a and b are presented, at
// whose end it loads. What is ready before the last stage waits.
//
[%- for op in ops %]
//   [[ op.line ]]
[%- endfor %]
`default_nettype none

module npu_vector_custom #(
    parameter LANES   = 16,
    parameter BASE    = 3,                         // stage in which `early` stands
    parameter SLOWEST = [[ slowest ]],             // derived: of the operations
    parameter LATENCY = ((BASE > SLOWEST) ? BASE : SLOWEST) + 1   // derived: one to choose
) (
    input  wire                clk,
    input  wire                rst,
    input  wire [LATENCY-1:0]  valid,              // an element stands in stage k
    input  wire [6:0]          op,                 // stage 0: number of the function
    input  wire [LANES*32-1:0] a,                  // stage 0
    input  wire [LANES*32-1:0] b,                  // stage 0
    input  wire [31:0]         imm,                // stage 0: operand c
    input  wire [LANES*32-1:0] early,              // stage BASE: result of any other function
    output wire [LANES*32-1:0] out                 // stage LATENCY
);

    localparam LAST        = LATENCY - 1;
    localparam EARLY_DEPTH = (LAST > BASE + 1) ? 1 << $clog2(LAST - BASE) : 2;
[%- for op in ops %]
    localparam [6:0] OP_[[ op.upper ]] = 7'd[[ op.number ]];
[%- endfor %]
    // Stages in which the results stand.
[%- for op in ops %]
    localparam AT_[[ op.upper ]] = [[ op.latency ]];
[%- endfor %]

    // Number of the function in stage k at 7 k.
    reg  [7*LATENCY-1:7] op_q;
    wire [7*LATENCY-1:0] ops        = {op_q, op};
    wire [6:0]           op_last    = ops[7*LAST +: 7];
    wire                 other      = !ops[7*BASE + 6];
    wire                 other_last = !op_last[6];

    always @(posedge clk) begin
        op_q <= ops[7*LAST-1:0];
    end

    // ---- Operations -----------------------------------------------------------------------

    wire [LANES*32-1:0] early_last;
[%- for op in ops %]
    wire [LANES*32-1:0] [[ op.wire ]];
    wire [LANES*32-1:0] [[ op.wire_last ]];
[%- endfor %]

    genvar i;
    generate
        for (i = 0; i < LANES; i = i + 1) begin : gen_lane
[%- for op in ops %]
            [[ op.module ]] [[ op.instance ]] (
                .clk (clk),
                .a   (a[32*i +: 32]),
[%- if op.operands > 1 %]
                .b   (b[32*i +: 32]),
[%- endif %]
[%- if op.operands > 2 %]
                .c   (imm),
[%- endif %]
                .out ([[ op.wire ]][32*i +: 32])
            );
[%- if !loop.last %]
[# a blank line between instances #]
[%- endif %]
[%- endfor %]
        end

        if (BASE == LAST) begin : gen_early
            assign early_last = early;

            wire unused_other = &{1'b0, other, other_last};
        end else begin : gen_wait_early
            npu_delay #(
                .WIDTH     (LANES * 32),
                .DEPTH     (EARLY_DEPTH)
            ) u_early (
                .clk       (clk),
                .rst       (rst),
                .push      (valid[BASE] && other),
                .push_data (early),
                .pop       (valid[LAST] && other_last),
                .pop_data  (early_last)
            );
        end
[%- for op in ops %]

        if (LAST == AT_[[ op.upper ]]) begin : gen_[[ op.wire ]]
            assign [[ op.wire_last ]] = [[ op.wire ]];
        end else begin : gen_wait_[[ op.wire ]]
            npu_delay #(
                .WIDTH     (LANES * 32),
                .DEPTH     (1 << $clog2(LAST - AT_[[ op.upper ]] + 1))
            ) u_wait_[[ op.wire ]] (
                .clk       (clk),
                .rst       (rst),
                .push      (valid[AT_[[ op.upper ]]]
                            && ops[7*AT_[[ op.upper ]] +: 7] == OP_[[ op.upper ]]),
                .push_data ([[ op.wire ]]),
                .pop       (valid[LAST] && op_last == OP_[[ op.upper ]]),
                .pop_data  ([[ op.wire_last ]])
            );
        end
[%- endfor %]
    endgenerate

    // ---- Choice ---------------------------------------------------------------------------

    reg  [LANES*32-1:0] chosen;
    reg  [LANES*32-1:0] out_q;

    assign out = out_q;

    always @* begin
        case (op_last)
[%- for op in ops %]
            OP_[[ op.upper ]]: chosen = [[ op.wire_last ]];
[%- endfor %]
            default: chosen = early_last;
        endcase
    end

    always @(posedge clk) begin
        if (valid[LAST]) begin
            out_q <= chosen;
        end
    end

    wire unused_operands = &{1'b0, rst, valid, b, imm};

endmodule

`default_nettype wire
