// Delays a word by DEPTH cycles, unconditionally: becomes shift-register LUTs on FPGAs.
`default_nettype none

module npu_shift #(
    parameter WIDTH = 8,
    parameter DEPTH = 1                            // from 1
) (
    input  wire             clk,
    input  wire [WIDTH-1:0] in,
    output wire [WIDTH-1:0] out
);

    reg  [WIDTH*DEPTH-1:0]     shift_q;
    wire [WIDTH*(DEPTH+1)-1:0] shift = {shift_q, in};

    assign out = shift[WIDTH*DEPTH +: WIDTH];

    always @(posedge clk) begin
        shift_q <= shift[WIDTH*DEPTH-1:0];
    end

endmodule

`default_nettype wire
