// Per-lane bias and scale: for each iteration of the outermost loop one pair of VMEM words, fetched
// ahead. The post-processor takes a pair's bias and scale a few cycles apart, so each has its own
// queue. `available` says that the pair of the element now issued has arrived; `claim` moves on to
// the next one, `bias_next` and `scale_next` drop the heads when their last user has read them.
`default_nettype none

module npu_vector_param #(
    parameter LANES = 16,
    parameter DEPTH = 4                            // pairs, a power of two
) (
    input  wire                clk,
    input  wire                rst,

    input  wire                start,              // only when `free`
    input  wire [23:0]         start_addr,
    input  wire [15:0]         start_count,        // pairs
    output wire                free,

    output wire                vmem_valid,
    input  wire                vmem_ready,
    output wire [23:0]         vmem_addr,
    input  wire                vmem_data_valid,
    input  wire [LANES*32-1:0] vmem_data,

    output wire                available,
    input  wire                claim,
    input  wire                bias_next,
    output wire [LANES*32-1:0] bias,
    input  wire                scale_next,
    output wire [LANES*32-1:0] scale
);

    localparam LEVEL_W = $clog2(DEPTH + 1);
    localparam [LEVEL_W-1:0] ALL = DEPTH[LEVEL_W-1:0];
    localparam [LEVEL_W-1:0] ONE = {{(LEVEL_W-1){1'b0}}, 1'b1};

    reg [16:0]        left_q;                      // words still to be asked for
    reg [23:0]        addr_q;
    reg [LEVEL_W-1:0] credit_q;                    // pairs that may be asked for
    reg [LEVEL_W-1:0] ready_q;                     // pairs here and not claimed
    reg               arrival_q;                   // the next word to arrive is a scale

    // Words are asked for in pairs: an odd number left means that the scale is due.
    wire at_bias = !left_q[0];
    wire fire    = vmem_valid && vmem_ready;
    wire pair    = vmem_data_valid && arrival_q;

    assign free       = (left_q == 17'd0);
    assign vmem_valid = (left_q != 17'd0) && (!at_bias || credit_q != {LEVEL_W{1'b0}});
    assign vmem_addr  = addr_q;
    assign available  = (ready_q != {LEVEL_W{1'b0}});

    always @(posedge clk) begin
        if (rst) begin
            left_q    <= 17'd0;
            credit_q  <= ALL;
            ready_q   <= {LEVEL_W{1'b0}};
            arrival_q <= 1'b0;
        end else begin
            if (start) begin
                left_q <= {start_count, 1'b0};
            end else if (fire) begin
                left_q <= left_q - 17'd1;
            end
            if (fire && at_bias && !scale_next) begin
                credit_q <= credit_q - ONE;
            end else if (!(fire && at_bias) && scale_next) begin
                credit_q <= credit_q + ONE;
            end
            if (pair && !claim) begin
                ready_q <= ready_q + ONE;
            end else if (!pair && claim) begin
                ready_q <= ready_q - ONE;
            end
            if (vmem_data_valid) begin
                arrival_q <= !arrival_q;
            end
        end
    end

    always @(posedge clk) begin
        if (start) begin
            addr_q <= start_addr;
        end else if (fire) begin
            addr_q <= addr_q + 24'd1;
        end
    end

    npu_delay #(
        .WIDTH     (LANES * 32),
        .DEPTH     (DEPTH)
    ) u_bias (
        .clk       (clk),
        .rst       (rst),
        .push      (vmem_data_valid && !arrival_q),
        .push_data (vmem_data),
        .pop       (bias_next),
        .pop_data  (bias)
    );

    npu_delay #(
        .WIDTH     (LANES * 32),
        .DEPTH     (DEPTH)
    ) u_scale (
        .clk       (clk),
        .rst       (rst),
        .push      (pair),
        .push_data (vmem_data),
        .pop       (scale_next),
        .pop_data  (scale)
    );

endmodule

`default_nettype wire
