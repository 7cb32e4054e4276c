# How much goes when so much is asked for: gnuplot -c precision.gp FOLDER svg|png
folder = ARG1
if (ARG2 eq "svg") {
	set terminal svg size 760,420 font "DejaVu Sans,13" background "#ffffff" dynamic
} else {
	set terminal pngcairo size 1520,840 font "DejaVu Sans,13" fontscale 2 linewidth 2 background "#ffffff"
}
set output folder."/precision.".ARG2
set datafile separator "\t"
set title "How much goes when so much is asked for, by the kernel's count"
set xlabel "asked for, MiB (logarithmic)"
set ylabel "gone, MiB (logarithmic)"
set logscale xy 2
set xrange [0.7:1024]
set yrange [0.7:1024]
set border 3 lc rgb "#888888"
set tics nomirror
set grid lc rgb "#e4e4e4" lt 1
unset key
only(series, name, value) = series eq name ? value : NaN
set label "exactly what was asked for" at 20, 11 textcolor rgb "#888888"
set label "Mural: at most one bitmap more" at 10, 6 textcolor rgb "#3b7dd8"
set label "the kernel's ashmem: all it had, 64 MiB" at 1.2, 80 textcolor rgb "#d9822b"
plot x with lines lc rgb "#aaaaaa" dt 2, \
	folder."/precision.dat" using 2:(only(strcol(1), "st_blocks", $5)) with linespoints pt 7 ps 1.2 lc rgb "#3b7dd8", \
	"" using 2:(only(strcol(1), "kernel ashmem", $5)) with points pt 7 ps 1.2 lc rgb "#d9822b"
