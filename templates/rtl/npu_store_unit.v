// One unit of a word, on the low lanes of a beat; zero above.
`default_nettype none

module npu_store_unit #(
    parameter BUS_BYTES  = 16,
    parameter UNIT_BYTES = 16,                     // at most BUS_BYTES
    parameter UNITS      = 4,                      // in a word
    parameter INDEX_W    = 2
) (
    input  wire [8*UNIT_BYTES*UNITS-1:0] word,
    input  wire [INDEX_W-1:0]            index,
    output wire [8*BUS_BYTES-1:0]        lanes
);

    localparam UNIT_W = 8 * UNIT_BYTES;

    reg [UNIT_W-1:0] unit;
    integer          i;

    always @* begin
        unit = {UNIT_W{1'b0}};
        for (i = 0; i < UNITS; i = i + 1) begin
            if (index == i[INDEX_W-1:0]) begin
                unit = word[UNIT_W*i +: UNIT_W];
            end
        end
    end

    generate
        if (UNIT_BYTES < BUS_BYTES) begin : gen_narrow
            assign lanes = {{(8*(BUS_BYTES-UNIT_BYTES)){1'b0}}, unit};
        end else begin : gen_whole
            assign lanes = unit;
        end
    endgenerate

endmodule

`default_nettype wire
