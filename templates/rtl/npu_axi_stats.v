// Watches an AXI4 master: what has happened in this cycle, for the counters, and what is under
// way, for the hang report and for those who must wait until nothing is.
`default_nettype none

module npu_axi_stats #(
    parameter DATA_W  = 128,
    parameter LEVEL_W = 8                          // bits of the numbers of outstanding bursts
) (
    input  wire               clk,
    input  wire               rst,
    input  wire               arvalid,
    input  wire               arready,
    input  wire               rvalid,
    input  wire               rready,
    input  wire               rlast,
    input  wire               awvalid,
    input  wire               awready,
    input  wire               wvalid,
    input  wire               wready,
    input  wire               bvalid,
    input  wire               bready,

    output wire [7:0]         read_bytes,          // moved in this cycle
    output wire [7:0]         write_bytes,
    output wire               read_begun,          // a burst accepted in this cycle
    output wire               write_begun,
    output reg  [LEVEL_W-1:0] reads,               // bursts accepted and not finished
    output reg  [LEVEL_W-1:0] writes,
    output wire               quiet                // nothing outstanding, nothing offered
);

    localparam BUS_BYTES = DATA_W / 8;
    localparam [LEVEL_W-1:0] ONE = {{(LEVEL_W-1){1'b0}}, 1'b1};

    wire read_ended  = rvalid && rready && rlast;
    wire write_ended = bvalid && bready;

    assign read_begun  = arvalid && arready;
    assign write_begun = awvalid && awready;
    assign read_bytes  = (rvalid && rready) ? BUS_BYTES[7:0] : 8'd0;
    assign write_bytes = (wvalid && wready) ? BUS_BYTES[7:0] : 8'd0;
    assign quiet       = (reads == {LEVEL_W{1'b0}}) && (writes == {LEVEL_W{1'b0}})
                      && !arvalid && !awvalid && !wvalid;

    always @(posedge clk) begin
        if (rst) begin
            reads  <= {LEVEL_W{1'b0}};
            writes <= {LEVEL_W{1'b0}};
        end else begin
            if (read_begun && !read_ended) begin
                reads <= reads + ONE;
            end else if (!read_begun && read_ended) begin
                reads <= reads - ONE;
            end
            if (write_begun && !write_ended) begin
                writes <= writes + ONE;
            end else if (!write_begun && write_ended) begin
                writes <= writes - ONE;
            end
        end
    end

endmodule

`default_nettype wire
