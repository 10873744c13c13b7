// AXI4 read master for one user: takes ranges of bytes and returns the beats that contain them, in
// order. Room for a burst is reserved in the queue before its address is raised, so that read data
// is always accepted. After an error response no more data comes out.
`default_nettype none

module npu_axi_reader #(
    parameter BUS_W       = 128,
    parameter ADDR_W      = 64,
    parameter BYTES_W     = 24,
    parameter MAX_BURST   = 16,                    // beats, 1 to 256, at most FIFO_BEATS
    parameter OUTSTANDING = 16,                    // bursts, from 2
    parameter FIFO_BEATS  = 256                    // from 4; latency times rate and a burst
) (
    input  wire               clk,
    input  wire               rst,
    input  wire               halt,                // start no new burst
    output wire               quiet,               // no burst is outstanding

    input  wire               req_valid,
    output wire               req_ready,
    input  wire [ADDR_W-1:0]  req_addr,
    input  wire [BYTES_W-1:0] req_bytes,           // at least 1

    output wire               data_valid,
    input  wire               data_ready,
    output wire [BUS_W-1:0]   data,

    output wire               arvalid,
    input  wire               arready,
    output wire [ADDR_W-1:0]  araddr,
    output wire [7:0]         arlen,
    input  wire               rvalid,
    output wire               rready,
    input  wire [BUS_W-1:0]   rdata,
    input  wire [1:0]         rresp,
    input  wire               rlast,

    output wire               error_valid,         // level
    output wire [ADDR_W-1:0]  error_address,       // of the burst
    output wire               count_beat,          // a beat arrived
    output wire               count_burst,         // a burst is complete,
    output wire [15:0]        count_latency        // so many cycles after it was issued
);

    localparam FREE_W = $clog2(FIFO_BEATS + 1);
    localparam CMP_W  = (FREE_W > 9) ? FREE_W : 9;
    localparam [FREE_W-1:0] ALL_FREE = FIFO_BEATS[FREE_W-1:0];

    generate
        if (MAX_BURST > FIFO_BEATS) begin : gen_burst_check
            npu_error_axi_reader_max_burst_must_not_exceed_fifo_beats u_error ();
        end
    endgenerate

    wire              burst_valid;
    wire [ADDR_W-1:0] burst_addr;
    wire [8:0]        burst_beats;
    wire              burst_last;
    wire              slot_free;                   // fewer than OUTSTANDING bursts in flight
    wire              in_flight;
    wire [ADDR_W-1:0] flight_addr;
    wire [15:0]       flight_time;
    wire              fifo_ready;
    wire              fifo_valid;

    reg               arvalid_q;
    reg  [ADDR_W-1:0] araddr_q;
    reg  [7:0]        arlen_q;
    reg  [FREE_W-1:0] free_q;                      // beats not yet promised to a burst
    reg  [15:0]       time_q;
    reg               error_q;
    reg  [ADDR_W-1:0] error_addr_q;

    wire [CMP_W-1:0]  free_wide  = {{(CMP_W-FREE_W){1'b0}}, free_q};
    wire [CMP_W-1:0]  beats_wide = {{(CMP_W-9){1'b0}}, burst_beats};
    wire              issue = burst_valid && slot_free && !halt && (!arvalid_q || arready)
                           && (beats_wide <= free_wide);
    wire              pop   = data_valid && data_ready;
    wire [8:0]        len   = burst_beats - 9'd1;

    assign rready        = 1'b1;
    assign arvalid       = arvalid_q;
    assign araddr        = araddr_q;
    assign arlen         = arlen_q;
    assign data_valid    = fifo_valid && !error_q;
    assign quiet         = !in_flight;
    assign error_valid   = error_q;
    assign error_address = error_addr_q;
    assign count_beat    = rvalid;
    assign count_burst   = rvalid && rlast;
    assign count_latency = time_q - flight_time;

    always @(posedge clk) begin
        if (rst) begin
            arvalid_q <= 1'b0;
            free_q    <= ALL_FREE;
            time_q    <= 16'd0;
            error_q   <= 1'b0;
        end else begin
            time_q <= time_q + 16'd1;
            if (issue) begin
                arvalid_q <= 1'b1;
            end else if (arready) begin
                arvalid_q <= 1'b0;
            end
            free_q <= free_q - (issue ? beats_wide[FREE_W-1:0] : {FREE_W{1'b0}})
                    + {{(FREE_W-1){1'b0}}, pop};
            if (rvalid && rresp[1]) begin
                error_q <= 1'b1;
            end
        end
    end

    always @(posedge clk) begin
        if (issue) begin
            araddr_q <= burst_addr;
            arlen_q  <= len[7:0];
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
        .req_last    (1'b0),
        .burst_valid (burst_valid),
        .burst_ready (issue),
        .burst_addr  (burst_addr),
        .burst_beats (burst_beats),
        .burst_last  (burst_last)
    );

    // Bursts in flight: entered when issued, left with their last beat.
    wire [$clog2(OUTSTANDING + 1)-1:0] flight_level;

    npu_fifo #(
        .WIDTH (ADDR_W + 16),
        .DEPTH (OUTSTANDING)
    ) u_flight (
        .clk        (clk),
        .rst        (rst),
        .push_valid (issue),
        .push_ready (slot_free),
        .push_data  ({burst_addr, time_q}),
        .pop_valid  (in_flight),
        .pop_ready  (rvalid && rlast),
        .pop_data   ({flight_addr, flight_time}),
        .level      (flight_level)
    );

    wire [FREE_W-1:0] fifo_level;

    npu_fifo_ram #(
        .WIDTH (BUS_W),
        .DEPTH (FIFO_BEATS)
    ) u_data (
        .clk        (clk),
        .rst        (rst),
        .push_valid (rvalid),
        .push_ready (fifo_ready),
        .push_data  (rdata),
        .pop_valid  (fifo_valid),
        .pop_ready  (pop),
        .pop_data   (data),
        .level      (fifo_level)
    );

    wire unused_bits = &{1'b0, burst_last, fifo_ready, fifo_level, flight_level, rresp[0], len[8]};

endmodule

`default_nettype wire
