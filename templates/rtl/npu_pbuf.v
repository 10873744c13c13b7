// Parameters per output channel: a word holds the biases and then the scales of one block of
// channels. GEMM reads a word in any cycle and has it RD_LATENCY = 2 cycles later; LOAD writes in
// any cycle. Addresses not below the depth do nothing and are reported in the same cycle.
`default_nettype none

module npu_pbuf #(
    parameter DEPTH  = 128,                        // words
    parameter LANES  = 8,                          // separately written parts of a word
    parameter LANE_W = 128
) (
    input  wire                    clk,
    input  wire                    rst,

    input  wire                    rd_valid,
    input  wire [23:0]             rd_addr,
    output reg                     rd_data_valid,
    output reg  [LANES*LANE_W-1:0] rd_data,
    output wire                    rd_range_error,

    input  wire                    wr_valid,
    input  wire [23:0]             wr_addr,
    input  wire [LANES-1:0]        wr_lanes,
    input  wire [LANES*LANE_W-1:0] wr_data,
    output wire                    wr_range_error
);

    localparam ADDR_W = (DEPTH > 1) ? $clog2(DEPTH) : 1;
    localparam [24:0] DEPTH_WORDS = DEPTH[24:0];

    wire [LANES*LANE_W-1:0] ram_data;
    reg                     read_q;
    wire                    wr_inside = ({1'b0, wr_addr} < DEPTH_WORDS);
    wire                    rd_inside = ({1'b0, rd_addr} < DEPTH_WORDS);

    assign wr_range_error = wr_valid && !wr_inside;
    assign rd_range_error = rd_valid && !rd_inside;

    npu_ram_1r1w #(
        .DEPTH (DEPTH),
        .LANES (LANES),
        .LANE_W(LANE_W)
    ) u_ram (
        .clk     (clk),
        .wr_en   (wr_valid && wr_inside),
        .wr_addr (wr_addr[ADDR_W-1:0]),
        .wr_lanes(wr_lanes),
        .wr_data (wr_data),
        .rd_en   (rd_valid && rd_inside),
        .rd_addr (rd_addr[ADDR_W-1:0]),
        .rd_data (ram_data)
    );

    always @(posedge clk) begin
        if (rst) begin
            read_q        <= 1'b0;
            rd_data_valid <= 1'b0;
        end else begin
            read_q        <= rd_valid;
            rd_data_valid <= read_q;
        end
    end

    always @(posedge clk) begin
        if (read_q) begin
            rd_data <= ram_data;
        end
    end

endmodule

`default_nettype wire
