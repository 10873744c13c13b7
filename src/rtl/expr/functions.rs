//! Verilog functions that operators are made of.

use std::collections::BTreeSet;

/// Name, those it calls, text.
const FUNCTIONS: [(&str, &[&str], &str); 10] = [
    (
        "number",
        &[],
        r"
    // Without subnormals; every NaN is 7FC00000.
    function [31:0] number;
        input [31:0] value;
        begin
            if (value[30:23] == 8'hFF && value[22:0] != 23'd0) begin
                number = 32'h7FC00000;
            end else begin
                number = {value[31], value[30:0] & {31{value[30:23] != 8'd0}}};
            end
        end
    endfunction
",
    ),
    (
        "ordered",
        &[],
        r"
    // As an unsigned number this orders like the binary32 number, -0 below 0.
    function [31:0] ordered;
        input [31:0] value;
        begin
            ordered = {!value[31], value[30:0] ^ {31{value[31]}}};
        end
    endfunction
",
    ),
    (
        "is_nan",
        &[],
        r"
    function is_nan;
        input [30:0] magnitude;
        begin
            is_nan = (magnitude == 31'h7FC00000);
        end
    endfunction
",
    ),
    (
        "equal",
        &["is_nan"],
        r"
    function equal;
        input [31:0] x;
        input [31:0] y;
        begin
            equal = !is_nan(x[30:0]) && (x == y || (x[30:0] == 31'd0 && y[30:0] == 31'd0));
        end
    endfunction
",
    ),
    (
        "less",
        &["is_nan", "ordered"],
        r"
    function less;
        input [31:0] x;
        input [31:0] y;
        begin
            less = !is_nan(x[30:0]) && !is_nan(y[30:0]) && (x[30:0] != 31'd0 || y[30:0] != 31'd0)
                && (ordered(x) < ordered(y));
        end
    endfunction
",
    ),
    (
        "smaller",
        &["is_nan", "ordered"],
        r"
    function [31:0] smaller;
        input [31:0] x;
        input [31:0] y;
        begin
            smaller = (is_nan(y[30:0]) || (ordered(x) < ordered(y) && !is_nan(x[30:0]))) ? x : y;
        end
    endfunction
",
    ),
    (
        "larger",
        &["is_nan", "ordered"],
        r"
    function [31:0] larger;
        input [31:0] x;
        input [31:0] y;
        begin
            larger = (is_nan(x[30:0]) || (ordered(x) < ordered(y) && !is_nan(y[30:0]))) ? y : x;
        end
    endfunction
",
    ),
    (
        "negative",
        &["is_nan"],
        r"
    function [31:0] negative;
        input [31:0] value;
        begin
            negative = {!value[31] && !is_nan(value[30:0]), value[30:0]};
        end
    endfunction
",
    ),
    (
        "ones",
        &[],
        r"
    function [31:0] ones;
        input [31:0] value;
        reg   [31:0] sum;
        begin
            sum  = (value & 32'h55555555) + ((value >> 1) & 32'h55555555);
            sum  = (sum & 32'h33333333) + ((sum >> 2) & 32'h33333333);
            sum  = (sum & 32'h0F0F0F0F) + ((sum >> 4) & 32'h0F0F0F0F);
            sum  = (sum & 32'h00FF00FF) + ((sum >> 8) & 32'h00FF00FF);
            ones = (sum & 32'h0000FFFF) + (sum >> 16);
        end
    endfunction
",
    ),
    (
        "leading_zeros",
        &[],
        r"
    function [31:0] leading_zeros;
        input [31:0] value;
        reg   [31:0] rest;
        reg   [4:0]  count;
        begin
            rest     = value;
            count[4] = (rest[31:16] == 16'd0);
            rest     = count[4] ? rest << 16 : rest;
            count[3] = (rest[31:24] == 8'd0);
            rest     = count[3] ? rest << 8 : rest;
            count[2] = (rest[31:28] == 4'd0);
            rest     = count[2] ? rest << 4 : rest;
            count[1] = (rest[31:30] == 2'd0);
            rest     = count[1] ? rest << 2 : rest;
            count[0] = !rest[31];
            leading_zeros = (value == 32'd0) ? 32'd32 : {27'd0, count};
        end
    endfunction
",
    ),
];

/// The functions called, with those that they call in turn.
pub(super) fn text(called: &BTreeSet<&'static str>) -> String {
    let called_by_others = FUNCTIONS
        .iter()
        .filter(|(name, ..)| called.contains(name))
        .flat_map(|(_, inner, _)| *inner);
    let needed: BTreeSet<&str> = called.iter().chain(called_by_others).copied().collect();
    let texts = FUNCTIONS.iter().filter(|(name, ..)| needed.contains(name));
    texts.map(|(.., text)| *text).collect()
}
