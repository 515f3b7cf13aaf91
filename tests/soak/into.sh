#!/bin/sh
# Puts what a soak printed, without its single kills and looks, into its part of a file: into.sh LOG FILE
set -eu
log=$1 file=$2
begin='<!-- make soak -->' end='<!-- end -->'
grep -qxF "$begin" "$file" || { echo "$file: no part for the result" >&2; exit 1; }
grep -q '^test result: ok' "$log" || { echo "$log: not a soak that passed" >&2; exit 1; }

processor=$(sed -n 's/^model name[[:space:]]*: //p' /proc/cpuinfo | head -n 1)
memory=$(awk '/^MemTotal:/ { printf "%d", $2 / 1048576 + 0.999 }' /proc/meminfo)
part=$(mktemp)
new=$file.new
trap 'rm -f "$part" "$new"' EXIT
{
	echo "\`make soak\`, $(date -r "$log" +%F): ${processor:-a processor without a name}, $(nproc) cores, $memory GiB of memory," \
		"Linux $(uname -r); mailproof $(git describe --always --dirty --exclude '*')."
	echo
	echo '```'
	grep -v '^soak: kill \|^soak: *[0-9]* s: ' "$log" | sed -n 's/^soak: //p'
	sed -n 's/^test result: ok.*; finished in \(.*\)$/all in \1/p' "$log"
	echo '```'
} >"$part"
awk -v begin="$begin" -v end="$end" -v part="$part" '
	{ inside = inside && $0 != end }
	!inside
	$0 == begin { inside = 1; while ((getline line <part) > 0) print line }
' "$file" >"$new"
chmod --reference="$file" "$new"
mv "$new" "$file"
