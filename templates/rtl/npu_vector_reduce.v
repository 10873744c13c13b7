// Reduction of one lane over consecutive values: the first value of a group replaces the register,
// the others join it. `out` is the value of the group so far, one cycle after the last `enable`.
`default_nettype none

module npu_vector_reduce #(
    parameter ENABLE_FLOAT = 0
) (
    input  wire        clk,
    input  wire        enable,
    input  wire        first,
    input  wire [1:0]  kind,                       // as npu_vector_join; none: first is set
    input  wire        is_float,                   // no sum: that takes longer than a cycle
    input  wire [31:0] in,
    output reg  [31:0] out
);

    wire [31:0] joined;

    npu_vector_join #(
        .ENABLE_FLOAT (ENABLE_FLOAT)
    ) u_join (
        .left         (out),
        .right        (in),
        .kind         (kind),
        .is_float     (is_float),
        .out          (joined)
    );

    always @(posedge clk) begin
        if (enable) begin
            out <= first ? in : joined;
        end
    end

endmodule

`default_nettype wire
