// The contract of every stream, docs/rtl.md: once valid is high, it and the payload hold until the
// beat is accepted. Assumed where the unit listens (ASSUME = 1), asserted where it speaks.
module stream_props #(
    parameter WIDTH  = 8,
    parameter ASSUME = 0
) (
    input wire             clk,
    input wire             rst,
    input wire             valid,
    input wire             ready,
    input wire [WIDTH-1:0] payload
);

    reg             waiting_q = 1'b0;
    reg [WIDTH-1:0] payload_q;

    always @(posedge clk) begin
        waiting_q <= valid && !ready && !rst;
        payload_q <= payload;
    end

    wire holds = !waiting_q || (valid && payload == payload_q);

    generate
        if (ASSUME != 0) begin : gen_assume
            always @* assume (rst || holds);
        end else begin : gen_assert
            always @* assert (rst || holds);
        end
    endgenerate

endmodule
