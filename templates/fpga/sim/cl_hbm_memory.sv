// Memory behind one port of the stand-in for the HBM. Answers come LATENCY cycles after the
// request, in order; reading what was never written is an error, as with error correction.

module cl_hbm_memory #(
    parameter LATENCY = 24,
    parameter WORD_W  = 19                         // log2 of the words of 32 bytes
) (
    input  logic         clk,
    input  logic         rst_n,
    input  logic [33:0]  awaddr,
    input  logic [3:0]   awlen,
    input  logic         awvalid,
    output logic         awready,
    input  logic [255:0] wdata,
    input  logic [31:0]  wstrb,
    input  logic         wlast,
    input  logic         wvalid,
    output logic         wready,
    output logic [1:0]   bresp,
    output logic         bvalid,
    input  logic         bready,
    input  logic [33:0]  araddr,
    input  logic [3:0]   arlen,
    input  logic         arvalid,
    output logic         arready,
    output logic [255:0] rdata,
    output logic [1:0]   rresp,
    output logic         rvalid,
    input  logic         rready
);

    localparam [31:0] WAIT = LATENCY;

    logic [255:0] mem [0:(1 << WORD_W) - 1];
    logic         written [0:(1 << WORD_W) - 1];
    logic [31:0]  cycle;

    always_ff @(posedge clk) begin
        cycle <= rst_n ? cycle + 32'd1 : 32'd0;
    end

    // ---- Writes: one burst at a time ----------------------------------------------------------

    logic         writing;
    logic [28:0]  wr_word;
    logic [3:0]   wr_left;
    logic         wr_wrong;                        // beyond, or a last beat in the wrong place
    logic [4:0]   answers;                         // not yet given

    assign awready = !writing && !answers[4];
    assign wready  = writing;
    assign bvalid  = (answers != 5'd0);
    assign bresp   = {wr_wrong, 1'b0};

    always_ff @(posedge clk) begin
        if (!rst_n) begin
            writing  <= 1'b0;
            answers  <= 5'd0;
            wr_wrong <= 1'b0;
        end else begin
            if (awvalid && awready) begin
                writing <= 1'b1;
                wr_word <= awaddr[33:5];
                wr_left <= awlen;
            end
            if (wvalid && wready) begin
                written[wr_word[WORD_W-1:0]] <= 1'b1;
                for (int i = 0; i < 32; i++) begin
                    if (wstrb[i]) begin
                        mem[wr_word[WORD_W-1:0]][8*i +: 8] <= wdata[8*i +: 8];
                    end
                end
                wr_word <= wr_word + 29'd1;
                wr_left <= wr_left - 4'd1;
                if (wr_left == 4'd0) begin
                    writing <= 1'b0;
                end
                if (wlast != (wr_left == 4'd0) || wr_word[23:WORD_W] != '0) begin
                    wr_wrong <= 1'b1;
                end
            end
            answers <= answers + {4'd0, wvalid && wready && (wr_left == 4'd0)}
                - {4'd0, bvalid && bready};
        end
    end

    // ---- Reads: sixteen under way -------------------------------------------------------------

    logic [64:0]  asked [0:15];                    // word, beats less one, when it may be answered
    logic [4:0]   ask_q;
    logic [4:0]   answer_q;
    logic [3:0]   rd_beat;
    logic [28:0]  rd_word;

    wire          pending = (ask_q != answer_q);
    wire [64:0]   head    = asked[answer_q[3:0]];

    assign arready = (ask_q - answer_q) < 5'd16;
    assign rvalid  = pending && (cycle >= head[31:0]);
    assign rd_word = head[64:36] + {25'd0, rd_beat};

    always_comb begin
        rdata = '0;
        rresp = 2'b10;
        if (rd_word[23:WORD_W] == '0 && written[rd_word[WORD_W-1:0]]) begin
            rdata = mem[rd_word[WORD_W-1:0]];
            rresp = 2'b00;
        end
    end

    always_ff @(posedge clk) begin
        if (!rst_n) begin
            ask_q    <= 5'd0;
            answer_q <= 5'd0;
            rd_beat  <= 4'd0;
        end else begin
            if (arvalid && arready) begin
                asked[ask_q[3:0]] <= {araddr[33:5], arlen, cycle + WAIT};
                ask_q             <= ask_q + 5'd1;
            end
            if (rvalid && rready) begin
                rd_beat <= rd_beat + 4'd1;
                if (rd_beat == head[35:32]) begin
                    rd_beat  <= 4'd0;
                    answer_q <= answer_q + 5'd1;
                end
            end
        end
    end

    initial begin
        for (int i = 0; i < (1 << WORD_W); i++) begin
            written[i] = 1'b0;
        end
    end

    wire unused = &{1'b0, awaddr[4:0], araddr[4:0], wr_word[28:24], rd_word[28:24]};

endmodule
