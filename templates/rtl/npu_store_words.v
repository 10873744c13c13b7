// Word side of STORE: reads exactly the words a launch needs, in order, from IBUF or VMEM.
//
// How many these are follows from the runs: every run adds its bytes to what is needed, every word
// takes off the bytes it contributes (less than a word at the end of a group), and a word is read
// while bytes are needed. The memories answer three cycles after the request and cannot wait, so a
// request needs a free place in the queue of words.
`default_nettype none

module npu_store_words #(
    parameter IBUF_WORD_BYTES = 16,
    parameter VMEM_WORD_BYTES = 64,
    parameter WORD_MAX        = 64                 // the larger of the two
) (
    input  wire                         clk,
    input  wire                         rst,

    input  wire                         launch_valid,
    output wire                         launch_ready,
    input  wire                         launch_vmem,
    input  wire [23:0]                  launch_run,     // bytes of a run
    input  wire [23:0]                  launch_group,   // bytes of a group
    input  wire [23:0]                  launch_addr,
    input  wire [3*24-1:0]              launch_count,
    input  wire [4*24-1:0]              launch_stride,

    input  wire                         run_valid,
    output wire                         run_ready,
    input  wire                         run_last,       // of the launch

    output wire                         ibuf_rd_valid,
    input  wire                         ibuf_rd_ready,
    output wire [23:0]                  ibuf_rd_addr,
    input  wire                         ibuf_rd_data_valid,
    input  wire [8*IBUF_WORD_BYTES-1:0] ibuf_rd_data,
    output wire                         vmem_rd_valid,
    input  wire                         vmem_rd_ready,
    output wire [23:0]                  vmem_rd_addr,
    input  wire                         vmem_rd_data_valid,
    input  wire [8*VMEM_WORD_BYTES-1:0] vmem_rd_data,

    output wire                         word_valid,
    input  wire                         word_ready,
    output wire [8*WORD_MAX-1:0]        word
);

    localparam WORDS   = 8;                        // covers the memories' latency
    localparam LEVEL_W = $clog2(WORDS + 1);
    localparam NEED_W  = 26;                       // two's complement: a run, a few words, sign
    localparam AHEAD_W = 12;                       // runs are added while less than 2^12 are needed
    localparam [LEVEL_W-1:0] ALL_FREE  = WORDS[LEVEL_W-1:0];
    localparam [23:0]        IBUF_WORD = IBUF_WORD_BYTES[23:0];
    localparam [23:0]        VMEM_WORD = VMEM_WORD_BYTES[23:0];

    reg                      running_q;
    reg                      final_q;              // the last run has been added
    reg signed [NEED_W-1:0]  need_q;
    reg [23:0]               group_left_q;
    reg [LEVEL_W-1:0]        free_q;               // places neither filled nor promised

    wire [23:0]              addr;
    wire [LEVEL_W-1:0]       level;
    wire                     fifo_ready;

    wire [23:0]              word_bytes = launch_vmem ? VMEM_WORD : IBUF_WORD;
    wire                     group_end  = (group_left_q <= word_bytes);
    wire [23:0]              used       = group_end ? group_left_q : word_bytes;
    wire                     needed     = !need_q[NEED_W-1] && (need_q != {NEED_W{1'b0}});
    wire                     few        = need_q[NEED_W-1] || !(|need_q[NEED_W-2:AHEAD_W]);
    wire                     ask        = running_q && needed && (free_q != {LEVEL_W{1'b0}});
    wire                     asked      = launch_vmem ? (vmem_rd_valid && vmem_rd_ready)
                                                      : (ibuf_rd_valid && ibuf_rd_ready);
    wire                     add_run    = run_valid && run_ready;
    wire                     begin_launch = launch_valid && !running_q;
    wire                     pop        = word_valid && word_ready;

    assign run_ready     = running_q && !final_q && few;
    assign launch_ready  = running_q && final_q && !needed;
    assign ibuf_rd_valid = ask && !launch_vmem;
    assign vmem_rd_valid = ask && launch_vmem;
    assign ibuf_rd_addr  = addr;
    assign vmem_rd_addr  = addr;

    always @(posedge clk) begin
        if (rst) begin
            running_q <= 1'b0;
            free_q    <= ALL_FREE;
        end else begin
            if (begin_launch) begin
                running_q <= 1'b1;
            end else if (launch_ready) begin
                running_q <= 1'b0;
            end
            if (asked && !pop) begin
                free_q <= free_q - {{(LEVEL_W-1){1'b0}}, 1'b1};
            end else if (!asked && pop) begin
                free_q <= free_q + {{(LEVEL_W-1){1'b0}}, 1'b1};
            end
        end
    end

    always @(posedge clk) begin
        if (begin_launch) begin
            final_q      <= 1'b0;
            need_q       <= {NEED_W{1'b0}};
            group_left_q <= launch_group;
        end else begin
            if (add_run) begin
                final_q <= run_last;
            end
            need_q <= need_q
                + (add_run ? {{(NEED_W-24){1'b0}}, launch_run} : {NEED_W{1'b0}})
                - (asked ? {{(NEED_W-24){1'b0}}, used} : {NEED_W{1'b0}});
            if (asked) begin
                group_left_q <= group_end ? launch_group : group_left_q - word_bytes;
            end
        end
    end

    npu_word_nest u_words (
        .clk    (clk),
        .rst    (rst),
        .start  (begin_launch),
        .base   (launch_addr),
        .count  (launch_count),
        .stride (launch_stride),
        .step   (asked),
        .addr   (addr)
    );

    // At most one request is accepted per cycle, so the answers come one at a time and in order.
    wire [8*WORD_MAX-1:0] ibuf_word;
    wire [8*WORD_MAX-1:0] vmem_word;

    generate
        if (IBUF_WORD_BYTES < WORD_MAX) begin : gen_ibuf_narrow
            assign ibuf_word = {{(8*(WORD_MAX-IBUF_WORD_BYTES)){1'b0}}, ibuf_rd_data};
        end else begin : gen_ibuf
            assign ibuf_word = ibuf_rd_data;
        end
        if (VMEM_WORD_BYTES < WORD_MAX) begin : gen_vmem_narrow
            assign vmem_word = {{(8*(WORD_MAX-VMEM_WORD_BYTES)){1'b0}}, vmem_rd_data};
        end else begin : gen_vmem
            assign vmem_word = vmem_rd_data;
        end
    endgenerate

    npu_fifo #(
        .WIDTH (8 * WORD_MAX),
        .DEPTH (WORDS)
    ) u_queue (
        .clk        (clk),
        .rst        (rst),
        .push_valid (ibuf_rd_data_valid || vmem_rd_data_valid),
        .push_ready (fifo_ready),
        .push_data  (vmem_rd_data_valid ? vmem_word : ibuf_word),
        .pop_valid  (word_valid),
        .pop_ready  (word_ready),
        .pop_data   (word),
        .level      (level)
    );

    wire unused_level = &{1'b0, level, fifo_ready};

endmodule

`default_nettype wire
