// Places a unit of LOAD in its word: repeats the unit's bytes over the word and enables the lanes
// at the unit's position.
`default_nettype none

module npu_word_lanes #(
    parameter WORD_BYTES = 16,
    parameter UNIT_BYTES = 4,                      // divides WORD_BYTES
    parameter UNIT_W     = 8,                      // bits of a position
    parameter LANE_W     = 8                       // bits; divides the unit
) (
    input  wire [UNIT_W-1:0]              unit,
    input  wire [8*UNIT_BYTES-1:0]        unit_data,
    output wire [8*WORD_BYTES/LANE_W-1:0] lanes,
    output wire [8*WORD_BYTES-1:0]        data
);

    localparam NUM_UNITS = WORD_BYTES / UNIT_BYTES;
    localparam PER_UNIT  = 8 * UNIT_BYTES / LANE_W;

    assign data = {NUM_UNITS{unit_data}};

    genvar u;
    generate
        for (u = 0; u < NUM_UNITS; u = u + 1) begin : gen_unit
            assign lanes[u*PER_UNIT +: PER_UNIT] = {PER_UNIT{unit == u[UNIT_W-1:0]}};
        end
    endgenerate

endmodule

`default_nettype wire
