# shellcheck shell=bash disable=SC2034
# Removes the given cgroups when its standard input ends: when the program that
# started it has ended, for whatever reason.
cat > /dev/null
for attempt in $(seq 300); do
  left=0
  for group in "$@"; do
    [ ! -d "$group" ] || find "$group" -depth -type d -exec rmdir {} + 2> /dev/null || left=1
  done
  [ "$left" = 1 ] || exit 0
  sleep 0.1
done
exit 1
