# Bars: a group a place, a bar a series. Wants: data, base, heading, axis, unit, machine, count, wide (1: values differ so much
# that only a logarithmic axis shows them all).
set title heading noenhanced
set xlabel axis noenhanced
set ylabel unit noenhanced
set label machine at screen 0.01, 0.02 noenhanced font ",8" textcolor rgb "#606060"
if (wide) { set logscale y } else { set yrange [0:*] }
set grid ytics
set key outside right noenhanced
set style data histograms
set style histogram clustered gap 1
set style fill solid 0.8 border -1
set xtics noenhanced rotate by -20
set bmargin 7
set datafile missing "NaN"
array ends[2] = ["svg", "png"]
do for [i = 1:2] {
	if (i == 1) { set terminal svg size 900,520 dynamic background rgb "white" font "DejaVu Sans,12" } \
	else { set terminal pngcairo size 900,520 font "DejaVu Sans,10" }
	set output base . "." . ends[i]
	plot for [s = 2:count + 1] data using s:xtic(1) title columnheader(s)
}
