#!/usr/bin/env bash
# A tar that ends between two members reads as whole: GNU tar ends with 0, Python's tarfile raises nothing.
#
# GNU tar 1.34 (Debian 12), Python 3.11.7. Seen on 2026-11-29: of an archive of three files the first two members are
# kept and the rest is cut off, the two blocks of zeros at the end too. "tar -t" and "tar -x" show two files, say
# nothing and end with 0; tarfile lists two names, as a file and as a stream. Cut within a member, both complain.
# For backups: an archive whose copying stopped may look good to the program that restores it; count, or hash.
# (gzip notices, where the cut is behind the compression.)
#
# Exit: 0 it is so, 1 it is so no more, 2 it could not be set up.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
command -v tar >"$work/found" || exit 2
cd "$work"
is() { # what, seen, expected
  printf '%-34s %s\n' "$1" "$2"
  [ "$2" = "$3" ] || { echo "changed: on 2026-11-29 it was: $3"; exit 1; }
}
mkdir out
for name in a b c; do printf '%700s' "$name" >"$name.jpg"; done
tar -cf whole.tar ./a.jpg ./b.jpg ./c.jpg
head -c $((2 * (512 + 1024))) whole.tar >cut.tar # a member: a header of 512 bytes, two blocks of data

is "tar -t, exit code, messages:" "$(tar -tf cut.tar 2>messages | tr '\n' ' ')$? $(cat messages)" "./a.jpg ./b.jpg 0 "
is "tar -x, exit code, messages:" "$(tar -xf cut.tar -C out 2>messages; echo $?) $(cat messages)" "0 "
is "files:" "$(cd out && echo *)" "a.jpg b.jpg"
python3 - <<'PY'
import sys
import tarfile

seen = [[member.name for member in tarfile.open("cut.tar", mode)] for mode in ("r", "r|")]
print("tarfile:", *seen)
sys.exit(seen != [["./a.jpg", "./b.jpg"]] * 2)
PY
head -c $((2 * (512 + 1024) - 600)) whole.tar >within.tar
is "cut within a member, exit code:" "$(tar -tf within.tar >list 2>messages; echo $?)" "2"
