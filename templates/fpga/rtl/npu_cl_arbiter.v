// Grants one of several requests, the next after the one taken last: nobody waits for more than
// one transaction of each other port.
`default_nettype none

module npu_cl_arbiter #(
    parameter PORTS = 3                            // 2 and more
) (
    input  wire             clk,
    input  wire             rst,
    input  wire [PORTS-1:0] request,
    input  wire             take,                  // the granted request is served in this cycle
    output wire [PORTS-1:0] grant                  // one bit, when there is a request
);

    localparam [PORTS-1:0] ONE = {{(PORTS-1){1'b0}}, 1'b1};

    reg  [PORTS-1:0] later_q;                      // ports behind the one served last
    wire [PORTS-1:0] behind = request & later_q;
    wire [PORTS-1:0] from   = (behind != {PORTS{1'b0}}) ? behind : request;

    assign grant = from & (~from + ONE);           // the lowest bit

    always @(posedge clk) begin
        if (rst) begin
            later_q <= {PORTS{1'b0}};
        end else if (take) begin
            later_q <= ~(grant | (grant - ONE));
        end
    end

endmodule

`default_nettype wire
