#!/bin/sh
# Installs what the web application is built with, exactly as locked. Idempotent. Needs `npm` of any age (Debian 12: apt-get install npm).
set -eu
cd "$(dirname "$0")/.."
if ! sh tools/node.sh -e 0 2>/dev/null; then
  case $(uname -m) in aarch64) arch=arm64 ;; *) arch=x64 ;; esac
  mkdir -p .node && echo '{"private":true}' >.node/package.json
  npm install --prefix .node --no-save --no-package-lock --ignore-scripts --no-audit --no-fund "node-linux-$arch@22.23.3"
fi
# npm leaves out native parts that the Node it runs under is too old for: so it must run under the new one.
exec sh tools/node.sh "$(readlink -f "$(command -v npm)")" ci --no-audit --no-fund
