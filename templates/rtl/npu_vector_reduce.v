// Reduction of one lane over consecutive values: the first value of a group replaces the register,
// the others join it. `out` is the value of the group so far, one cycle after the last `enable`.
`default_nettype none

module npu_vector_reduce (
    input  wire        clk,
    input  wire        enable,
    input  wire        first,
    input  wire [1:0]  kind,                       // see KIND_*; without reduction first is set
    input  wire [31:0] in,
    output reg  [31:0] out
);

    localparam [1:0] KIND_MAX = 2'd2;
    localparam [1:0] KIND_MIN = 2'd3;

    wire below = ($signed(in) < $signed(out));

    always @(posedge clk) begin
        if (enable) begin
            if (first) begin
                out <= in;
            end else if (kind == KIND_MAX) begin
                out <= below ? out : in;
            end else if (kind == KIND_MIN) begin
                out <= below ? in : out;
            end else begin
                out <= out + in;
            end
        end
    end

endmodule

`default_nettype wire
