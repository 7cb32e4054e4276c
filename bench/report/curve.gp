# Lines over a number: size, threads, bitmaps. Wants: data, base, heading, axis, unit, machine, count (and wide, unused:
# both axes are logarithmic).
#
# Of two series that lie upon each other both are seen: each is thinner than the one before, its points smaller and of another
# shape, and every second line is dashed.
set logscale xy
set title heading noenhanced
set xlabel axis noenhanced
set ylabel unit noenhanced
set label machine at screen 0.01, 0.02 noenhanced font ",8" textcolor rgb "#606060"
set bmargin 5
set grid
set key outside right noenhanced
set style data yerrorlines
array shape[8] = [6, 4, 8, 10, 12, 7, 5, 9]
part(s) = count > 1 ? 1 - 1. * s / (count - 1) : 0
array ends[2] = ["svg", "png"]
do for [i = 1:2] {
	if (i == 1) { set terminal svg size 900,520 dynamic background rgb "white" font "DejaVu Sans,12" } \
	else { set terminal pngcairo size 900,520 font "DejaVu Sans,10" }
	set output base . "." . ends[i]
	plot for [s = 0:count - 1] data index s using 1:2:3:4 linewidth 1.5 + 2.5 * part(s) \
		dashtype 1 + s % 2 pointtype shape[s % 8 + 1] pointsize 0.7 + 1.1 * part(s) title columnheader(1)
}
