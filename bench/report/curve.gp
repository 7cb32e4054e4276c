# Lines over a number: size, threads, bitmaps. Wants: data, base, heading, unit, count (and wide, unused:
# both axes are logarithmic).
set logscale xy
set title heading noenhanced
set ylabel unit
set grid
set key outside right noenhanced
set style data yerrorlines
array ends[2] = ["svg", "png"]
do for [i = 1:2] {
	if (i == 1) { set terminal svg size 900,520 dynamic background rgb "white" font "DejaVu Sans,12" } \
	else { set terminal pngcairo size 900,520 font "DejaVu Sans,10" }
	set output base . "." . ends[i]
	plot for [s = 0:count - 1] data index s using 1:2:3:4 linewidth 2 pointtype 7 pointsize 0.6 title columnheader(1)
}
