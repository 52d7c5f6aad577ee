#!/usr/bin/env bash
# Prints those of the Debian packages in the file packages that are not installed.
set -euo pipefail
cd "$(dirname "$0")"
while read -r package; do
  dpkg-query --show --showformat='${db:Status-Status}' "$package" 2>/dev/null | grep -q '^installed' || echo "$package"
done < packages
