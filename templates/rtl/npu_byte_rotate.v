// Rotates a vector of bytes: out byte j is in byte (j + amount) mod LANES. Combinational, one
// layer of two-way multiplexers per bit of `amount`; layers whose bit is constant cost nothing.
`default_nettype none

module npu_byte_rotate #(
    parameter LANES    = 16,                       // a power of two from 2
    parameter AMOUNT_W = $clog2(LANES)
) (
    input  wire [AMOUNT_W-1:0] amount,
    input  wire [8*LANES-1:0]  in_bytes,
    output wire [8*LANES-1:0]  out_bytes
);

    genvar i;
    generate
        for (i = 0; i < AMOUNT_W; i = i + 1) begin : gen_layer
            localparam SHIFT = 8 * (1 << i);
            wire [8*LANES-1:0] plain;
            wire [8*LANES-1:0] turned = {plain[SHIFT-1:0], plain[8*LANES-1:SHIFT]};
            wire [8*LANES-1:0] result = amount[i] ? turned : plain;

            if (i == 0) begin : gen_first
                assign plain = in_bytes;
            end else begin : gen_next
                assign plain = gen_layer[i-1].result;
            end
        end
    endgenerate

    assign out_bytes = gen_layer[AMOUNT_W-1].result;

endmodule

`default_nettype wire
