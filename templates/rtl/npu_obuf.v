// Accumulators. Each sum vector is added to the word at its address, or replaces it; the result
// goes back, or with `drain` leaves to the post-processor two cycles after it came. The same
// address may come again after RMW_DISTANCE = 4 cycles (3 would do) as long as it is read.
`default_nettype none

module npu_obuf #(
    parameter COLS  = 16,
    parameter DEPTH = 512                          // vectors, from 2
) (
    input  wire                     clk,
    input  wire                     rst,
    input  wire                     y_valid,
    input  wire [COLS*32-1:0]       y,
    input  wire [$clog2(DEPTH)-1:0] y_addr,
    input  wire                     y_replace,
    input  wire                     y_drain,
    output wire                     acc_valid,
    output wire [COLS*32-1:0]       acc
);

    localparam ADDR_W = $clog2(DEPTH);

    reg               add_valid_q;                 // one cycle later: the old word is there
    reg               add_replace_q;
    reg               add_drain_q;
    reg [ADDR_W-1:0]  add_addr_q;
    reg [COLS*32-1:0] add_y_q;
    reg               sum_valid_q;                 // two cycles later
    reg               sum_drain_q;
    reg [ADDR_W-1:0]  sum_addr_q;
    reg [COLS*32-1:0] sum_q;

    wire [COLS*32-1:0] old;

    assign acc_valid = sum_valid_q && sum_drain_q;
    assign acc       = sum_q;

    npu_ram_1r1w #(
        .DEPTH    (DEPTH),
        .LANES    (1),
        .LANE_W   (COLS * 32)
    ) u_ram (
        .clk      (clk),
        .wr_en    (sum_valid_q && !sum_drain_q),
        .wr_addr  (sum_addr_q),
        .wr_lanes (1'b1),
        .wr_data  (sum_q),
        .rd_en    (y_valid && !y_replace),
        .rd_addr  (y_addr),
        .rd_data  (old)
    );

    always @(posedge clk) begin
        if (rst) begin
            add_valid_q <= 1'b0;
            sum_valid_q <= 1'b0;
        end else begin
            add_valid_q <= y_valid;
            sum_valid_q <= add_valid_q;
        end
        if (y_valid) begin
            add_replace_q <= y_replace;
            add_drain_q   <= y_drain;
            add_addr_q    <= y_addr;
            add_y_q       <= y;
        end
        if (add_valid_q) begin
            sum_drain_q <= add_drain_q;
            sum_addr_q  <= add_addr_q;
        end
    end

    genvar i;
    generate
        for (i = 0; i < COLS; i = i + 1) begin : gen_col
            always @(posedge clk) begin
                if (add_valid_q) begin
                    sum_q[32*i +: 32] <= add_replace_q ? add_y_q[32*i +: 32]
                                       : old[32*i +: 32] + add_y_q[32*i +: 32];
                end
            end
        end
    endgenerate

endmodule

`default_nettype wire
