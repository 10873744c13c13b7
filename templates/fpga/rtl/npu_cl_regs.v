// Registers of the custom logic: what it is, the state of clock and memory, and the descriptors of
// the copy engine. A write counts whole: strobes select bits, as the host may split its accesses.
`default_nettype none

module npu_cl_regs #(
    parameter MEMORY_W  = 36,                      // log2 of the bytes of the DRAM
    parameter HAS_DMA   = 1,
    parameter CLOCK_MHZ = 250
) (
    input  wire        clk,
    input  wire        rst,

    input  wire        s_axil_awvalid,
    output wire        s_axil_awready,
    input  wire [11:0] s_axil_awaddr,
    input  wire        s_axil_wvalid,
    output wire        s_axil_wready,
    input  wire [31:0] s_axil_wdata,
    input  wire [3:0]  s_axil_wstrb,
    output wire        s_axil_bvalid,
    input  wire        s_axil_bready,
    input  wire        s_axil_arvalid,
    output wire        s_axil_arready,
    input  wire [11:0] s_axil_araddr,
    output wire        s_axil_rvalid,
    input  wire        s_axil_rready,
    output wire [31:0] s_axil_rdata,

    input  wire        memory_ready,

    output reg         dma_push,
    output reg         dma_to_host,
    output wire [63:0] dma_card,
    output wire [63:0] dma_host,
    output wire [23:0] dma_length,
    output reg         dma_clear,
    output wire        dma_notify,
    output wire [63:0] dma_notify_address,
    input  wire [7:0]  dma_free,
    input  wire        dma_busy,
    input  wire        dma_error,
    input  wire [1:0]  dma_response,
    input  wire [1:0]  dma_side,
    input  wire [31:0] dma_done
);

    // Offsets of the registers, in words, and lowest bits of their fields.
[%- for row in offsets %]
    localparam [9:0] [[ row.name ]] = [[ row.value ]];
[%- endfor %]
[%- for row in fields %]
    localparam [[ row.name ]] = [[ row.value ]];
[%- endfor %]
    localparam [31:0] ID      = [[ id ]];
    localparam [15:0] VERSION = [[ version ]];

    wire        reg_write;
    wire [9:0]  reg_write_addr;
    wire [31:0] reg_write_data;
    wire [31:0] reg_write_mask;
    wire [9:0]  reg_read_addr;
    reg  [31:0] reg_read_data;
    wire [1:0]  bresp;
    wire [1:0]  rresp;

    npu_axil_slave #(
        .ADDR_W(12)
    ) u_slave (
        .clk           (clk),
        .rst           (rst),
        .s_axil_awvalid(s_axil_awvalid),
        .s_axil_awready(s_axil_awready),
        .s_axil_awaddr (s_axil_awaddr),
        .s_axil_awprot (3'd0),
        .s_axil_wvalid (s_axil_wvalid),
        .s_axil_wready (s_axil_wready),
        .s_axil_wdata  (s_axil_wdata),
        .s_axil_wstrb  (s_axil_wstrb),
        .s_axil_bvalid (s_axil_bvalid),
        .s_axil_bready (s_axil_bready),
        .s_axil_bresp  (bresp),
        .s_axil_arvalid(s_axil_arvalid),
        .s_axil_arready(s_axil_arready),
        .s_axil_araddr (s_axil_araddr),
        .s_axil_arprot (3'd0),
        .s_axil_rvalid (s_axil_rvalid),
        .s_axil_rready (s_axil_rready),
        .s_axil_rdata  (s_axil_rdata),
        .s_axil_rresp  (rresp),
        .reg_write     (reg_write),
        .reg_write_addr(reg_write_addr),
        .reg_write_data(reg_write_data),
        .reg_write_mask(reg_write_mask),
        .reg_read_addr (reg_read_addr),
        .reg_read_data (reg_read_data)
    );

    // ---- What the host writes ---------------------------------------------------------------

    reg  [31:0] scratch_q;
    reg  [31:0] card_lo_q;
    reg  [31:0] card_hi_q;
    reg  [31:0] host_lo_q;
    reg  [31:0] host_hi_q;
    reg  [31:0] length_q;
    reg  [31:0] notify_lo_q;
    reg  [31:0] notify_hi_q;
    wire [31:0] bits = reg_write_data & reg_write_mask;

    always @(posedge clk) begin
        if (rst) begin
            scratch_q   <= 32'd0;
            card_lo_q   <= 32'd0;
            card_hi_q   <= 32'd0;
            host_lo_q   <= 32'd0;
            host_hi_q   <= 32'd0;
            length_q    <= 32'd0;
            notify_lo_q <= 32'd0;
            notify_hi_q <= 32'd0;
        end else if (reg_write) begin
            case (reg_write_addr)
                SCRATCH:       scratch_q   <= bits | (scratch_q & ~reg_write_mask);
                DMA_CARD_LO:   card_lo_q   <= bits | (card_lo_q & ~reg_write_mask);
                DMA_CARD_HI:   card_hi_q   <= bits | (card_hi_q & ~reg_write_mask);
                DMA_HOST_LO:   host_lo_q   <= bits | (host_lo_q & ~reg_write_mask);
                DMA_HOST_HI:   host_hi_q   <= bits | (host_hi_q & ~reg_write_mask);
                DMA_LENGTH:    length_q    <= bits | (length_q & ~reg_write_mask);
                DMA_NOTIFY_LO: notify_lo_q <= bits | (notify_lo_q & ~reg_write_mask);
                DMA_NOTIFY_HI: notify_hi_q <= bits | (notify_hi_q & ~reg_write_mask);
                default: ;
            endcase
        end
    end

    always @(posedge clk) begin
        if (rst) begin
            dma_push    <= 1'b0;
            dma_to_host <= 1'b0;
            dma_clear   <= 1'b0;
        end else begin
            // Exactly one direction; both or none is no descriptor.
            dma_push    <= reg_write && (reg_write_addr == DMA_PUSH)
                           && (bits[DMA_PUSH_TO_HOST] != bits[DMA_PUSH_TO_CARD]);
            dma_to_host <= bits[DMA_PUSH_TO_HOST];
            dma_clear   <= reg_write && (reg_write_addr == DMA_CONTROL) && bits[DMA_CONTROL_CLEAR];
        end
    end

    assign dma_card   = {card_hi_q, card_lo_q};
    assign dma_host   = {host_hi_q, host_lo_q};
    assign dma_length = length_q[DMA_LENGTH_BYTES +: 24];
    assign dma_notify = notify_lo_q[DMA_NOTIFY_LO_ENABLE];
    assign dma_notify_address = {notify_hi_q, notify_lo_q[31:DMA_NOTIFY_LO_ADDRESS],
                                 {DMA_NOTIFY_LO_ADDRESS{1'b0}}};

    // ---- What it reads ----------------------------------------------------------------------

    localparam [7:0]  LOG2_BYTES = MEMORY_W[7:0];
    localparam [15:0] MHZ        = CLOCK_MHZ[15:0];
    localparam        DMA        = (HAS_DMA != 0);

    wire [31:0] version = ({16'd0, VERSION} << VERSION_TABLE) | ({31'd0, DMA} << VERSION_DMA);
    wire [31:0] memory  = ({31'd0, memory_ready} << MEMORY_READY)
                          | ({24'd0, LOG2_BYTES} << MEMORY_LOG2_BYTES);
    wire [31:0] status  = ({24'd0, dma_free} << DMA_STATUS_FREE)
                          | ({31'd0, dma_busy} << DMA_STATUS_BUSY)
                          | ({31'd0, dma_error} << DMA_STATUS_ERROR)
                          | ({30'd0, dma_response} << DMA_STATUS_RESPONSE)
                          | ({30'd0, dma_side} << DMA_STATUS_SIDE);

    always @* begin
        case (reg_read_addr)
            AT_ID:         reg_read_data = ID;
            AT_VERSION:    reg_read_data = version;
            CLOCK:         reg_read_data = {16'd0, MHZ};
            MEMORY:        reg_read_data = memory;
            SCRATCH:       reg_read_data = scratch_q;
            DMA_CARD_LO:   reg_read_data = card_lo_q;
            DMA_CARD_HI:   reg_read_data = card_hi_q;
            DMA_HOST_LO:   reg_read_data = host_lo_q;
            DMA_HOST_HI:   reg_read_data = host_hi_q;
            DMA_LENGTH:    reg_read_data = length_q;
            DMA_STATUS:    reg_read_data = status;
            DMA_DONE:      reg_read_data = dma_done;
            DMA_NOTIFY_LO: reg_read_data = notify_lo_q;
            DMA_NOTIFY_HI: reg_read_data = notify_hi_q;
            default:       reg_read_data = 32'd0;
        endcase
    end

    wire unused = &{1'b0, bresp, rresp, length_q[31:24], CLOCK_MHZ[31:16], MEMORY_W[31:8]};

endmodule

`default_nettype wire
