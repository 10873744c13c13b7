// Stand-in for AWS's IP of the HBM, for simulation and lint: same ports, and behind those in use a
// memory that knows what was written.

module cl_hbm (
[%- for row in ports %]
    [[ row ]]
[%- endfor %]
);

    localparam WORD_W = [[ word_w ]];                        // 32 bytes each: of a port's 2 ** 24

    // Calibration takes a while.
    logic [5:0] count_q;

    always_ff @(posedge APB_0_PCLK) begin
        if (!APB_0_PRESET_N) begin
            count_q <= 6'd0;
        end else if (!count_q[5]) begin
            count_q <= count_q + 6'd1;
        end
    end

    assign apb_complete_0 = count_q[5];
    assign apb_complete_1 = count_q[5];
[% for port in used %]
    cl_hbm_memory #(
        .LATENCY(24 + [[ loop.index ]]),
        .WORD_W (WORD_W)
    ) u_memory_[[ port ]] (
        .clk    (AXI_[[ port ]]_ACLK),
        .rst_n  (AXI_[[ port ]]_ARESET_N),
        .awaddr (AXI_[[ port ]]_AWADDR),
        .awlen  (AXI_[[ port ]]_AWLEN),
        .awvalid(AXI_[[ port ]]_AWVALID),
        .awready(AXI_[[ port ]]_AWREADY),
        .wdata  (AXI_[[ port ]]_WDATA),
        .wstrb  (AXI_[[ port ]]_WSTRB),
        .wlast  (AXI_[[ port ]]_WLAST),
        .wvalid (AXI_[[ port ]]_WVALID),
        .wready (AXI_[[ port ]]_WREADY),
        .bresp  (AXI_[[ port ]]_BRESP),
        .bvalid (AXI_[[ port ]]_BVALID),
        .bready (AXI_[[ port ]]_BREADY),
        .araddr (AXI_[[ port ]]_ARADDR),
        .arlen  (AXI_[[ port ]]_ARLEN),
        .arvalid(AXI_[[ port ]]_ARVALID),
        .arready(AXI_[[ port ]]_ARREADY),
        .rdata  (AXI_[[ port ]]_RDATA),
        .rresp  (AXI_[[ port ]]_RRESP),
        .rvalid (AXI_[[ port ]]_RVALID),
        .rready (AXI_[[ port ]]_RREADY)
    );
[% endfor %]
[%- for row in outputs %]
    assign [[ row.name ]] = [[ row.value ]];
[%- endfor %]

    wire unused = &{1'b0,
[%- for name in unused %]
                    [[ name ]],
[%- endfor %]
                    1'b0};

endmodule
