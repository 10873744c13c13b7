// The arithmetic of the lanes without their control: an ALU per lane and the float domain.
`default_nettype none

module float_bench #(
    parameter LANES    = 4,
    parameter SEGMENTS = 48,
    parameter LATENCY  = (SEGMENTS > 0) ? 24 : 9
) (
    input  wire                clk,
    input  wire                rst,
    input  wire                coeff_wr_en,
    input  wire [23:0]         coeff_wr_addr,
    input  wire [31:0]         coeff_wr_data,
    input  wire                in_valid,
    input  wire [6:0]          op,
    input  wire [38:0]         settings,
    input  wire [31:0]         imm,
    input  wire [LANES*32-1:0] a,
    input  wire [LANES*32-1:0] b,
    output wire                out_valid,
    output wire [LANES*32-1:0] out
);

    reg  [LATENCY:1]    valid_q;
    wire [LATENCY:0]    valid = {valid_q, in_valid};
    wire [LANES*32-1:0] early;

    assign out_valid = valid[LATENCY];

    always @(posedge clk) begin
        if (rst) begin
            valid_q <= {LATENCY{1'b0}};
        end else begin
            valid_q <= valid[LATENCY-1:0];
        end
    end

    genvar i;
    generate
        for (i = 0; i < LANES; i = i + 1) begin : gen_lane
            npu_vector_alu #(
                .ENABLE_FLOAT (1)
            ) u_alu (
                .clk          (clk),
                .enable       (valid[2:0]),
                .op           (op),
                .a            (a[32*i +: 32]),
                .b            (b[32*i +: 32]),
                .imm          (imm),
                .out          (early[32*i +: 32])
            );
        end
    endgenerate

    npu_vector_float #(
        .LANES         (LANES),
        .SEGMENTS      (SEGMENTS)
    ) u_float (
        .clk           (clk),
        .rst           (rst),
        .coeff_wr_en   (coeff_wr_en),
        .coeff_wr_addr (coeff_wr_addr),
        .coeff_wr_data (coeff_wr_data),
        .valid         (valid[LATENCY-1:0]),
        .op            (op),
        .settings      (settings),
        .a             (a),
        .b             (b),
        .early         (early),
        .out           (out)
    );

endmodule

`default_nettype wire
