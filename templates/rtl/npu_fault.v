// Keeps the first fault: of those reported in one cycle the one with the lowest index, and nothing
// after it until `clear`.
`default_nettype none

module npu_fault #(
    parameter NUM_SOURCES = 2,
    parameter PC_W        = 24,
    parameter ADDR_W      = 40
) (
    input  wire                          clk,
    input  wire                          rst,
    input  wire                          clear,
    input  wire                          enable,   // a program runs
    input  wire [NUM_SOURCES-1:0]        source_valid,
    input  wire [8*NUM_SOURCES-1:0]      source_cause,
    input  wire [3*NUM_SOURCES-1:0]      source_engine,
    input  wire [PC_W*NUM_SOURCES-1:0]   source_pc,
    input  wire [ADDR_W*NUM_SOURCES-1:0] source_address,

    output reg                           fault_valid,
    output reg  [7:0]                    fault_cause,
    output reg  [2:0]                    fault_engine,
    output reg  [PC_W-1:0]               fault_pc,
    output reg  [ADDR_W-1:0]             fault_address
);

    localparam RECORD_W = 8 + 3 + PC_W + ADDR_W;

    reg  [RECORD_W-1:0] chosen;
    integer             k;

    always @* begin
        chosen = {RECORD_W{1'b0}};
        for (k = NUM_SOURCES - 1; k >= 0; k = k - 1) begin
            if (source_valid[k]) begin
                chosen = {source_cause[8*k +: 8], source_engine[3*k +: 3],
                          source_pc[PC_W*k +: PC_W], source_address[ADDR_W*k +: ADDR_W]};
            end
        end
    end

    always @(posedge clk) begin
        if (rst || clear) begin
            fault_valid   <= 1'b0;
            fault_cause   <= 8'd0;
            fault_engine  <= 3'd0;
            fault_pc      <= {PC_W{1'b0}};
            fault_address <= {ADDR_W{1'b0}};
        end else if (enable && !fault_valid && (source_valid != {NUM_SOURCES{1'b0}})) begin
            fault_valid <= 1'b1;
            {fault_cause, fault_engine, fault_pc, fault_address} <= chosen;
        end
    end

endmodule

`default_nettype wire
