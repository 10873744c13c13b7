// One synchronous read port and one write port with lane enables: the only memory cell besides
// the register-based ones. Read latency is one cycle. In the cycle in which a word is written, a
// read of it gives undefined values for the lanes written; the other lanes must read as they are.
`default_nettype none

module npu_ram_1r1w #(
    parameter DEPTH  = 16,                         // words
    parameter LANES  = 1,                          // separately writable lanes per word
    parameter LANE_W = 8,                          // bits per lane
    parameter RAM    = "auto",                     // auto, block or ultra: cells of an FPGA
    parameter ADDR_W = (DEPTH > 1) ? $clog2(DEPTH) : 1
) (
    input  wire                    clk,
    input  wire                    wr_en,
    input  wire [ADDR_W-1:0]       wr_addr,
    input  wire [LANES-1:0]        wr_lanes,
    input  wire [LANES*LANE_W-1:0] wr_data,
    input  wire                    rd_en,
    input  wire [ADDR_W-1:0]       rd_addr,
    output reg  [LANES*LANE_W-1:0] rd_data
);

    (* ram_style = RAM *)
    reg [LANES*LANE_W-1:0] mem [0:DEPTH-1];

    // Told apart by their last letters, since names of unlike lengths cannot be compared.
    localparam [7:0] LETTER = RAM[7:0];
    generate
        if (LETTER != "o" && LETTER != "k" && LETTER != "a") begin : gen_ram_check
            npu_error_ram_must_be_auto_block_or_ultra u_error ();
        end
    endgenerate

    // One block per lane: a loop over many lanes in one block is beyond what Verilator unrolls.
    genvar lane;
    generate
        for (lane = 0; lane < LANES; lane = lane + 1) begin : gen_lane
            always @(posedge clk) begin
                if (wr_en && wr_lanes[lane]) begin
                    mem[wr_addr][lane*LANE_W +: LANE_W] <= wr_data[lane*LANE_W +: LANE_W];
                end
            end
        end
    endgenerate

    always @(posedge clk) begin
        if (rd_en) begin
            rd_data <= mem[rd_addr];
        end
    end

endmodule

`default_nettype wire
