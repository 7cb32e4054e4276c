# Memory of pool and hog over time: gnuplot -c timeline.gp FOLDER svg|png
folder = ARG1
if (ARG2 eq "svg") {
	set terminal svg size 900,560 font "DejaVu Sans,13" background "#ffffff" dynamic
} else {
	set terminal pngcairo size 1800,1120 font "DejaVu Sans,13" fontscale 2 linewidth 2 background "#ffffff"
}
set output folder."/timeline.".ARG2

pinned = 8
limit = 128
stats folder."/timeline-all.dat" using 1 nooutput name "all"
stats folder."/timeline-none.dat" using 1 nooutput name "none"
stats folder."/timeline-none.dat" using 4 nooutput name "hog"

set multiplot layout 2,1 margins 0.07,0.955,0.115,0.93 spacing 0,0.14
set border 3 lc rgb "#888888"
set tics nomirror textcolor rgb "#555555"
set xrange [0:all_max]
set yrange [0:150]
set ytics 32
set grid ytics lc rgb "#e4e4e4" lt 1
unset key
set style fill solid 1.0 noborder
set arrow 1 from graph 0, first limit to graph 1, first limit nohead front lc rgb "#b00020" lw 1.4
set label 1 "the group's limit, 128 MiB" at graph 0.005, first limit + 8 front textcolor rgb "#b00020"
set label 2 "MiB" at graph -0.055, graph 1.07 textcolor rgb "#555555"
set format x ""

set label 3 "Mural: idle pictures go, everybody lives" at graph 0, graph 1.07 front font ",15"
set label 4 "another program" at all_max * 0.70, 55 center front textcolor rgb "#ffffff"
set label 5 "idle pictures" at all_max * 0.20, 40 center front textcolor rgb "#ffffff"
set label 6 "pinned pictures, 8 MiB: never touched" at all_max * 0.5, 4 center front textcolor rgb "#ffffff" font ",10"
set label 9 "each ▼ a purge" at all_max * 0.205, 112 center front textcolor rgb "#111111"
plot folder."/timeline-all.dat" using 1:2 with filledcurves y1=0 lc rgb "#c9c9c9", \
	"" using 1:($3 + $4) with filledcurves y1=0 lc rgb "#d9822b", \
	"" using 1:3 with filledcurves y1=0 lc rgb "#3b7dd8", \
	"" using 1:(pinned) with filledcurves y1=0 lc rgb "#1c4587", \
	folder."/timeline-purges.dat" using 1:(102) with points pt 11 ps 1.3 lc rgb "#111111"

set format x "%g ms"
set xlabel "time since the other program started" textcolor rgb "#555555"
set label 3 "Nothing purged: the kernel kills"
set label 4 "another program" at none_max * 0.72, 88 center
set label 5 "idle pictures" at none_max * 0.5, 40 center
set label 6 "pinned pictures" at none_max * 0.5, 4 center
set label 7 sprintf("killed when it had %d of 100 MiB", hog_max) at none_max * 1.02, 110 left front textcolor rgb "#b00020"
set label 8 "" at none_max, 128 point pt 2 ps 1.6 lw 2 lc rgb "#b00020" front
unset label 9
plot folder."/timeline-none.dat" using 1:2 with filledcurves y1=0 lc rgb "#c9c9c9", \
	"" using 1:($3 + $4) with filledcurves y1=0 lc rgb "#d9822b", \
	"" using 1:3 with filledcurves y1=0 lc rgb "#3b7dd8", \
	"" using 1:(pinned) with filledcurves y1=0 lc rgb "#1c4587"
unset multiplot
