#!/bin/sh
# Runs its arguments with a Node that the build tools accept (20.19, 22.12 or later): the system's where it is new enough, else the one that
# setup.sh fetched into web/.node (Debian 12 itself has Node 18). `sh web/tools/node.sh tests/browser/kit.mjs`
web=$(cd "$(dirname "$0")/.." && pwd)
for node in node "$web"/.node/node_modules/node-linux-*/bin/node; do
  if "$node" -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 22 || (a === 22 && b >= 12) || (a === 20 && b >= 19) ? 0 : 1)' 2>/dev/null; then
    exec "$node" "$@"
  fi
done
echo "node.sh: no Node 20.19+ or 22.12+ here; run web/tools/setup.sh" >&2
exit 1
