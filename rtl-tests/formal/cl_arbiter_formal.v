// Proof of npu_cl_arbiter: one grant, to a port that asks; and a port that waits is passed over at
// most once by each of the others.
module cl_arbiter_formal #(
    parameter PORTS = 3
) (
    input wire             clk,
    input wire [PORTS-1:0] request,
    input wire             ready
);

    reg rst = 1'b1;
    always @(posedge clk) rst <= 1'b0;

    wire [PORTS-1:0] grant;
    wire             take = ready && (request != {PORTS{1'b0}});

    npu_cl_arbiter #(.PORTS(PORTS)) u_dut (
        .clk(clk), .rst(rst), .request(request), .take(take), .grant(grant));

    // A request stays until it is served.
    reg [PORTS-1:0] waiting_q = {PORTS{1'b0}};
    always @(posedge clk) waiting_q <= rst ? {PORTS{1'b0}} : request & ~(grant & {PORTS{take}});
    always @* assume (rst || (waiting_q & ~request) == {PORTS{1'b0}});

    wire [PORTS-1:0] one = {{(PORTS-1){1'b0}}, 1'b1};
    always @* if (!rst) begin
        assert ((grant & ~request) == {PORTS{1'b0}});
        assert ((grant & (grant - one)) == {PORTS{1'b0}});
        assert ((grant != {PORTS{1'b0}}) == (request != {PORTS{1'b0}}));
    end

    // Which ports were served since each port has been waiting.
    genvar p;
    generate
        for (p = 0; p < PORTS; p = p + 1) begin : gen_port
            reg [PORTS-1:0] served_q = {PORTS{1'b0}};
            always @(posedge clk) begin
                if (rst || !request[p] || (take && grant[p])) begin
                    served_q <= {PORTS{1'b0}};
                end else if (take) begin
                    served_q <= served_q | grant;
                end
            end
            always @* assert (rst || !take || grant[p] || !request[p]
                              || (served_q & grant) == {PORTS{1'b0}});
        end
    endgenerate

    always @* cover (!rst && waiting_q == {PORTS{1'b1}});

endmodule
