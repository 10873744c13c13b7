// Custom logic for AWS F2: the machine and its system between the shell's ports. The port list is
// the shell's own file.
// The shell's list has ports without a net type: whatever was read before may forbid that.
`default_nettype wire

`include "cl_id_defines.vh"
`include "cl_npu_defines.vh"

module `CL_NAME (
    `include "cl_ports.vh"
);

    // Sizes, from the design and the shell.
[%- for row in top.constants %]
    localparam [[ row.name ]] = [[ row.value ]];
[%- endfor %]

    // ---- Clock and reset --------------------------------------------------------------------

    logic [2:0] rst_q;
    wire        clk = clk_main_a0;
    wire        rst = rst_q[2];

    always_ff @(posedge clk) begin
        rst_q <= {rst_q[1:0], !rst_main_n};
    end

    // A function-level reset needs no work here: each is answered once.
    logic [1:0] flr_q;
    always_ff @(posedge clk) begin
        flr_q          <= rst ? 2'b00 : {flr_q[0], sh_cl_flr_assert};
        cl_sh_flr_done <= flr_q[0] && !flr_q[1];
    end

    wire npu_clk;
    wire npu_rst;
[%- if top.crossing %]

    npu_cl_clock #(
        .MULT_8(MULT_8),
        .DIVIDE(DIVIDE),
        .OUT_8 (OUT_8)
    ) NPU_CLOCK (
        .clk    (clk),
        .rst    (rst),
        .npu_clk(npu_clk),
        .npu_rst(npu_rst)
    );
[%- endif %]
[%- if top.straight %]
    assign npu_clk = clk;
    assign npu_rst = rst;
[%- endif %]

    // ---- The system -------------------------------------------------------------------------

    wire         ddr_is_ready;
    wire         ddr_ready;
    wire [1:0]   irq_req;
[%- for row in top.ddr_wires %]
    wire [[ row.range ]] [[ row.name ]];
[%- endfor %]

    npu_cl_sync DDR_READY (
        .clk(clk),
        .in (ddr_is_ready),
        .out(ddr_ready)
    );

    npu_cl_system #(
        .PCIS_ID_W   (PCIS_ID_W),
        .MEMORY_W    (MEMORY_W),
        .HAS_DMA     (HAS_DMA),
        .CROSSING    (CROSSING),
        .CLOCK_MHZ   (CLOCK_MHZ),
        .NPU_ID_W    (NPU_ID_W),
        .NPU_ADDR_W  (NPU_ADDR_W),
        .NPU_ENGINES (NPU_ENGINES),
        .NPU_RETIRE_W(NPU_RETIRE_W)
    ) NPU_SYSTEM (
[%- for row in top.system %]
        .[[ row.name ]]([[ row.value ]]),
[%- endfor %]
        .irq_req(irq_req),
        .irq_ack(sh_cl_apppf_irq_ack[1:0]),
        .leds(cl_sh_status_vled),
        .memory_ready(ddr_ready),
        .clk(clk),
        .rst(rst),
        .npu_clk(npu_clk),
        .npu_rst(npu_rst)
    );

    assign cl_sh_apppf_irq_req = {14'd0, irq_req};

    // SDA is not used; it is answered all the same.
    npu_cl_axil_nothing SDA_NOTHING (
[%- for row in top.sda %]
        .[[ row.name ]]([[ row.value ]]),
[%- endfor %]
        .clk(clk),
        .rst(rst)
    );

    // ---- DRAM -------------------------------------------------------------------------------

    sh_ddr #(
        .DDR_PRESENT(DDR_PRESENT)
    ) SH_DDR (
[%- for row in top.sh_ddr %]
        .[[ row.name ]]([[ row.value ]])[% if !loop.last %],[% endif %]
[%- endfor %]
    );
[%- if let Some(hbm) = &top.hbm %]

    // ---- HBM --------------------------------------------------------------------------------

    // What the bridge has with the ports of the stacks, one after the other.
[%- for row in hbm.wires %]
    wire [[ row.range ]] [[ row.name ]];
[%- endfor %]
    wire [1:0]   hbm_complete;
    wire         hbm_apb_rst_n;
    reg          hbm_rst_n;

    always_ff @(posedge clk) begin
        hbm_rst_n <= !rst;
    end

    npu_cl_sync HBM_APB_RESET (
        .clk(clk_hbm_ref),
        .in (hbm_rst_n),
        .out(hbm_apb_rst_n)
    );

    assign ddr_is_ready = &hbm_complete;

    npu_cl_hbm #(
        .PORT_W(HBM_PORT_W)
    ) NPU_HBM (
        .clk          (clk),
        .rst          (rst),
[%- for row in hbm.bridge %]
        .[[ row.name ]]([[ row.value ]])[% if !loop.last %],[% endif %]
[%- endfor %]
    );

    (* dont_touch = "true" *)
    cl_hbm HBM (
[%- for row in hbm.pins %]
        .[[ row.name ]]([[ row.value ]])[% if !loop.last %],[% endif %]
[%- endfor %]
    );
[%- endif %]

    // ---- Constants of the interfaces in use, and all outputs of those that are not -----------
[% for row in top.ties %]
    assign [[ row.name ]] = [[ row.value ]];
[%- endfor %]

    // What the shell offers and nobody needs.
    wire unused_shell = &{1'b0,
[%- for name in top.unused %]
                          [[ name ]],
[%- endfor %]
                          1'b0};

endmodule
