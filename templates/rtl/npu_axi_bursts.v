// Cuts a range of bytes into AXI bursts of full-width beats: none crosses a 4 KiB boundary or has
// more than MAX_BURST beats. Addresses are those of the first beat. One burst per cycle.
`default_nettype none

module npu_axi_bursts #(
    parameter BUS_W     = 128,
    parameter ADDR_W    = 64,
    parameter BYTES_W   = 24,
    parameter MAX_BURST = 16                       // beats, 1 to 256
) (
    input  wire               clk,
    input  wire               rst,
    input  wire               req_valid,
    output wire               req_ready,
    input  wire [ADDR_W-1:0]  req_addr,            // first byte
    input  wire [BYTES_W-1:0] req_bytes,           // at least 1
    input  wire               req_last,            // mark that the request's last burst carries
    output wire               burst_valid,
    input  wire               burst_ready,
    output wire [ADDR_W-1:0]  burst_addr,          // aligned to the bus width
    output wire [8:0]         burst_beats,         // 1 to MAX_BURST
    output wire               burst_last
);

    localparam BUS_BYTES  = BUS_W / 8;
    localparam BYTE_W     = $clog2(BUS_BYTES);     // bits of a byte's position in a beat
    localparam LINE_W     = ADDR_W - BYTE_W;       // bits of a beat's address
    localparam PAGE_BEATS = 4096 / BUS_BYTES;
    localparam PAGE_W     = 12 - BYTE_W;
    localparam COUNT_W    = BYTES_W + 1;           // bits of a number of bytes plus an offset
    localparam LEFT_W     = (COUNT_W - BYTE_W > 12) ? COUNT_W - BYTE_W : 12;
    localparam LIMIT      = (MAX_BURST < PAGE_BEATS) ? MAX_BURST : PAGE_BEATS;
    localparam [LEFT_W-1:0] MAX_BEATS = LIMIT[LEFT_W-1:0];
    localparam [LEFT_W-1:0] PAGE      = PAGE_BEATS[LEFT_W-1:0];

    // Beats of the request: its bytes, counted from the start of the first beat, rounded up.
    wire [COUNT_W-1:0] end_byte = {1'b0, req_bytes}
        + {{(COUNT_W-BYTE_W){1'b0}}, req_addr[BYTE_W-1:0]} - {{(COUNT_W-1){1'b0}}, 1'b1};
    wire [LEFT_W-1:0]  req_beats = {{(LEFT_W-COUNT_W+BYTE_W){1'b0}}, end_byte[COUNT_W-1:BYTE_W]}
        + {{(LEFT_W-1){1'b0}}, 1'b1};

    // Rest of the request that is being cut.
    reg               left_valid_q;
    reg [LINE_W-1:0]  line_q;
    reg [LEFT_W-1:0]  left_q;
    reg               left_last_q;

    // Next burst.
    reg               burst_valid_q;
    reg [LINE_W-1:0]  burst_line_q;
    reg [8:0]         burst_beats_q;
    reg               burst_last_q;

    wire [LEFT_W-1:0] room  = PAGE - {{(LEFT_W-PAGE_W){1'b0}}, line_q[PAGE_W-1:0]};
    wire [LEFT_W-1:0] limit = (room < MAX_BEATS) ? room : MAX_BEATS;
    wire              rest  = (left_q <= limit);   // this burst is the request's last
    wire [LEFT_W-1:0] beats = rest ? left_q : limit;
    wire              cut   = left_valid_q && (!burst_valid_q || burst_ready);

    assign req_ready   = !left_valid_q || (cut && rest);
    assign burst_valid = burst_valid_q;
    assign burst_addr  = {burst_line_q, {BYTE_W{1'b0}}};
    assign burst_beats = burst_beats_q;
    assign burst_last  = burst_last_q;

    always @(posedge clk) begin
        if (rst) begin
            left_valid_q  <= 1'b0;
            burst_valid_q <= 1'b0;
        end else begin
            if (req_valid && req_ready) begin
                left_valid_q <= 1'b1;
            end else if (cut && rest) begin
                left_valid_q <= 1'b0;
            end
            if (cut) begin
                burst_valid_q <= 1'b1;
            end else if (burst_ready) begin
                burst_valid_q <= 1'b0;
            end
        end
    end

    always @(posedge clk) begin
        if (req_valid && req_ready) begin
            line_q      <= req_addr[ADDR_W-1:BYTE_W];
            left_q      <= req_beats;
            left_last_q <= req_last;
        end else if (cut) begin
            line_q <= line_q + {{(LINE_W-9){1'b0}}, beats[8:0]};
            left_q <= left_q - beats;
        end
        if (cut) begin
            burst_line_q  <= line_q;
            burst_beats_q <= beats[8:0];
            burst_last_q  <= left_last_q && rest;
        end
    end

    wire unused_byte = &{1'b0, end_byte[BYTE_W-1:0]};

endmodule

`default_nettype wire
