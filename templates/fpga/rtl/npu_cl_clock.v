// Clock and reset of the machine where it does not run on the shell's clock: an MMCM of its own.
// Output: input clock * MULT_8 / (DIVIDE * OUT_8), with MULT_8 and OUT_8 in eighths.
`default_nettype none

module npu_cl_clock #(
    parameter MULT_8 = 32,
    parameter DIVIDE = 1,
    parameter OUT_8  = 64,
    parameter real IN_PERIOD = 4.0                 // ns
) (
    input  wire clk,
    input  wire rst,
    output wire npu_clk,
    output wire npu_rst
);

    wire feedback;
    wire feedback_buffered;
    wire raw;
    wire locked;

    MMCME4_BASE #(
        .CLKIN1_PERIOD   (IN_PERIOD),
        .CLKFBOUT_MULT_F (MULT_8 / 8.0),
        .DIVCLK_DIVIDE   (DIVIDE),
        .CLKOUT0_DIVIDE_F(OUT_8 / 8.0)
    ) u_mmcm (
        .CLKIN1   (clk),
        .CLKFBIN  (feedback_buffered),
        .CLKFBOUT (feedback),
        .CLKOUT0  (raw),
        .LOCKED   (locked),
        .PWRDWN   (1'b0),
        .RST      (rst)
    );

    BUFG u_feedback (
        .I(feedback),
        .O(feedback_buffered)
    );

    BUFG u_buffer (
        .I(raw),
        .O(npu_clk)
    );

    // Released some cycles after the clock stands, in step with it.
    wire      down;
    reg [7:0] down_q;

    npu_cl_sync u_sync (
        .clk(npu_clk),
        .in (rst || !locked),
        .out(down)
    );

    always @(posedge npu_clk) begin
        down_q <= down ? 8'hff : {down_q[6:0], 1'b0};
    end

    assign npu_rst = down_q[7];

endmodule

`default_nettype wire
