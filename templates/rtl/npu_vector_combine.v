// Joins two values of a reduction, one pair per cycle, binary32 sums included. Stage k loads when
// enable[k] is set; `out` stands LATENCY cycles after the values.
`default_nettype none

module npu_vector_combine #(
    parameter LATENCY = 5                          // fixed: the adder's registers
) (
    input  wire               clk,
    input  wire [LATENCY-1:0] enable,
    input  wire [31:0]        left,
    input  wire [31:0]        right,
    input  wire               first,               // there is no left: right passes
    input  wire [1:0]         kind,                // as npu_vector_join
    input  wire               is_float,
    output wire [31:0]        out
);

    localparam [1:0] KIND_SUM = 2'd1;

    wire        add = is_float && !first && (kind == KIND_SUM);
    wire [31:0] joined;
    wire [31:0] sum;

    npu_vector_join #(
        .ENABLE_FLOAT (1)
    ) u_join (
        .left         (left),
        .right        (right),
        .kind         (kind),
        .is_float     (is_float),
        .out          (joined)
    );

    npu_f32_add #(
        .SPECIALS (1)
    ) u_add (
        .clk      (clk),
        .enable   (enable),
        .a        (left),
        .b        (right),
        .out      (sum)
    );

    // Value k stands after stage k.
    reg [31:0]        value_q [0:LATENCY-1];
    reg [LATENCY-1:0] add_q;

    assign out = add_q[LATENCY-1] ? sum : value_q[LATENCY-1];

    genvar stage;
    generate
        for (stage = 0; stage < LATENCY; stage = stage + 1) begin : gen_stage
            if (stage == 0) begin : gen_first
                always @(posedge clk) begin
                    if (enable[0]) begin
                        value_q[0] <= first ? right : joined;
                        add_q[0]   <= add;
                    end
                end
            end else begin : gen_next
                always @(posedge clk) begin
                    if (enable[stage]) begin
                        value_q[stage] <= value_q[stage-1];
                        add_q[stage]   <= add_q[stage-1];
                    end
                end
            end
        end
    endgenerate

endmodule

`default_nettype wire
