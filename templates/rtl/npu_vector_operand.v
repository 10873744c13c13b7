// Fetches one operand: takes addresses in order, reads IBUF or VMEM, and keeps the words until the
// lanes take them. Memory data cannot be held back, so a request is taken only when the queue has
// a place for its word that nobody else has been promised.
//
// An IBUF address counts lane words; the slice of the IBUF word is selected here and each
// activation is sign-extended to 32 bits. `mark` travels with a word from its request.
`default_nettype none

module npu_vector_operand #(
    parameter LANES      = 16,
    parameter ROWS       = 16,                     // activations of an IBUF word
    parameter ACT_W      = 8,
    parameter RD_LATENCY = 3                       // cycles from accepted request to data
) (
    input  wire                  clk,
    input  wire                  rst,

    input  wire                  req_valid,
    output wire                  req_ready,
    input  wire                  req_vmem,         // from VMEM, else from IBUF
    input  wire                  req_mark,
    input  wire [23:0]           req_addr,

    output wire                  ibuf_valid,
    input  wire                  ibuf_ready,
    output wire [23:0]           ibuf_addr,
    input  wire                  ibuf_data_valid,
    input  wire [ROWS*ACT_W-1:0] ibuf_data,

    output wire                  vmem_valid,
    input  wire                  vmem_ready,
    output wire [23:0]           vmem_addr,
    input  wire                  vmem_data_valid,
    input  wire [LANES*32-1:0]   vmem_data,

    output wire                  data_valid,
    input  wire                  data_ready,
    output wire                  data_mark,
    output wire [LANES*32-1:0]   data
);

    localparam SLICES   = ROWS / LANES;
    localparam SLICE_W  = (SLICES > 1) ? $clog2(SLICES) : 1;
    localparam DEPTH    = RD_LATENCY + 5;          // a word per cycle: request queue, memory, queue
    localparam CREDIT_W = $clog2(DEPTH + 1);
    localparam LEVEL_W  = $clog2(DEPTH + 1);
    localparam FLIGHT   = 1 << $clog2(RD_LATENCY + 1);
    localparam [CREDIT_W-1:0] ALL_CREDITS = DEPTH[CREDIT_W-1:0];
    localparam [CREDIT_W-1:0] ONE_CREDIT  = {{(CREDIT_W-1){1'b0}}, 1'b1};

    // ---- Requests -------------------------------------------------------------------------

    reg  [CREDIT_W-1:0] credit_q;
    wire                queue_ready;
    wire [1:0]          queue_level;
    wire                head_valid;
    wire                head_vmem;
    wire                head_mark;
    wire [23:0]         head_addr;
    wire                credit = (credit_q != {CREDIT_W{1'b0}});
    wire                fire   = req_valid && req_ready;
    wire                taken  = data_valid && data_ready;

    assign req_ready = queue_ready && credit;

    always @(posedge clk) begin
        if (rst) begin
            credit_q <= ALL_CREDITS;
        end else if (fire && !taken) begin
            credit_q <= credit_q - ONE_CREDIT;
        end else if (!fire && taken) begin
            credit_q <= credit_q + ONE_CREDIT;
        end
    end

    wire accepted = (ibuf_valid && ibuf_ready) || (vmem_valid && vmem_ready);

    npu_fifo #(
        .WIDTH      (26),
        .DEPTH      (2)
    ) u_requests (
        .clk        (clk),
        .rst        (rst),
        .push_valid (req_valid && credit),
        .push_ready (queue_ready),
        .push_data  ({req_mark, req_vmem, req_addr}),
        .pop_valid  (head_valid),
        .pop_ready  (accepted),
        .pop_data   ({head_mark, head_vmem, head_addr}),
        .level      (queue_level)
    );

    assign ibuf_valid = head_valid && !head_vmem;
    assign vmem_valid = head_valid && head_vmem;
    assign vmem_addr  = head_addr;

    // ---- Words ----------------------------------------------------------------------------

    wire [SLICE_W-1:0] head_slice;
    wire [SLICE_W-1:0] slice;
    wire               mark;
    wire               arrived = ibuf_data_valid || vmem_data_valid;

    npu_delay #(
        .WIDTH     (SLICE_W + 1),
        .DEPTH     (FLIGHT)
    ) u_flight (
        .clk       (clk),
        .rst       (rst),
        .push      (accepted),
        .push_data ({head_mark, head_slice}),
        .pop       (arrived),
        .pop_data  ({mark, slice})
    );

    wire [LANES*ACT_W-1:0] act;
    wire [LANES*32-1:0]    word;

    generate
        if (SLICES > 1) begin : gen_slices
            assign ibuf_addr  = {{SLICE_W{1'b0}}, head_addr[23:SLICE_W]};
            assign head_slice = head_addr[SLICE_W-1:0];
            assign act        = ibuf_data[slice*(LANES*ACT_W) +: LANES*ACT_W];
        end else begin : gen_whole
            assign ibuf_addr  = head_addr;
            assign head_slice = 1'b0;
            assign act        = ibuf_data;

            wire unused_slice = &{1'b0, slice};
        end
    endgenerate

    genvar i;
    generate
        for (i = 0; i < LANES; i = i + 1) begin : gen_lane
            assign word[32*i +: 32] = vmem_data_valid
                ? vmem_data[32*i +: 32]
                : {{(32 - ACT_W){act[ACT_W*i + ACT_W - 1]}}, act[ACT_W*i +: ACT_W]};
        end
    endgenerate

    wire               word_ready;
    wire [LEVEL_W-1:0] word_level;

    npu_fifo #(
        .WIDTH      (LANES * 32 + 1),
        .DEPTH      (DEPTH)
    ) u_words (
        .clk        (clk),
        .rst        (rst),
        .push_valid (arrived),
        .push_ready (word_ready),
        .push_data  ({mark, word}),
        .pop_valid  (data_valid),
        .pop_ready  (data_ready),
        .pop_data   ({data_mark, data}),
        .level      (word_level)
    );

    wire unused_queues = &{1'b0, queue_level, word_ready, word_level};

endmodule

`default_nettype wire
