#!/bin/sh
# count.sh LOG...: adds up what the test runner counted in these logs; fails when nothing ran or anything failed.
awk '
  /^test result: / { passed += $4; failed += $6; skipped += $8 }
  END { printf "%d passed, %d failed, %d skipped\n", passed, failed, skipped; exit failed > 0 || passed == 0 }
' "$@"
