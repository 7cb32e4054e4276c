# What purging costs: gnuplot -c speed.gp FOLDER svg|png
folder = ARG1
if (ARG2 eq "svg") {
	set terminal svg size 760,420 font "DejaVu Sans,13" background "#ffffff" dynamic
} else {
	set terminal pngcairo size 1520,840 font "DejaVu Sans,13" fontscale 2 linewidth 2 background "#ffffff"
}
set output folder."/speed.".ARG2
set datafile separator "\t"
set title "Purging 32 MiB: the pool beside the bare hole punch"
set xlabel "processes that map it"
set ylabel "µs of CPU per MiB (logarithmic)"
set logscale y
set yrange [1:1000]
set xrange [-0.3:3.9]
set xtics ("0" 0, "1" 1, "4" 2, "16" 3)
set border 3 lc rgb "#888888"
set tics nomirror
set grid ytics lc rgb "#e4e4e4" lt 1
unset key
place(at) = at == 0 ? 0 : at == 1 ? 1 : at == 4 ? 2 : 3
only(series, name, value) = series eq name ? value : NaN
set datafile missing NaN
set label "4 KiB pages" at 3.12, 480 textcolor rgb "#3b7dd8"
set label "huge pages" at 3.12, 5.2 textcolor rgb "#d9822b"
set label "dots: Mural; rings: the bare punch" at graph 0.02, graph 0.95 textcolor rgb "#555555"
plot folder."/speed-small.dat" using (place($2)):(only(strcol(1), "mural", $5)) with linespoints pt 7 lc rgb "#3b7dd8", \
	"" using (place($2)):(only(strcol(1), "bare hole punch", $5)) with points pt 6 ps 1.8 lc rgb "#3b7dd8", \
	folder."/speed-huge.dat" using (place($2)):(only(strcol(1), "mural", $5)) with linespoints pt 7 lc rgb "#d9822b", \
	"" using (place($2)):(only(strcol(1), "bare hole punch", $5)) with points pt 6 ps 1.8 lc rgb "#d9822b"
