// Proof of the queues and of the skid buffer: streams keep their contract, and what leaves is what
// entered, in order, whatever word is watched. Occupancy is exact.
module queue_formal #(
    parameter KIND  = 0,                           // 0 npu_fifo, 1 npu_skid_buffer, 2 npu_fifo_ram
    parameter DEPTH = 4,
    parameter WIDTH = 2
) (
    input wire             clk,
    input wire             push_valid,
    input wire [WIDTH-1:0] push_data,
    input wire             pop_ready
);

    localparam LEVEL_W = $clog2(DEPTH + 1);

    reg rst = 1'b1;
    always @(posedge clk) rst <= 1'b0;

    wire             push_ready;
    wire             pop_valid;
    wire [WIDTH-1:0] pop_data;
    wire             push = push_valid && push_ready && !rst;
    wire             pop  = pop_valid && pop_ready && !rst;

    generate
        if (KIND == 0) begin : gen_fifo
            wire [LEVEL_W-1:0] level;
            npu_fifo #(.WIDTH(WIDTH), .DEPTH(DEPTH)) u_dut (
                .clk(clk), .rst(rst), .push_valid(push_valid), .push_ready(push_ready),
                .push_data(push_data), .pop_valid(pop_valid), .pop_ready(pop_ready),
                .pop_data(pop_data), .level(level));
            always @* assert (rst || level == inside);
            always @* assert (rst || push_ready == (inside != DEPTH));
            always @* assert (rst || pop_valid == (inside != 0));
        end else if (KIND == 1) begin : gen_skid
            npu_skid_buffer #(.WIDTH(WIDTH)) u_dut (
                .clk(clk), .rst(rst), .in_valid(push_valid), .in_ready(push_ready),
                .in_data(push_data), .out_valid(pop_valid), .out_ready(pop_ready),
                .out_data(pop_data));
            always @* assert (rst || push_ready == (inside != 2));
            always @* assert (rst || pop_valid == (inside != 0));
        end else begin : gen_ram
            wire [LEVEL_W-1:0] level;
            npu_fifo_ram #(.WIDTH(WIDTH), .DEPTH(DEPTH)) u_dut (
                .clk(clk), .rst(rst), .push_valid(push_valid), .push_ready(push_ready),
                .push_data(push_data), .pop_valid(pop_valid), .pop_ready(pop_ready),
                .pop_data(pop_data), .level(level));
            always @* assert (rst || level == inside);
            always @* assert (rst || push_ready == (inside != DEPTH));
            always @* assert (rst || !pop_valid || inside != 0);
        end
    endgenerate

    reg [7:0] inside = 8'd0;
    always @(posedge clk) inside <= inside + {7'd0, push} - {7'd0, pop};

    // Order: the word with the free number `watched`.
    (* anyconst *) reg [4:0] watched;
    reg [4:0]       pushed = 5'd0;
    reg [4:0]       popped = 5'd0;
    reg [WIDTH-1:0] seen;
    always @(posedge clk) begin
        pushed <= pushed + {4'd0, push};
        popped <= popped + {4'd0, pop};
        if (push && pushed == watched) begin
            seen <= push_data;
        end
    end
    always @* begin
        if (pop && popped == watched && pushed != popped) begin
            assert (pop_data == seen);
        end
    end

    stream_props #(.WIDTH(WIDTH), .ASSUME(1)) u_in (
        .clk(clk), .rst(rst), .valid(push_valid), .ready(push_ready), .payload(push_data));
    stream_props #(.WIDTH(WIDTH), .ASSUME(0)) u_out (
        .clk(clk), .rst(rst), .valid(pop_valid), .ready(pop_ready), .payload(pop_data));

endmodule
