// A custom logic with the ports of cl_sim_top and little inside, for tests of the shell model:
// a few registers on OCL, PCIS wired to the DRAM, bursts to the host's memory as the registers say.
// The virtual switches choose a way to misbehave; 0 is none.
`default_nettype none

module cl_sim_top (
    input  wire         clk,
    input  wire         rst_n,

    input  wire         ocl_awvalid,
    output wire         ocl_awready,
    input  wire [31:0]  ocl_awaddr,
    input  wire         ocl_wvalid,
    output wire         ocl_wready,
    input  wire [31:0]  ocl_wdata,
    input  wire [3:0]   ocl_wstrb,
    output wire         ocl_bvalid,
    input  wire         ocl_bready,
    output wire [1:0]   ocl_bresp,
    input  wire         ocl_arvalid,
    output wire         ocl_arready,
    input  wire [31:0]  ocl_araddr,
    output wire         ocl_rvalid,
    input  wire         ocl_rready,
    output wire [31:0]  ocl_rdata,
    output wire [1:0]   ocl_rresp,

    input  wire         sda_awvalid,
    output wire         sda_awready,
    input  wire [31:0]  sda_awaddr,
    input  wire         sda_wvalid,
    output wire         sda_wready,
    input  wire [31:0]  sda_wdata,
    input  wire [3:0]   sda_wstrb,
    output wire         sda_bvalid,
    input  wire         sda_bready,
    output wire [1:0]   sda_bresp,
    input  wire         sda_arvalid,
    output wire         sda_arready,
    input  wire [31:0]  sda_araddr,
    output wire         sda_rvalid,
    input  wire         sda_rready,
    output wire [31:0]  sda_rdata,
    output wire [1:0]   sda_rresp,

    input  wire         bar1_awvalid,
    output wire         bar1_awready,
    input  wire [31:0]  bar1_awaddr,
    input  wire         bar1_wvalid,
    output wire         bar1_wready,
    input  wire [31:0]  bar1_wdata,
    input  wire [3:0]   bar1_wstrb,
    output wire         bar1_bvalid,
    input  wire         bar1_bready,
    output wire [1:0]   bar1_bresp,
    input  wire         bar1_arvalid,
    output wire         bar1_arready,
    input  wire [31:0]  bar1_araddr,
    output wire         bar1_rvalid,
    input  wire         bar1_rready,
    output wire [31:0]  bar1_rdata,
    output wire [1:0]   bar1_rresp,

    input  wire [15:0]  pcis_awid,
    input  wire [63:0]  pcis_awaddr,
    input  wire [7:0]   pcis_awlen,
    input  wire [2:0]   pcis_awsize,
    input  wire [1:0]   pcis_awburst,
    input  wire         pcis_awvalid,
    output wire         pcis_awready,
    input  wire [511:0] pcis_wdata,
    input  wire [63:0]  pcis_wstrb,
    input  wire         pcis_wlast,
    input  wire         pcis_wvalid,
    output wire         pcis_wready,
    output wire [15:0]  pcis_bid,
    output wire [1:0]   pcis_bresp,
    output wire         pcis_bvalid,
    input  wire         pcis_bready,
    input  wire [15:0]  pcis_arid,
    input  wire [63:0]  pcis_araddr,
    input  wire [7:0]   pcis_arlen,
    input  wire [2:0]   pcis_arsize,
    input  wire [1:0]   pcis_arburst,
    input  wire         pcis_arvalid,
    output wire         pcis_arready,
    output wire [15:0]  pcis_rid,
    output wire [511:0] pcis_rdata,
    output wire [1:0]   pcis_rresp,
    output wire         pcis_rlast,
    output wire         pcis_rvalid,
    input  wire         pcis_rready,

    output wire [15:0]  pcim_awid,
    output wire [63:0]  pcim_awaddr,
    output wire [7:0]   pcim_awlen,
    output wire [2:0]   pcim_awsize,
    output wire [1:0]   pcim_awburst,
    output wire         pcim_awvalid,
    input  wire         pcim_awready,
    output wire [511:0] pcim_wdata,
    output wire [63:0]  pcim_wstrb,
    output wire         pcim_wlast,
    output wire         pcim_wvalid,
    input  wire         pcim_wready,
    input  wire [15:0]  pcim_bid,
    input  wire [1:0]   pcim_bresp,
    input  wire         pcim_bvalid,
    output wire         pcim_bready,
    output wire [15:0]  pcim_arid,
    output wire [63:0]  pcim_araddr,
    output wire [7:0]   pcim_arlen,
    output wire [2:0]   pcim_arsize,
    output wire [1:0]   pcim_arburst,
    output wire         pcim_arvalid,
    input  wire         pcim_arready,
    input  wire [15:0]  pcim_rid,
    input  wire [511:0] pcim_rdata,
    input  wire [1:0]   pcim_rresp,
    input  wire         pcim_rlast,
    input  wire         pcim_rvalid,
    output wire         pcim_rready,

    output wire [15:0]  ddr_awid,
    output wire [63:0]  ddr_awaddr,
    output wire [7:0]   ddr_awlen,
    output wire [2:0]   ddr_awsize,
    output wire [1:0]   ddr_awburst,
    output wire         ddr_awvalid,
    input  wire         ddr_awready,
    output wire [511:0] ddr_wdata,
    output wire [63:0]  ddr_wstrb,
    output wire         ddr_wlast,
    output wire         ddr_wvalid,
    input  wire         ddr_wready,
    input  wire [15:0]  ddr_bid,
    input  wire [1:0]   ddr_bresp,
    input  wire         ddr_bvalid,
    output wire         ddr_bready,
    output wire [15:0]  ddr_arid,
    output wire [63:0]  ddr_araddr,
    output wire [7:0]   ddr_arlen,
    output wire [2:0]   ddr_arsize,
    output wire [1:0]   ddr_arburst,
    output wire         ddr_arvalid,
    input  wire         ddr_arready,
    input  wire [15:0]  ddr_rid,
    input  wire [511:0] ddr_rdata,
    input  wire [1:0]   ddr_rresp,
    input  wire         ddr_rlast,
    input  wire         ddr_rvalid,
    output wire         ddr_rready,
    input  wire         ddr_ready,

    output reg  [15:0]  irq_req,
    input  wire [15:0]  irq_ack,
    input  wire         flr_assert,
    output reg          flr_done,
    output wire [15:0]  vled,
    input  wire [15:0]  vdip,
    output wire [31:0]  id0,
    output wire [31:0]  id1
);

    localparam [15:0] OCL_SILENT    = 16'd1;
    localparam [15:0] PCIS_SILENT   = 16'd2;
    localparam [15:0] PCIS_ID       = 16'd3;
    localparam [15:0] PCIS_DROPS    = 16'd4;
    localparam [15:0] PCIS_LAST     = 16'd5;
    localparam [15:0] OCL_SPURIOUS  = 16'd6;
    localparam [15:0] OCL_ERROR     = 16'd7;
    localparam [15:0] IRQ_TWICE     = 16'd8;
    localparam [15:0] FLR_NEVER     = 16'd9;
    localparam [15:0] FLR_SPURIOUS  = 16'd10;
    localparam [15:0] PCIS_ERROR    = 16'd11;
    localparam [15:0] PCIM_NO_DATA  = 16'd12;
    localparam [15:0] PCIM_NO_RREADY = 16'd13;
    localparam [15:0] PCIM_NO_BREADY = 16'd14;
    localparam [15:0] PCIM_LAST     = 16'd15;
    localparam [15:0] PCIM_ONE_ID   = 16'd16;
    localparam [15:0] PCIM_DROPS    = 16'd17;
    localparam [15:0] RESET_NOISE   = 16'd18;
    localparam [15:0] OCL_DROPS     = 16'd19;

    // Registers on OCL: 0 to 3 keep what is written.
    // 0x10, 0x14 address of the burst; 0x18 its length (7:0), size (10:8), kind (13:12), number of
    // reads (23:16); 0x20, 0x24 strobes; 0x28 starts: bit 0 a write, bit 1 reads; 0x2c asks for
    // interrupts; 0x30 bursts answered (15:0), answers that were no OKAY (31:16); 0x34 a word read.
    reg [31:0] regs_q [0:15];
    reg [15:0] answered_q;
    reg [15:0] refused_q;
    reg [31:0] read_q;
    reg        toggle_q;
    reg        irq_again_q;
    reg        flr_q;

    wire        wr_en;
    wire [5:0]  wr_index;
    wire [31:0] wr_data;
    wire [3:0]  wr_strobes;
    wire [5:0]  rd_index;
    reg  [31:0] rd_data;
    wire        ocl_drop = (vdip == OCL_DROPS) && toggle_q;
    wire        ocl_b;
    wire        ocl_r;

    cl_lite u_ocl (
        .clk(clk), .rst_n(rst_n), .silent(vdip == OCL_SILENT),
        .awvalid(ocl_awvalid), .awready(ocl_awready), .awaddr(ocl_awaddr),
        .wvalid(ocl_wvalid), .wready(ocl_wready), .wdata(ocl_wdata), .wstrb(ocl_wstrb),
        .bvalid(ocl_b), .bready(ocl_bready),
        .arvalid(ocl_arvalid), .arready(ocl_arready), .araddr(ocl_araddr),
        .rvalid(ocl_r), .rready(ocl_rready && !ocl_drop), .rdata(ocl_rdata),
        .wr_en(wr_en), .wr_index(wr_index), .wr_data(wr_data), .wr_strobes(wr_strobes),
        .rd_index(rd_index), .rd_data(rd_data)
    );
    assign ocl_bvalid = ocl_b || (rst_n && (vdip == OCL_SPURIOUS));
    assign ocl_rvalid = ocl_r && !ocl_drop;
    assign ocl_bresp  = (vdip == OCL_ERROR) ? 2'b10 : 2'b00;
    assign ocl_rresp  = ocl_bresp;

    always @* begin
        case (rd_index)
            6'd12:   rd_data = {refused_q, answered_q};
            6'd13:   rd_data = read_q;
            default: rd_data = regs_q[rd_index[3:0]];
        endcase
    end

    wire        unused_en [0:1];
    wire [5:0]  unused_wi [0:1];
    wire [31:0] unused_wd [0:1];
    wire [3:0]  unused_ws [0:1];
    wire [5:0]  unused_ri [0:1];

    cl_lite u_sda (
        .clk(clk), .rst_n(rst_n), .silent(1'b0),
        .awvalid(sda_awvalid), .awready(sda_awready), .awaddr(sda_awaddr),
        .wvalid(sda_wvalid), .wready(sda_wready), .wdata(sda_wdata), .wstrb(sda_wstrb),
        .bvalid(sda_bvalid), .bready(sda_bready),
        .arvalid(sda_arvalid), .arready(sda_arready), .araddr(sda_araddr),
        .rvalid(sda_rvalid), .rready(sda_rready), .rdata(sda_rdata),
        .wr_en(unused_en[0]), .wr_index(unused_wi[0]), .wr_data(unused_wd[0]),
        .wr_strobes(unused_ws[0]), .rd_index(unused_ri[0]), .rd_data(32'hdeadbeef)
    );
    cl_lite u_bar1 (
        .clk(clk), .rst_n(rst_n), .silent(1'b0),
        .awvalid(bar1_awvalid), .awready(bar1_awready), .awaddr(bar1_awaddr),
        .wvalid(bar1_wvalid), .wready(bar1_wready), .wdata(bar1_wdata), .wstrb(bar1_wstrb),
        .bvalid(bar1_bvalid), .bready(bar1_bready),
        .arvalid(bar1_arvalid), .arready(bar1_arready), .araddr(bar1_araddr),
        .rvalid(bar1_rvalid), .rready(bar1_rready), .rdata(bar1_rdata),
        .wr_en(unused_en[1]), .wr_index(unused_wi[1]), .wr_data(unused_wd[1]),
        .wr_strobes(unused_ws[1]), .rd_index(unused_ri[1]), .rd_data(32'hdeadbeef)
    );
    assign sda_bresp  = 2'b00;
    assign sda_rresp  = 2'b00;
    assign bar1_bresp = 2'b00;
    assign bar1_rresp = 2'b00;

    // PCIS is wired to the DRAM.
    wire open = ddr_ready && (vdip != PCIS_SILENT);
    assign ddr_awid     = pcis_awid;
    assign ddr_awaddr   = pcis_awaddr;
    assign ddr_awlen    = pcis_awlen;
    assign ddr_awsize   = pcis_awsize;
    assign ddr_awburst  = pcis_awburst;
    assign ddr_awvalid  = pcis_awvalid && open;
    assign pcis_awready = ddr_awready && open;
    assign ddr_wdata    = pcis_wdata;
    assign ddr_wstrb    = pcis_wstrb;
    assign ddr_wlast    = pcis_wlast;
    assign ddr_wvalid   = pcis_wvalid && open;
    assign pcis_wready  = ddr_wready && open;
    assign pcis_bid     = (vdip == PCIS_ID) ? 16'h15 : ddr_bid;
    assign pcis_bresp   = ddr_bresp;
    assign pcis_bvalid  = ddr_bvalid && !((vdip == PCIS_DROPS) && toggle_q);
    assign ddr_bready   = pcis_bready && !((vdip == PCIS_DROPS) && toggle_q);
    assign ddr_arid     = pcis_arid;
    assign ddr_araddr   = pcis_araddr;
    assign ddr_arlen    = pcis_arlen;
    assign ddr_arsize   = pcis_arsize;
    assign ddr_arburst  = pcis_arburst;
    assign ddr_arvalid  = pcis_arvalid && open;
    assign pcis_arready = ddr_arready && open;
    assign pcis_rid     = (vdip == PCIS_ID) ? 16'h15 : ddr_rid;
    assign pcis_rdata   = ddr_rdata;
    assign pcis_rresp   = (vdip == PCIS_ERROR) ? 2'b10 : ddr_rresp;
    assign pcis_rlast   = ddr_rlast && (vdip != PCIS_LAST);
    assign pcis_rvalid  = ddr_rvalid;
    assign ddr_rready   = pcis_rready;

    // Bursts to the host's memory.
    reg        aw_q;
    reg        w_q;
    reg  [7:0] beat_q;
    reg  [7:0] reads_q;
    wire       start      = wr_en && (wr_index == 6'd10);
    wire [7:0] length     = regs_q[6][7:0];
    wire       ar_drop    = (vdip == PCIM_DROPS) && toggle_q;
    assign pcim_awid    = 16'd7;
    assign pcim_awaddr  = {regs_q[5], regs_q[4]};
    assign pcim_awlen   = length;
    assign pcim_awsize  = regs_q[6][10:8];
    assign pcim_awburst = regs_q[6][13:12];
    assign pcim_awvalid = aw_q || (!rst_n && (vdip == RESET_NOISE));
    assign pcim_wdata   = {16{regs_q[0] + {24'd0, beat_q}}};
    assign pcim_wstrb   = {regs_q[9], regs_q[8]};
    assign pcim_wlast   = (beat_q == length) && (vdip != PCIM_LAST);
    assign pcim_wvalid  = w_q && (vdip != PCIM_NO_DATA);
    assign pcim_bready  = vdip != PCIM_NO_BREADY;
    assign pcim_arid    = (vdip == PCIM_ONE_ID) ? 16'd3 : {8'd0, reads_q};
    assign pcim_araddr  = {regs_q[5], regs_q[4]};
    assign pcim_arlen   = length;
    assign pcim_arsize  = regs_q[6][10:8];
    assign pcim_arburst = regs_q[6][13:12];
    assign pcim_arvalid = (reads_q != 8'd0) && !ar_drop;
    assign pcim_rready  = vdip != PCIM_NO_RREADY;

    assign vled = vdip;
    assign id0  = 32'hf000_1d0f;
    assign id1  = 32'h1d51_fedd;

    integer i;
    always @(posedge clk) begin
        toggle_q <= !toggle_q;
        for (i = 0; i < 4; i = i + 1) begin
            if (wr_en && !wr_index[5] && !wr_index[4] && wr_strobes[i]) begin
                regs_q[wr_index[3:0]][8*i +: 8] <= wr_data[8*i +: 8];
            end
        end
        irq_again_q <= 1'b0;
        irq_req     <= 16'd0;
        if (wr_en && (wr_index == 6'd11)) begin
            irq_req     <= wr_data[15:0];
            irq_again_q <= vdip == IRQ_TWICE;
        end
        if (irq_again_q) begin
            irq_req <= 16'd1;
        end
        flr_q    <= flr_assert;
        flr_done <= (flr_assert && !flr_q && (vdip != FLR_NEVER)) || (vdip == FLR_SPURIOUS);
        if (pcim_awready) begin
            aw_q <= 1'b0;
        end
        if (pcim_wvalid && pcim_wready) begin
            beat_q <= beat_q + 8'd1;
            if (beat_q == length) begin
                w_q <= 1'b0;
            end
        end
        if (pcim_arvalid && pcim_arready) begin
            reads_q <= reads_q - 8'd1;
        end
        if (start) begin
            aw_q    <= wr_data[0];
            w_q     <= wr_data[0];
            beat_q  <= 8'd0;
            reads_q <= wr_data[1] ? regs_q[6][23:16] : 8'd0;
        end
        if (pcim_rvalid && pcim_rready) begin
            read_q <= pcim_rdata[31:0];
        end
        answered_q <= answered_q + {15'd0, pcim_bvalid && pcim_bready}
                      + {15'd0, pcim_rvalid && pcim_rready && pcim_rlast};
        refused_q  <= refused_q
                      + {15'd0, pcim_bvalid && pcim_bready && (pcim_bresp != 2'b00)}
                      + {15'd0, pcim_rvalid && pcim_rready && (pcim_rresp != 2'b00)};
        if (!rst_n) begin
            toggle_q    <= 1'b0;
            answered_q  <= 16'd0;
            refused_q   <= 16'd0;
            aw_q        <= 1'b0;
            w_q         <= 1'b0;
            reads_q     <= 8'd0;
            irq_req     <= 16'd0;
            irq_again_q <= 1'b0;
            flr_q       <= 1'b0;
            flr_done    <= 1'b0;
        end
    end

    wire unused_inputs = &{1'b0, irq_ack, pcim_bid, pcim_rid};

endmodule

// A slave on AXI4-Lite with 16 registers outside.
module cl_lite (
    input  wire        clk,
    input  wire        rst_n,
    input  wire        silent,
    input  wire        awvalid,
    output wire        awready,
    input  wire [31:0] awaddr,
    input  wire        wvalid,
    output wire        wready,
    input  wire [31:0] wdata,
    input  wire [3:0]  wstrb,
    output reg         bvalid,
    input  wire        bready,
    input  wire        arvalid,
    output wire        arready,
    input  wire [31:0] araddr,
    output reg         rvalid,
    input  wire        rready,
    output reg  [31:0] rdata,
    output wire        wr_en,
    output wire [5:0]  wr_index,
    output wire [31:0] wr_data,
    output wire [3:0]  wr_strobes,
    output wire [5:0]  rd_index,
    input  wire [31:0] rd_data
);

    assign wr_en      = awvalid && wvalid && !bvalid && !silent;
    assign awready    = wr_en;
    assign wready     = wr_en;
    assign wr_index   = awaddr[7:2];
    assign wr_data    = wdata;
    assign wr_strobes = wstrb;
    assign arready    = !rvalid && !silent;
    assign rd_index   = araddr[7:2];

    always @(posedge clk) begin
        bvalid <= wr_en || (bvalid && !bready);
        rvalid <= (arvalid && arready) || (rvalid && !rready);
        if (arvalid && arready) begin
            rdata <= rd_data;
        end
        if (!rst_n) begin
            bvalid <= 1'b0;
            rvalid <= 1'b0;
        end
    end

endmodule

`default_nettype wire
