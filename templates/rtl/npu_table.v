// Lookup tables of 256 bytes with one read port per lane: each lane has a copy, all are written
// together. A word holds four entries; the data comes in the cycle after the read.
`default_nettype none

module npu_table #(
    parameter TABLES = 4,                          // 1 to 8
    parameter LANES  = 16
) (
    input  wire               clk,
    input  wire               wr_en,
    input  wire [23:0]        wr_addr,             // words beyond the last table are not written
    input  wire [31:0]        wr_data,
    input  wire               rd_en,
    input  wire [2:0]         rd_table,
    input  wire [8*LANES-1:0] rd_index,
    output wire [8*LANES-1:0] rd_data
);

    localparam DEPTH  = 64 * TABLES;
    localparam ADDR_W = $clog2(DEPTH);
    localparam [23:0] DEPTH_WORDS = DEPTH[23:0];

    wire       wr_inside = wr_en && (wr_addr < DEPTH_WORDS);
    wire [8:0] rd_block  = {rd_table, 6'd0};

    genvar i;
    generate
        for (i = 0; i < LANES; i = i + 1) begin : gen_lane
            reg  [1:0]  entry_q;
            wire [31:0] word;

            assign rd_data[8*i +: 8] = word[8*entry_q +: 8];

            always @(posedge clk) begin
                if (rd_en) begin
                    entry_q <= rd_index[8*i +: 2];
                end
            end

            npu_ram_1r1w #(
                .DEPTH    (DEPTH),
                .LANES    (1),
                .LANE_W   (32)
            ) u_ram (
                .clk      (clk),
                .wr_en    (wr_inside),
                .wr_addr  (wr_addr[ADDR_W-1:0]),
                .wr_lanes (1'b1),
                .wr_data  (wr_data),
                .rd_en    (rd_en),
                .rd_addr  (rd_block[ADDR_W-1:0] | {{(ADDR_W-6){1'b0}}, rd_index[8*i+2 +: 6]}),
                .rd_data  (word)
            );
        end
    endgenerate

    generate
        if (ADDR_W < 9) begin : gen_few
            wire unused_table = &{1'b0, rd_block[8:ADDR_W]};
        end
    endgenerate

endmodule

`default_nettype wire
