// Top of a simulation: the custom logic with the shell's ports under one name for all shells, and
// the DRAM's bus brought out of the controller. What the shell model does not use is tied.

module cl_sim_top (
    input  logic         clk,
    input  logic         rst_n,
[%- for name in lites %]
    input  logic         [[ name ]]_awvalid,
    output logic         [[ name ]]_awready,
    input  logic [31:0]  [[ name ]]_awaddr,
    input  logic         [[ name ]]_wvalid,
    output logic         [[ name ]]_wready,
    input  logic [31:0]  [[ name ]]_wdata,
    input  logic [3:0]   [[ name ]]_wstrb,
    output logic         [[ name ]]_bvalid,
    input  logic         [[ name ]]_bready,
    output logic [1:0]   [[ name ]]_bresp,
    input  logic         [[ name ]]_arvalid,
    output logic         [[ name ]]_arready,
    input  logic [31:0]  [[ name ]]_araddr,
    output logic         [[ name ]]_rvalid,
    input  logic         [[ name ]]_rready,
    output logic [31:0]  [[ name ]]_rdata,
    output logic [1:0]   [[ name ]]_rresp,
[%- endfor %]
[%- for row in buses %]
    [[ row.to_cl ]] logic [15:0]  [[ row.name ]]_awid,
    [[ row.to_cl ]] logic [63:0]  [[ row.name ]]_awaddr,
    [[ row.to_cl ]] logic [7:0]   [[ row.name ]]_awlen,
    [[ row.to_cl ]] logic [2:0]   [[ row.name ]]_awsize,
    [[ row.to_cl ]] logic [1:0]   [[ row.name ]]_awburst,
    [[ row.to_cl ]] logic         [[ row.name ]]_awvalid,
    [[ row.from_cl ]] logic         [[ row.name ]]_awready,
    [[ row.to_cl ]] logic [511:0] [[ row.name ]]_wdata,
    [[ row.to_cl ]] logic [63:0]  [[ row.name ]]_wstrb,
    [[ row.to_cl ]] logic         [[ row.name ]]_wlast,
    [[ row.to_cl ]] logic         [[ row.name ]]_wvalid,
    [[ row.from_cl ]] logic         [[ row.name ]]_wready,
    [[ row.from_cl ]] logic [15:0]  [[ row.name ]]_bid,
    [[ row.from_cl ]] logic [1:0]   [[ row.name ]]_bresp,
    [[ row.from_cl ]] logic         [[ row.name ]]_bvalid,
    [[ row.to_cl ]] logic         [[ row.name ]]_bready,
    [[ row.to_cl ]] logic [15:0]  [[ row.name ]]_arid,
    [[ row.to_cl ]] logic [63:0]  [[ row.name ]]_araddr,
    [[ row.to_cl ]] logic [7:0]   [[ row.name ]]_arlen,
    [[ row.to_cl ]] logic [2:0]   [[ row.name ]]_arsize,
    [[ row.to_cl ]] logic [1:0]   [[ row.name ]]_arburst,
    [[ row.to_cl ]] logic         [[ row.name ]]_arvalid,
    [[ row.from_cl ]] logic         [[ row.name ]]_arready,
    [[ row.from_cl ]] logic [15:0]  [[ row.name ]]_rid,
    [[ row.from_cl ]] logic [511:0] [[ row.name ]]_rdata,
    [[ row.from_cl ]] logic [1:0]   [[ row.name ]]_rresp,
    [[ row.from_cl ]] logic         [[ row.name ]]_rlast,
    [[ row.from_cl ]] logic         [[ row.name ]]_rvalid,
    [[ row.to_cl ]] logic         [[ row.name ]]_rready,
[%- endfor %]
    input  logic         ddr_ready,
    output logic [15:0]  irq_req,
    input  logic [15:0]  irq_ack,
    input  logic         flr_assert,
    output logic         flr_done,
    output logic [15:0]  vled,
    input  logic [15:0]  vdip,
    output logic [31:0]  id0,
    output logic [31:0]  id1
);

    // Outputs of the custom logic that no model looks at, and its pins.
[%- for row in wires %]
    wire [[ row.range ]] [[ row.name ]];
[%- endfor %]

    cl_npu CL (
[%- for row in pins %]
        .[[ row.name ]]([[ row.value ]]),
[%- endfor %]
        .cl_sh_id1(id1)
    );
[% for row in joined %]
    assign [[ row.name ]] = [[ row.value ]];
[%- endfor %]

    wire unused = &{1'b0,
[%- for name in unused %]
                    [[ name ]],
[%- endfor %]
                    1'b0};

endmodule
