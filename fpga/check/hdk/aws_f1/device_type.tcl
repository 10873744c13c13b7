# Stands in for the script of this name in AWS's kit.
proc DEVICE_TYPE {} {
    return xcvu9p-flgb2104-2-i
}
