// Copies between the card's DRAM and the host's memory, by descriptors. The host's memory is
// reached through the shell's PCIM bus, whose rules this block keeps by construction: full-width
// beats, bursts that cross no 4 KiB page, no two reads under way with one ID, a write address only
// when all data of the burst is inside, and R and B that are always taken.
//
// A descriptor is cut into chunks of at most SLOT_BEATS beats. A chunk is read into a slot of the
// buffer, its number being the ID; full slots are written out in order. Chunks of descriptors in
// the same direction overlap; before the direction changes, everything is answered.
`default_nettype none

module npu_cl_dma #(
    parameter DATA_W     = 512,
    parameter QUEUE      = 16,                     // descriptors waiting
    parameter SLOTS      = 8,                      // a power of two, at most 32
    parameter SLOT_BEATS = 64                      // a power of two, at most a page
) (
    input  wire                clk,
    input  wire                rst,

    // Registers.
    input  wire                push,               // append a descriptor; one direction bit set
    input  wire                push_to_host,
    input  wire [63:0]         push_card,
    input  wire [63:0]         push_host,
    input  wire [23:0]         push_length,
    input  wire                clear,
    input  wire                notify_enable,
    input  wire [63:0]         notify_address,
    output wire [7:0]          free,
    output wire                busy,
    output wire                error,
    output wire [1:0]          error_response,
    output wire [1:0]          error_side,         // card read, card write, host read, host write
    output wire [31:0]         done_count,
    output wire                irq,                // a pulse: all descriptors are done

    // The card's DRAM.
    output wire [7:0]          card_awid,
    output wire [63:0]         card_awaddr,
    output wire [7:0]          card_awlen,
    output wire                card_awvalid,
    input  wire                card_awready,
    output wire [DATA_W-1:0]   card_wdata,
    output wire [DATA_W/8-1:0] card_wstrb,
    output wire                card_wlast,
    output wire                card_wvalid,
    input  wire                card_wready,
    input  wire [1:0]          card_bresp,
    input  wire                card_bvalid,
    output wire                card_bready,
    output wire [7:0]          card_arid,
    output wire [63:0]         card_araddr,
    output wire [7:0]          card_arlen,
    output wire                card_arvalid,
    input  wire                card_arready,
    input  wire [7:0]          card_rid,
    input  wire [DATA_W-1:0]   card_rdata,
    input  wire [1:0]          card_rresp,
    input  wire                card_rlast,
    input  wire                card_rvalid,
    output wire                card_rready,

    // The host's memory.
    output wire [7:0]          host_awid,
    output wire [63:0]         host_awaddr,
    output wire [7:0]          host_awlen,
    output wire                host_awvalid,
    input  wire                host_awready,
    output wire [DATA_W-1:0]   host_wdata,
    output wire [DATA_W/8-1:0] host_wstrb,
    output wire                host_wlast,
    output wire                host_wvalid,
    input  wire                host_wready,
    input  wire [7:0]          host_bid,
    input  wire [1:0]          host_bresp,
    input  wire                host_bvalid,
    output wire                host_bready,
    output wire [7:0]          host_arid,
    output wire [63:0]         host_araddr,
    output wire [7:0]          host_arlen,
    output wire                host_arvalid,
    input  wire                host_arready,
    input  wire [7:0]          host_rid,
    input  wire [DATA_W-1:0]   host_rdata,
    input  wire [1:0]          host_rresp,
    input  wire                host_rlast,
    input  wire                host_rvalid,
    output wire                host_rready
);

    localparam STRB_W  = DATA_W / 8;
    localparam BYTE_W  = $clog2(STRB_W);           // address bits inside a beat
    localparam SLOT_W  = $clog2(SLOTS);
    localparam BEAT_W  = $clog2(SLOT_BEATS);
    localparam PAGE_W  = 12 - BYTE_W;              // bits of a beat's number in a page
    localparam LINE_W  = 64 - BYTE_W;              // bits of a beat's address
    localparam REST_W  = 24 - BYTE_W + 1;         // bits of the number of beats of a descriptor
    localparam LEVEL_W = $clog2(QUEUE + 1);
    localparam [7:0]          ID_DATA   = 8'd0;
    localparam [7:0]          ID_NOTIFY = 8'd1;
    localparam [SLOT_W:0]     ALL_SLOTS = SLOTS[SLOT_W:0];
    localparam [SLOT_W:0]     ONE_SLOT  = {{SLOT_W{1'b0}}, 1'b1};
    localparam [SLOT_W-1:0]   NEXT_SLOT = {{(SLOT_W-1){1'b0}}, 1'b1};
    localparam [PAGE_W:0]     PAGE      = {1'b1, {PAGE_W{1'b0}}};
    localparam [LEVEL_W-1:0]  QUEUE_ALL = QUEUE[LEVEL_W-1:0];

    generate
        if (SLOTS > 32 || (SLOTS & (SLOTS - 1)) != 0) begin : gen_slots_check
            npu_error_dma_slots_must_be_a_power_of_two_up_to_32 u_error ();
        end
        if (BEAT_W > PAGE_W || (SLOT_BEATS & (SLOT_BEATS - 1)) != 0) begin : gen_beats_check
            npu_error_dma_slot_beats_must_be_a_power_of_two_within_a_page u_error ();
        end
    endgenerate

    // ---- Descriptors ------------------------------------------------------------------------

    wire               job_room;
    wire               job_valid;
    wire               job_take;
    wire               job_to_host;
    wire [LINE_W-1:0]  job_card;
    wire [LINE_W-1:0]  job_host;
    wire [23:0]        job_length;
    wire [LEVEL_W-1:0] job_level;

    npu_fifo #(
        .WIDTH(2 * LINE_W + 25),
        .DEPTH(QUEUE)
    ) u_jobs (
        .clk       (clk),
        .rst       (rst),
        .push_valid(push && !error && push_length != 24'd0),
        .push_ready(job_room),
        .push_data ({push_to_host, push_card[63:BYTE_W], push_host[63:BYTE_W], push_length}),
        .pop_valid (job_valid),
        .pop_ready (job_take),
        .pop_data  ({job_to_host, job_card, job_host, job_length}),
        .level     (job_level)
    );

    assign free = error ? 8'd0 : {{(8-LEVEL_W){1'b0}}, QUEUE_ALL - job_level};

    // ---- Cutting: one chunk at a time, its size one cycle before its read address ---------------

    reg                to_host_q;                  // direction of everything under way
    reg                cut_q;                      // a descriptor is being cut
    reg                sized_q;                    // chunk_q is valid
    reg  [LINE_W-1:0]  card_q;
    reg  [LINE_W-1:0]  host_q;
    reg  [REST_W-1:0]  rest_q;                     // beats not yet asked for
    reg  [BYTE_W-1:0]  tail_q;                     // bytes of the last beat; 0: all
    reg  [BEAT_W:0]    chunk_q;                    // beats of the next chunk
    reg  [SLOT_W:0]    slots_free_q;
    reg  [SLOT_W-1:0]  fill_q;                     // slot of the next chunk
    wire               settled;                    // nothing is under way

    // A descriptor in the other direction waits until everything is answered; after an error
    // those left are dropped.
    wire               may_begin = !cut_q && !error && (job_to_host == to_host_q || settled);
    assign job_take = error ? 1'b1 : may_begin;

    wire [PAGE_W:0]    card_left = PAGE - {1'b0, card_q[PAGE_W-1:0]};
    wire [PAGE_W:0]    host_left = PAGE - {1'b0, host_q[PAGE_W-1:0]};
    wire [PAGE_W:0]    page_left = (card_left < host_left) ? card_left : host_left;
    wire [PAGE_W:0]    slot_left = {{(PAGE_W-BEAT_W){1'b0}}, 1'b1, {BEAT_W{1'b0}}};
    wire [PAGE_W:0]    most      = (page_left < slot_left) ? page_left : slot_left;
    wire [REST_W-1:0]  most_wide = {{(REST_W-PAGE_W-1){1'b0}}, most};
    wire [REST_W-1:0]  chunk     = (rest_q < most_wide) ? rest_q : most_wide;
    wire [REST_W-1:0]  chunk_wide = {{(REST_W-BEAT_W-1){1'b0}}, chunk_q};
    wire [LINE_W-1:0]  chunk_line = {{(LINE_W-BEAT_W-1){1'b0}}, chunk_q};
    wire               chunk_last = (rest_q == chunk_wide);

    wire               ask_room;
    wire               ask_valid = sized_q && (slots_free_q != {(SLOT_W+1){1'b0}}) && ask_room;
    wire               ask_ready = to_host_q ? card_arready : host_arready;
    wire               ask_fire  = ask_valid && ask_ready;
    wire               slot_release;

    assign card_arvalid = ask_valid && to_host_q;
    assign host_arvalid = ask_valid && !to_host_q;
    assign card_araddr  = {card_q, {BYTE_W{1'b0}}};
    assign host_araddr  = {host_q, {BYTE_W{1'b0}}};
    assign card_arid    = {{(8-SLOT_W){1'b0}}, fill_q};
    assign host_arid    = card_arid;
    assign card_arlen   = {{(7-BEAT_W){1'b0}}, chunk_q} - 8'd1;
    assign host_arlen   = card_arlen;

    always @(posedge clk) begin
        if (rst) begin
            cut_q        <= 1'b0;
            sized_q      <= 1'b0;
            to_host_q    <= 1'b0;
            slots_free_q <= ALL_SLOTS;
            fill_q       <= {SLOT_W{1'b0}};
        end else begin
            if (job_valid && may_begin) begin
                cut_q     <= 1'b1;
                to_host_q <= job_to_host;
            end else if (ask_fire && chunk_last) begin
                cut_q <= 1'b0;
            end else if (error && !ask_valid) begin
                cut_q <= 1'b0;
            end
            // An address that is offered stays, error or not.
            if (ask_fire) begin
                sized_q <= 1'b0;
            end else if (!ask_valid) begin
                sized_q <= cut_q && !error;
            end
            if (ask_fire) begin
                fill_q <= fill_q + NEXT_SLOT;
            end
            if (ask_fire && !slot_release) begin
                slots_free_q <= slots_free_q - ONE_SLOT;
            end else if (!ask_fire && slot_release) begin
                slots_free_q <= slots_free_q + ONE_SLOT;
            end
        end
    end


    always @(posedge clk) begin
        if (job_valid && may_begin) begin
            card_q <= job_card;
            host_q <= job_host;
            rest_q <= {1'b0, job_length[23:BYTE_W]}
                      + {{(REST_W-1){1'b0}}, job_length[BYTE_W-1:0] != {BYTE_W{1'b0}}};
            tail_q <= job_length[BYTE_W-1:0];
        end else if (ask_fire) begin
            card_q <= card_q + chunk_line;
            host_q <= host_q + chunk_line;
            rest_q <= rest_q - chunk_wide;
        end
        if (!sized_q) begin
            chunk_q <= chunk[BEAT_W:0];
        end
    end

    // ---- Filling of slots: reads may come back in any order, and mixed --------------------------

    reg                  in_valid_q;
    reg  [SLOT_W-1:0]    in_slot_q;
    reg                  in_last_q;
    reg  [DATA_W-1:0]    in_data_q;
    reg  [SLOTS-1:0]     full_q;                   // all beats of the slot are in the buffer
    reg  [BEAT_W-1:0]    beat_q [0:SLOTS-1];       // next beat of each slot
    wire [SLOT_W-1:0]    in_slot = to_host_q ? card_rid[SLOT_W-1:0] : host_rid[SLOT_W-1:0];
    wire                 in_valid = to_host_q ? card_rvalid : host_rvalid;
    wire                 in_last  = to_host_q ? card_rlast : host_rlast;
    wire [1:0]           in_resp  = to_host_q ? card_rresp : host_rresp;
    reg  [SLOT_W-1:0]    out_slot_q;               // slot to be written out next
    wire                 out_begin;                // its turn has come

    assign card_rready = 1'b1;
    assign host_rready = 1'b1;

    integer s;
    always @(posedge clk) begin
        if (rst) begin
            in_valid_q <= 1'b0;
            full_q     <= {SLOTS{1'b0}};
            for (s = 0; s < SLOTS; s = s + 1) begin
                beat_q[s] <= {BEAT_W{1'b0}};
            end
        end else begin
            in_valid_q <= in_valid;
            if (in_valid_q) begin
                beat_q[in_slot_q] <= in_last_q ? {BEAT_W{1'b0}}
                                               : beat_q[in_slot_q] + {{(BEAT_W-1){1'b0}}, 1'b1};
            end
            for (s = 0; s < SLOTS; s = s + 1) begin
                if (in_valid_q && in_last_q && in_slot_q == s[SLOT_W-1:0]) begin
                    full_q[s] <= 1'b1;
                end else if (out_begin && out_slot_q == s[SLOT_W-1:0]) begin
                    full_q[s] <= 1'b0;
                end
            end
        end
    end

    always @(posedge clk) begin
        in_slot_q <= in_slot;
        in_last_q <= in_last;
        in_data_q <= to_host_q ? card_rdata : host_rdata;
    end

    // ---- Writing out: chunks in the order they were asked for -----------------------------------

    wire               next_valid;
    wire [LINE_W-1:0]  next_line;
    wire [BEAT_W:0]    next_beats;
    wire               next_last;                  // of its descriptor
    wire [BYTE_W-1:0]  next_tail;
    wire [SLOT_W:0]    next_level;

    npu_fifo #(
        .WIDTH(LINE_W + BEAT_W + 2 + BYTE_W),
        .DEPTH(SLOTS)
    ) u_chunks (
        .clk       (clk),
        .rst       (rst),
        .push_valid(ask_fire),
        .push_ready(ask_room),
        .push_data ({to_host_q ? host_q : card_q, chunk_q, chunk_last, tail_q}),
        .pop_valid (next_valid),
        .pop_ready (out_begin),
        .pop_data  ({next_line, next_beats, next_last, next_tail}),
        .level     (next_level)
    );

    // States of the write side: an address is offered, data is read from the buffer, or neither.
    reg                address_q;
    reg                reading_q;
    reg                notifying_q;                // the burst under way is the count
    reg  [LINE_W-1:0]  line_q;
    reg  [BEAT_W:0]    beats_q;                    // not yet read from the buffer
    reg  [BEAT_W-1:0]  read_beat_q;
    reg  [BYTE_W-1:0]  last_tail_q;                // 0 also when the chunk is not the last
    reg  [BEAT_W:0]    burst_q;
    reg                notify_due_q;
    reg                notify_open_q;              // the count is written and not yet answered
    wire               answers_room;

    wire               out_free  = !address_q && !reading_q;
    wire               slot_full = full_q[out_slot_q];
    wire               notify_go = out_free && notify_due_q && !notify_open_q && !error;
    wire               chunk_go  = out_free && !notify_go && next_valid && slot_full
                                   && answers_room;
    assign out_begin    = chunk_go;

    wire               out_to_host = to_host_q || notifying_q;
    wire               address_fire = address_q && (out_to_host ? host_awready : card_awready);

    assign card_awvalid = address_q && !out_to_host;
    assign host_awvalid = address_q && out_to_host;
    assign card_awaddr  = {line_q, {BYTE_W{1'b0}}};
    assign host_awaddr  = card_awaddr;
    assign card_awlen   = {{(7-BEAT_W){1'b0}}, burst_q} - 8'd1;
    assign host_awlen   = card_awlen;
    assign card_awid    = ID_DATA;
    assign host_awid    = notifying_q ? ID_NOTIFY : ID_DATA;

    // The buffer is read ahead of the bus, into a queue with a place for every beat asked for.
    localparam HEAD = 4;
    reg  [2:0]         places_q;                   // free places in the queue
    reg                fetched_q;                  // the buffer's output is a beat
    reg                fetched_last_q;
    wire [DATA_W-1:0]  fetched;
    wire               w_valid;
    wire               w_notify;
    wire               out_to_host_w = to_host_q || w_notify;
    wire               w_ready = out_to_host_w ? host_wready : card_wready;
    wire [DATA_W-1:0]  w_data;
    wire               w_last;
    wire [BYTE_W-1:0]  w_tail;
    wire               w_room;
    wire [2:0]         w_level;
    wire               read_more = reading_q && !notifying_q && (places_q != 3'd0);
    wire               read_end  = read_more && (beats_q == {{BEAT_W{1'b0}}, 1'b1});
    wire               count_fire = reading_q && notifying_q && (places_q != 3'd0);
    wire               w_fire    = w_valid && w_ready;
    reg                count_q;                    // the word for the queue is the count
    wire               drop = chunk_go && error;   // after an error slots are only emptied
    assign slot_release = read_end || drop;

    npu_ram_1r1w #(
        .DEPTH (SLOTS * SLOT_BEATS),
        .LANES (1),
        .LANE_W(DATA_W)
    ) u_buffer (
        .clk     (clk),
        .wr_en   (in_valid_q),
        .wr_addr ({in_slot_q, beat_q[in_slot_q]}),
        .wr_lanes(1'b1),
        .wr_data (in_data_q),
        .rd_en   (read_more),
        .rd_addr ({out_slot_q, read_beat_q}),
        .rd_data (fetched)
    );

    npu_fifo #(
        .WIDTH(DATA_W + BYTE_W + 2),
        .DEPTH(HEAD)
    ) u_words (
        .clk       (clk),
        .rst       (rst),
        .push_valid(fetched_q || count_q),
        .push_ready(w_room),
        .push_data ({count_q ? {{(DATA_W-32){1'b0}}, done_count} : fetched,
                     count_q ? {{(BYTE_W-3){1'b0}}, 3'd4} : fetched_last_q ? last_tail_q
                                                                            : {BYTE_W{1'b0}},
                     count_q || fetched_last_q, count_q}),
        .pop_valid (w_valid),
        .pop_ready (w_ready),
        .pop_data  ({w_data, w_tail, w_last, w_notify}),
        .level     (w_level)
    );

    assign card_wvalid = w_valid && !out_to_host_w;
    assign host_wvalid = w_valid && out_to_host_w;
    assign card_wdata  = w_data;
    assign host_wdata  = w_data;
    assign card_wlast  = w_last;
    assign host_wlast  = w_last;
    assign card_wstrb  = (w_tail == {BYTE_W{1'b0}}) ? {STRB_W{1'b1}}
                                                    : ~({STRB_W{1'b1}} << w_tail);
    assign host_wstrb  = card_wstrb;

    always @(posedge clk) begin
        if (rst) begin
            address_q   <= 1'b0;
            reading_q   <= 1'b0;
            notifying_q <= 1'b0;
            out_slot_q  <= {SLOT_W{1'b0}};
            fetched_q   <= 1'b0;
            count_q     <= 1'b0;
            places_q    <= HEAD[2:0];
        end else begin
            fetched_q <= read_more;
            count_q   <= count_fire;
            if (notify_go || (chunk_go && !error)) begin
                address_q   <= 1'b1;
                notifying_q <= notify_go;
            end else if (address_fire) begin
                address_q <= 1'b0;
                reading_q <= 1'b1;
            end
            if (read_end || count_fire) begin
                reading_q <= 1'b0;
            end
            if (slot_release) begin
                out_slot_q <= out_slot_q + NEXT_SLOT;
            end
            if ((read_more || count_fire) && !w_fire) begin
                places_q <= places_q - 3'd1;
            end else if (!(read_more || count_fire) && w_fire) begin
                places_q <= places_q + 3'd1;
            end
        end
    end

    always @(posedge clk) begin
        if (notify_go) begin
            line_q  <= notify_address[63:BYTE_W];
            burst_q <= {{BEAT_W{1'b0}}, 1'b1};
        end else if (chunk_go) begin
            line_q      <= next_line;
            burst_q     <= next_beats;
            beats_q     <= next_beats;
            read_beat_q <= {BEAT_W{1'b0}};
            last_tail_q <= next_last ? next_tail : {BYTE_W{1'b0}};
        end else if (read_more) begin
            beats_q     <= beats_q - {{BEAT_W{1'b0}}, 1'b1};
            read_beat_q <= read_beat_q + {{(BEAT_W-1){1'b0}}, 1'b1};
        end
        fetched_last_q <= read_end;
    end

    // ---- Answers: a descriptor is done when its last chunk, and so all before it, is answered ---

    wire            b_notify = host_bvalid && (host_bid == ID_NOTIFY);
    wire            b_valid  = to_host_q ? (host_bvalid && !b_notify) : card_bvalid;
    wire [1:0]      b_resp   = to_host_q ? host_bresp : card_bresp;
    wire            answer_valid;
    wire            answer_last;
    wire [SLOT_W:0] answer_level;

    assign card_bready = 1'b1;
    assign host_bready = 1'b1;

    npu_fifo #(
        .WIDTH(1),
        .DEPTH(SLOTS)
    ) u_answers (
        .clk       (clk),
        .rst       (rst),
        .push_valid(chunk_go && !error),
        .push_ready(answers_room),
        .push_data (next_last),
        .pop_valid (answer_valid),
        .pop_ready (b_valid),
        .pop_data  (answer_last),
        .level     (answer_level)
    );

    reg         error_q;
    reg  [1:0]  response_q;
    reg  [1:0]  side_q;
    reg  [31:0] done_q;
    reg         irq_due_q;                         // descriptors were done since the last interrupt

    wire        bad_read  = in_valid && in_resp[1];
    wire        bad_write = b_valid && b_resp[1];
    wire        bad_count = b_notify && host_bresp[1];
    wire        job_done  = b_valid && answer_last && !error_q && !bad_write;

    assign settled        = !cut_q && (slots_free_q == ALL_SLOTS) && !answer_valid && !notify_open_q
                            && !address_q && !reading_q && (places_q == HEAD[2:0]);
    assign busy           = job_valid || !settled || notify_due_q;
    assign error          = error_q;
    assign error_response = response_q;
    assign error_side     = side_q;
    assign done_count     = done_q;
    assign irq            = irq_due_q && !busy;

    always @(posedge clk) begin
        if (rst) begin
            error_q       <= 1'b0;
            done_q        <= 32'd0;
            notify_due_q  <= 1'b0;
            notify_open_q <= 1'b0;
            irq_due_q     <= 1'b0;
            response_q    <= 2'b00;
            side_q        <= 2'b00;
        end else begin
            if (!error_q && (bad_read || bad_write || bad_count)) begin
                error_q    <= 1'b1;
                response_q <= bad_read ? in_resp : bad_write ? b_resp : host_bresp;
                side_q     <= {bad_read ? !to_host_q : (to_host_q || !bad_write), !bad_read};
            end else if (clear && settled) begin
                error_q <= 1'b0;
            end
            if (job_done) begin
                done_q <= done_q + 32'd1;
            end
            if (job_done && notify_enable) begin
                notify_due_q <= 1'b1;
            end else if (notify_go || error_q) begin
                notify_due_q <= 1'b0;
            end
            if (notify_go) begin
                notify_open_q <= 1'b1;
            end else if (b_notify) begin
                notify_open_q <= 1'b0;
            end
            if (job_done || (bad_read || bad_write || bad_count)) begin
                irq_due_q <= 1'b1;
            end else if (irq) begin
                irq_due_q <= 1'b0;
            end
        end
    end

    wire unused = &{1'b0, job_room, push_card[BYTE_W-1:0], push_host[BYTE_W-1:0], next_level,
                    w_room, w_level, answer_level, notify_address[BYTE_W-1:0],
                    card_rid[7:SLOT_W], host_rid[7:SLOT_W], chunk[REST_W-1:BEAT_W+1]};

endmodule

`default_nettype wire
