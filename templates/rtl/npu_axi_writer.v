// AXI4 write master: takes ranges of bytes and, in the same order, the beats that contain them. A
// burst's address is raised when all its beats are in the queue, so that no burst waits for data
// half way; address and data do not wait for each other.
`default_nettype none

module npu_axi_writer #(
    parameter BUS_W       = 128,
    parameter ADDR_W      = 64,
    parameter BYTES_W     = 24,
    parameter MAX_BURST   = 16,                    // beats, 1 to 256, at most FIFO_BEATS
    parameter OUTSTANDING = 16,                    // bursts, from 2
    parameter FIFO_BEATS  = 64                     // from 4; two bursts for full rate
) (
    input  wire               clk,
    input  wire               rst,
    input  wire               halt,                // start no new burst
    output wire               quiet,               // no burst is outstanding

    input  wire               req_valid,
    output wire               req_ready,
    input  wire [ADDR_W-1:0]  req_addr,
    input  wire [BYTES_W-1:0] req_bytes,           // at least 1
    input  wire               req_last,            // answer with `done`

    input  wire               data_valid,
    output wire               data_ready,
    input  wire [BUS_W-1:0]   data,
    input  wire [BUS_W/8-1:0] data_strb,

    output wire               awvalid,
    input  wire               awready,
    output wire [ADDR_W-1:0]  awaddr,
    output wire [7:0]         awlen,
    output wire               wvalid,
    input  wire               wready,
    output wire [BUS_W-1:0]   wdata,
    output wire [BUS_W/8-1:0] wstrb,
    output wire               wlast,
    input  wire               bvalid,
    output wire               bready,
    input  wire [1:0]         bresp,

    output wire               done,                // a request with req_last is written: one cycle
    output wire               error_valid,         // level; no `done` after it
    output wire [ADDR_W-1:0]  error_address        // of the burst
);

    localparam STRB_W  = BUS_W / 8;
    localparam LEVEL_W = $clog2(FIFO_BEATS + 1);
    localparam CMP_W   = (LEVEL_W > 9) ? LEVEL_W : 9;
    localparam LENGTHS = 4;                        // bursts whose data has not gone out

    generate
        if (MAX_BURST > FIFO_BEATS) begin : gen_burst_check
            npu_error_axi_writer_max_burst_must_not_exceed_fifo_beats u_error ();
        end
    endgenerate

    wire               burst_valid;
    wire [ADDR_W-1:0]  burst_addr;
    wire [8:0]         burst_beats;
    wire               burst_last;
    wire               slot_free;                  // fewer than OUTSTANDING bursts in flight
    wire               in_flight;
    wire [ADDR_W-1:0]  flight_addr;
    wire               flight_last;
    wire               length_free;
    wire               length_valid;
    wire [7:0]         length;                     // less one, of the burst whose data goes out
    wire               beat_valid;

    reg                awvalid_q;
    reg  [ADDR_W-1:0]  awaddr_q;
    reg  [7:0]         awlen_q;
    reg  [LEVEL_W-1:0] unclaimed_q;                // beats in the queue that belong to no burst yet
    reg  [7:0]         sent_q;                     // beats sent of the burst at work
    reg                done_q;
    reg                error_q;
    reg  [ADDR_W-1:0]  error_addr_q;

    wire [CMP_W-1:0]   have_wide  = {{(CMP_W-LEVEL_W){1'b0}}, unclaimed_q};
    wire [CMP_W-1:0]   beats_wide = {{(CMP_W-9){1'b0}}, burst_beats};
    wire               issue = burst_valid && slot_free && length_free && !halt
                            && (!awvalid_q || awready) && (beats_wide <= have_wide);
    wire               push  = data_valid && data_ready;
    wire               send  = wvalid && wready;
    wire [8:0]         len   = burst_beats - 9'd1;

    assign awvalid       = awvalid_q;
    assign awaddr        = awaddr_q;
    assign awlen         = awlen_q;
    assign wvalid        = length_valid && beat_valid;
    assign wlast         = (sent_q == length);
    assign bready        = 1'b1;
    assign quiet         = !in_flight;
    assign done          = done_q;
    assign error_valid   = error_q;
    assign error_address = error_addr_q;

    always @(posedge clk) begin
        if (rst) begin
            awvalid_q   <= 1'b0;
            unclaimed_q <= {LEVEL_W{1'b0}};
            sent_q      <= 8'd0;
            done_q      <= 1'b0;
            error_q     <= 1'b0;
        end else begin
            if (issue) begin
                awvalid_q <= 1'b1;
            end else if (awready) begin
                awvalid_q <= 1'b0;
            end
            unclaimed_q <= unclaimed_q + {{(LEVEL_W-1){1'b0}}, push}
                         - (issue ? beats_wide[LEVEL_W-1:0] : {LEVEL_W{1'b0}});
            if (send) begin
                sent_q <= wlast ? 8'd0 : sent_q + 8'd1;
            end
            done_q <= bvalid && flight_last && !bresp[1] && !error_q;
            if (bvalid && bresp[1]) begin
                error_q <= 1'b1;
            end
        end
    end

    always @(posedge clk) begin
        if (issue) begin
            awaddr_q <= burst_addr;
            awlen_q  <= len[7:0];
        end
        if (!error_q) begin
            error_addr_q <= flight_addr;
        end
    end

    npu_axi_bursts #(
        .BUS_W     (BUS_W),
        .ADDR_W    (ADDR_W),
        .BYTES_W   (BYTES_W),
        .MAX_BURST (MAX_BURST)
    ) u_bursts (
        .clk         (clk),
        .rst         (rst),
        .req_valid   (req_valid),
        .req_ready   (req_ready),
        .req_addr    (req_addr),
        .req_bytes   (req_bytes),
        .req_last    (req_last),
        .burst_valid (burst_valid),
        .burst_ready (issue),
        .burst_addr  (burst_addr),
        .burst_beats (burst_beats),
        .burst_last  (burst_last)
    );

    // Bursts in flight: entered when issued, left with their response.
    wire [$clog2(OUTSTANDING + 1)-1:0] flight_level;

    npu_fifo #(
        .WIDTH (ADDR_W + 1),
        .DEPTH (OUTSTANDING)
    ) u_flight (
        .clk        (clk),
        .rst        (rst),
        .push_valid (issue),
        .push_ready (slot_free),
        .push_data  ({burst_addr, burst_last}),
        .pop_valid  (in_flight),
        .pop_ready  (bvalid),
        .pop_data   ({flight_addr, flight_last}),
        .level      (flight_level)
    );

    // Their lengths, for the data channel.
    wire [$clog2(LENGTHS + 1)-1:0] length_level;

    npu_fifo #(
        .WIDTH (8),
        .DEPTH (LENGTHS)
    ) u_lengths (
        .clk        (clk),
        .rst        (rst),
        .push_valid (issue),
        .push_ready (length_free),
        .push_data  (len[7:0]),
        .pop_valid  (length_valid),
        .pop_ready  (send && wlast),
        .pop_data   (length),
        .level      (length_level)
    );

    wire [LEVEL_W-1:0] fifo_level;

    npu_fifo_ram #(
        .WIDTH (STRB_W + BUS_W),
        .DEPTH (FIFO_BEATS)
    ) u_data (
        .clk        (clk),
        .rst        (rst),
        .push_valid (data_valid),
        .push_ready (data_ready),
        .push_data  ({data_strb, data}),
        .pop_valid  (beat_valid),
        .pop_ready  (send),
        .pop_data   ({wstrb, wdata}),
        .level      (fifo_level)
    );

    wire unused_bits = &{1'b0, flight_level, length_level, fifo_level, bresp[0], len[8]};

endmodule

`default_nettype wire
