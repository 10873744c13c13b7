// Proof of npu_axi_reader. The memory holds in every beat the beat's own address, so the data that
// comes out must count through the lines of the requests: loss, duplication, reordering and wrong
// addresses all show. Bursts: aligned, not too long, not across 4 KiB, not too many, none without
// room for its data.
module axi_reader_formal #(
    parameter MAX_BURST   = 3,
    parameter OUTSTANDING = 2,
    parameter FIFO_BEATS  = 4
) (
    input wire        clk,
    input wire        halt,
    input wire        req_valid,
    input wire [15:0] req_addr,
    input wire [3:0]  req_bytes,
    input wire        data_ready,
    input wire        arready,
    input wire        rvalid
);

    reg rst = 1'b1;
    always @(posedge clk) rst <= 1'b0;

    wire        quiet;
    wire        req_ready;
    wire        data_valid;
    wire [15:0] data;
    wire        arvalid;
    wire [15:0] araddr;
    wire [7:0]  arlen;
    wire        rready;
    wire [15:0] rdata;
    wire        rlast;
    wire        error_valid;
    wire [15:0] error_address;
    wire        count_beat;
    wire        count_burst;
    wire [15:0] count_latency;

    npu_axi_reader #(
        .BUS_W(16), .ADDR_W(16), .BYTES_W(4), .MAX_BURST(MAX_BURST), .OUTSTANDING(OUTSTANDING),
        .FIFO_BEATS(FIFO_BEATS)
    ) u_dut (
        .clk(clk), .rst(rst), .halt(halt), .quiet(quiet), .req_valid(req_valid),
        .req_ready(req_ready), .req_addr(req_addr), .req_bytes(req_bytes), .data_valid(data_valid),
        .data_ready(data_ready), .data(data), .arvalid(arvalid), .arready(arready),
        .araddr(araddr), .arlen(arlen), .rvalid(rvalid), .rready(rready), .rdata(rdata),
        .rresp(2'b00), .rlast(rlast), .error_valid(error_valid), .error_address(error_address),
        .count_beat(count_beat), .count_burst(count_burst), .count_latency(count_latency));

    // Requests near a 4 KiB boundary are enough: elsewhere less happens, and the solver has less to do.
    always @* assume (!req_valid || req_addr[15:4] == 12'h0ff || req_addr[15:4] == 12'h100);

    // Requests: at least a byte, not beyond the address space.
    wire [16:0] req_end = {1'b0, req_addr} + {13'd0, req_bytes} - 17'd1;
    always @* assume (!req_valid || (req_bytes != 4'd0 && !req_end[16]));
    stream_props #(.WIDTH(20), .ASSUME(1)) u_req (
        .clk(clk), .rst(rst), .valid(req_valid), .ready(req_ready),
        .payload({req_addr, req_bytes}));

    // Memory: answers accepted bursts in order, beat by beat, with free delays.
    wire        ar    = arvalid && arready && !rst;
    wire        r     = rvalid && rready && !rst;
    wire        busy;
    wire [14:0] burst_line;
    wire [7:0]  burst_len;
    reg  [7:0]  beat = 8'd0;
    formal_queue #(.WIDTH(23), .DEPTH(OUTSTANDING)) u_bursts (
        .clk(clk), .rst(rst), .push(ar_q), .push_data(ar_data_q), .pop(r && rlast),
        .filled(busy), .head({burst_line, burst_len}));
    reg         ar_q = 1'b0;                       // the memory sees an address one cycle later
    reg  [22:0] ar_data_q;
    always @(posedge clk) begin
        ar_q      <= ar;
        ar_data_q <= {araddr[15:1], arlen};
        if (r) beat <= rlast ? 8'd0 : beat + 8'd1;
    end
    always @* assume (rst ? !rvalid : (!rvalid || busy));
    assign rdata = {1'b0, burst_line + {7'd0, beat}};
    assign rlast = (beat == burst_len);

    // Data: the lines of the requests, one after the other.
    wire        req = req_valid && req_ready && !rst;
    wire        out = data_valid && data_ready && !rst;
    wire        expecting;
    wire [14:0] first_line;
    wire [14:0] last_line;
    reg  [14:0] moved = 15'd0;                     // beats of the request that have come out
    wire [14:0] line  = first_line + moved;
    formal_queue #(.WIDTH(30), .DEPTH(7)) u_requests (
        .clk(clk), .rst(rst), .push(req), .push_data({req_addr[15:1], req_end[15:1]}),
        .pop(out && line == last_line), .filled(expecting), .head({first_line, last_line}));
    always @(posedge clk) if (out) moved <= (line == last_line) ? 15'd0 : moved + 15'd1;

    // Bursts in flight, and beats asked for that have not come out: all of them must find room.
    reg  [7:0]  flight = 8'd0;
    reg  [7:0]  promised = 8'd0;
    always @(posedge clk) promised <= promised + (ar ? arlen + 8'd1 : 8'd0) - {7'd0, out};
    always @(posedge clk) flight <= flight + {7'd0, ar} - {7'd0, r && rlast};
    reg         held_q = 1'b0;                     // an address was up and not taken
    reg         halt_q = 1'b0;
    always @(posedge clk) begin
        held_q <= arvalid && !arready && !rst;
        halt_q <= halt && !rst;
    end

    wire [12:0] burst_end = {2'b00, araddr[11:1]} + {5'd0, arlen};
    always @* if (!rst) begin
        assert (rready);
        assert (!error_valid);
        if (arvalid) begin
            assert (!araddr[0]);
            assert ({1'b0, arlen} < MAX_BURST);
            assert (burst_end <= 13'd2047);
            assert (flight < OUTSTANDING);
            assert (promised + arlen < FIFO_BEATS);
            assert (held_q || !halt_q);
        end
        if (quiet) begin
            assert (!arvalid && flight == 8'd0);
        end
        if (data_valid) begin
            assert (expecting);
            assert (data == {1'b0, line});
        end
    end
    stream_props #(.WIDTH(24), .ASSUME(0)) u_ar (
        .clk(clk), .rst(rst), .valid(arvalid), .ready(arready), .payload({araddr, arlen}));
    stream_props #(.WIDTH(16), .ASSUME(0)) u_data (
        .clk(clk), .rst(rst), .valid(data_valid), .ready(data_ready), .payload(data));

    // Not vacuous: a request of several bursts comes through.
    always @* cover (!rst && out && line == last_line && moved == 15'd4);

endmodule
