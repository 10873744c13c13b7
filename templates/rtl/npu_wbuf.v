// Weight ring: words in streaming order, addresses modulo the depth. GEMM reads a word in any
// cycle and has it RD_LATENCY = 2 cycles later. LOAD writes whenever it wants; VECTOR waits for a
// cycle without LOAD. A write is visible to a read of the next cycle.
`default_nettype none

module npu_wbuf #(
    parameter DEPTH  = 1024,                       // words: a power of two
    parameter LANES  = 1,                          // separately written parts of a word
    parameter LANE_W = 128
) (
    input  wire                    clk,
    input  wire                    rst,

    input  wire                    rd_valid,
    input  wire [23:0]             rd_addr,
    output reg                     rd_data_valid,
    output reg  [LANES*LANE_W-1:0] rd_data,

    input  wire                    load_wr_valid,
    input  wire [23:0]             load_wr_addr,
    input  wire [LANES-1:0]        load_wr_lanes,
    input  wire [LANES*LANE_W-1:0] load_wr_data,

    input  wire                    vector_wr_valid,
    output wire                    vector_wr_ready,
    input  wire [23:0]             vector_wr_addr,
    input  wire [LANES-1:0]        vector_wr_lanes,
    input  wire [LANES*LANE_W-1:0] vector_wr_data
);

    localparam ADDR_W = (DEPTH > 1) ? $clog2(DEPTH) : 1;

    wire [LANES*LANE_W-1:0] ram_data;
    reg                     read_q;
    wire [23:0]             wr_addr = load_wr_valid ? load_wr_addr : vector_wr_addr;

    assign vector_wr_ready = !load_wr_valid;

    npu_ram_1r1w #(
        .DEPTH (DEPTH),
        .LANES (LANES),
        .LANE_W(LANE_W)
    ) u_ram (
        .clk     (clk),
        .wr_en   (load_wr_valid || vector_wr_valid),
        .wr_addr (wr_addr[ADDR_W-1:0]),
        .wr_lanes(load_wr_valid ? load_wr_lanes : vector_wr_lanes),
        .wr_data (load_wr_valid ? load_wr_data : vector_wr_data),
        .rd_en   (rd_valid),
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

    // The output register of a large memory.
    always @(posedge clk) begin
        if (read_q) begin
            rd_data <= ram_data;
        end
    end

    wire unused_addr = &{1'b0, wr_addr, rd_addr};

endmodule

`default_nettype wire
