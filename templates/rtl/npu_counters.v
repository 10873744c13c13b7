// Event counters. Every cycle with `enable` adds each event's increment to its counter. `snapshot`
// copies all counters in one cycle, so that the values read belong together.
`default_nettype none

module npu_counters #(
    parameter NUM_COUNTERS = 4,
    parameter COUNT_W      = 48,
    parameter INC_W        = 8                     // bits of an increment
) (
    input  wire                            clk,
    input  wire                            rst,
    input  wire                            clear,
    input  wire                            enable,
    input  wire                            snapshot,
    input  wire [NUM_COUNTERS*INC_W-1:0]   increment,
    output wire [NUM_COUNTERS*COUNT_W-1:0] value,  // as of the last snapshot
    output wire [COUNT_W-1:0]              live    // counter 0 at this moment
);

    wire [NUM_COUNTERS*COUNT_W-1:0] count;
    wire                            unused_count = &{1'b0, count};

    assign live = count[COUNT_W-1:0];

    genvar i;
    generate
        for (i = 0; i < NUM_COUNTERS; i = i + 1) begin : gen_counter
            reg [COUNT_W-1:0] count_q;
            reg [COUNT_W-1:0] copy_q;

            assign count[i*COUNT_W +: COUNT_W] = count_q;
            assign value[i*COUNT_W +: COUNT_W] = copy_q;

            always @(posedge clk) begin
                if (rst || clear) begin
                    count_q <= {COUNT_W{1'b0}};
                end else if (enable) begin
                    count_q <= count_q
                             + {{(COUNT_W-INC_W){1'b0}}, increment[i*INC_W +: INC_W]};
                end
                if (rst) begin
                    copy_q <= {COUNT_W{1'b0}};
                end else if (snapshot) begin
                    copy_q <= count_q;
                end
            end
        end
    endgenerate

endmodule

`default_nettype wire
