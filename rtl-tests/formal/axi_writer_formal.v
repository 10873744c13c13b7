// Proof of npu_axi_writer. Every data beat carries the address of its line, so each beat on the bus
// must carry the line its burst's address says, with WLAST on the last. Bursts: aligned, not too
// long, not across 4 KiB, raised only when all their data is inside. `done` comes exactly once for
// each marked request, after the response to its last burst.
module axi_writer_formal #(
    parameter MAX_BURST   = 2,
    parameter OUTSTANDING = 2,
    parameter FIFO_BEATS  = 4
) (
    input wire        clk,
    input wire        halt,
    input wire        req_valid,
    input wire [15:0] req_addr,
    input wire [3:0]  req_bytes,
    input wire        req_last,
    input wire        data_valid,
    input wire        awready,
    input wire        wready,
    input wire        bvalid
);

    reg rst = 1'b1;
    always @(posedge clk) rst <= 1'b0;

    wire        quiet;
    wire        req_ready;
    wire        data_ready;
    wire [15:0] data;
    wire        awvalid;
    wire [15:0] awaddr;
    wire [7:0]  awlen;
    wire        wvalid;
    wire [15:0] wdata;
    wire [1:0]  wstrb;
    wire        wlast;
    wire        bready;
    wire        done;
    wire        error_valid;
    wire [15:0] error_address;

    npu_axi_writer #(
        .BUS_W(16), .ADDR_W(16), .BYTES_W(4), .MAX_BURST(MAX_BURST), .OUTSTANDING(OUTSTANDING),
        .FIFO_BEATS(FIFO_BEATS)
    ) u_dut (
        .clk(clk), .rst(rst), .halt(halt), .quiet(quiet), .req_valid(req_valid),
        .req_ready(req_ready), .req_addr(req_addr), .req_bytes(req_bytes), .req_last(req_last),
        .data_valid(data_valid), .data_ready(data_ready), .data(data), .data_strb(data[1:0]),
        .awvalid(awvalid), .awready(awready), .awaddr(awaddr), .awlen(awlen), .wvalid(wvalid),
        .wready(wready), .wdata(wdata), .wstrb(wstrb), .wlast(wlast), .bvalid(bvalid),
        .bready(bready), .bresp(2'b00), .done(done), .error_valid(error_valid),
        .error_address(error_address));

    // Requests near a 4 KiB boundary are enough: elsewhere less happens, and the solver has less to do.
    always @* assume (!req_valid || req_addr[15:4] == 12'h0ff || req_addr[15:4] == 12'h100);

    // Requests, and the data that belongs to them.
    wire [16:0] req_end = {1'b0, req_addr} + {13'd0, req_bytes} - 17'd1;
    wire        req     = req_valid && req_ready && !rst;
    wire        push    = data_valid && data_ready && !rst;
    always @* assume (!req_valid || (req_bytes != 4'd0 && !req_end[16]));
    stream_props #(.WIDTH(21), .ASSUME(1)) u_req (
        .clk(clk), .rst(rst), .valid(req_valid), .ready(req_ready),
        .payload({req_addr, req_bytes, req_last}));

    wire        feeding;
    wire [4:0]  feed_first;
    wire [4:0]  feed_last;
    reg  [4:0]  fed = 5'd0;
    wire [4:0]  feed_line = feed_first + fed;
    formal_queue #(.WIDTH(10), .DEPTH(5)) u_feed (
        .clk(clk), .rst(rst), .push(req), .push_data({req_addr[5:1], req_end[5:1]}),
        .pop(push && feed_line == feed_last), .filled(feeding), .head({feed_first, feed_last}));
    always @(posedge clk) if (push) fed <= (feed_line == feed_last) ? 5'd0 : fed + 5'd1;
    always @* assume (rst || !data_valid || feeding);
    assign data = {11'd0, feed_line};
    stream_props #(.WIDTH(16), .ASSUME(1)) u_push (
        .clk(clk), .rst(rst), .valid(data_valid), .ready(data_ready), .payload(data));

    // A burst begins in the cycle its address is raised; its data may go out from then on.
    reg         held_q = 1'b0;
    reg         halt_q = 1'b0;
    always @(posedge clk) begin
        held_q <= awvalid && !awready && !rst;
        halt_q <= halt && !rst;
    end
    wire        raised = awvalid && !held_q && !rst;
    wire        send   = wvalid && wready && !rst;
    wire        sending;
    wire [4:0]  burst_line;
    wire [7:0]  burst_len;
    reg  [7:0]  beat = 8'd0;
    formal_queue #(.WIDTH(13), .DEPTH(OUTSTANDING + 1)) u_bursts (
        .clk(clk), .rst(rst), .push(raised), .push_data({awaddr[5:1], awlen}),
        .pop(send && wlast), .filled(sending), .head({burst_line, burst_len}));
    wire [4:0]  line = burst_line + beat[4:0];
    always @(posedge clk) if (send) beat <= wlast ? 8'd0 : beat + 8'd1;

    // Bursts follow the requests' lines without gap or overlap.
    wire        cutting;
    wire [4:0]  cut_first;
    wire [4:0]  cut_last;
    wire        cut_mark;
    reg  [4:0]  cut = 5'd0;
    wire [4:0]  burst_last_line = awaddr[5:1] + awlen[4:0];
    wire        ends_request = (burst_last_line == cut_last);
    formal_queue #(.WIDTH(11), .DEPTH(5)) u_cut (
        .clk(clk), .rst(rst), .push(req), .push_data({req_addr[5:1], req_end[5:1], req_last}),
        .pop(raised && ends_request), .filled(cutting), .head({cut_first, cut_last, cut_mark}));
    always @(posedge clk) if (raised) cut <= ends_request ? 5'd0 : cut + awlen[4:0] + 5'd1;

    // Responses: for bursts whose address and data have been taken, in order.
    reg  [7:0]  aw_count = 8'd0;
    reg  [7:0]  w_count  = 8'd0;
    reg  [7:0]  b_count  = 8'd0;
    reg  [7:0]  raised_count = 8'd0;
    reg  [7:0]  beats_in     = 8'd0;
    reg  [7:0]  beats_raised = 8'd0;
    wire        b = bvalid && !rst;
    always @(posedge clk) begin
        aw_count     <= aw_count + {7'd0, awvalid && awready && !rst};
        w_count      <= w_count + {7'd0, send && wlast};
        b_count      <= b_count + {7'd0, b};
        raised_count <= raised_count + {7'd0, raised};
        beats_in     <= beats_in + {7'd0, push};
        beats_raised <= beats_raised + (raised ? awlen + 8'd1 : 8'd0);
    end
    always @* assume (rst ? !bvalid : (!bvalid || (b_count != aw_count && b_count != w_count)));
    wire        marked;
    formal_queue #(.WIDTH(1), .DEPTH(OUTSTANDING + 1)) u_marks (
        .clk(clk), .rst(rst), .push(raised), .push_data(cut_mark && ends_request), .pop(b),
        .filled(), .head(marked));
    reg         due_q = 1'b0;
    always @(posedge clk) due_q <= b && marked;

    wire [12:0] burst_end = {2'b00, awaddr[11:1]} + {5'd0, awlen};
    always @* if (!rst) begin
        assert (bready);
        assert (!error_valid);
        assert (done == due_q);
        if (awvalid) begin
            assert (!awaddr[0]);
            assert ({1'b0, awlen} < MAX_BURST);
            assert (burst_end <= 13'd2047);
        end
        if (raised) begin
            assert (cutting);
            // The lines that requests can have differ in five bits; the others follow.
            assert (awaddr[5:1] == cut_first + cut);
            assert (awaddr[15:5] == (awaddr[5] ? 11'h07f : 11'h080));
            assert (beats_raised + awlen + 8'd1 <= beats_in);
            assert (!halt_q);
        end
        if (wvalid) begin
            assert (sending);
            assert (wdata == {11'd0, line});
            assert (wstrb == line[1:0]);
            assert (wlast == (beat == burst_len));
        end
        assert (raised_count - b_count <= OUTSTANDING);
        if (quiet) begin
            assert (raised_count == b_count && !awvalid && !wvalid);
        end
    end
    stream_props #(.WIDTH(24), .ASSUME(0)) u_aw (
        .clk(clk), .rst(rst), .valid(awvalid), .ready(awready), .payload({awaddr, awlen}));
    stream_props #(.WIDTH(19), .ASSUME(0)) u_w (
        .clk(clk), .rst(rst), .valid(wvalid), .ready(wready), .payload({wdata, wstrb, wlast}));

    // Not vacuous: a marked request of several bursts is written.
    always @* cover (!rst && done && b_count == 8'd2 && w_count == 8'd2);

endmodule
