# Shared by config/quickstart and tests/run: `. config/setup.sh`. The caller may set ROOT (project) and sets LOGS (folder for logs).
# Every function is idempotent and asks nothing.

ROOT=${ROOT:-$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)}

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi
}

# packages_missing [test]: names of packages that are listed and not installed.
packages_missing() {
  local name why
  while read -r name why; do
    case $name in '' | '#'*) continue ;; esac
    case $why in
      '# node:'*) command -v node >/dev/null && command -v npm >/dev/null && continue ;;
      '# amd64:'*) [ "$(dpkg --print-architecture)" = amd64 ] || continue ;;
      '# test:'*) [ "${1:-}" = test ] || continue ;;
    esac
    # Debian's npm needs Debian's nodejs; a node from elsewhere stays.
    [ "$name" = nodejs ] && command -v node >/dev/null && continue
    [ "$(dpkg-query -W -f='${db:Status-Status}' "$name" 2>/dev/null)" = installed ] || echo "$name"
  done <"$ROOT/config/packages.txt"
}

# packages_install [test]: one `apt-get update`, and only when something is missing.
packages_install() {
  command -v apt-get >/dev/null || { echo "no apt-get here: install the packages of config/packages.txt by hand"; return 0; }
  local missing
  missing=$(packages_missing "${1:-}")
  [ -z "$missing" ] && return 0
  echo "installing:" $missing
  as_root env DEBIAN_FRONTEND=noninteractive apt-get update -qq </dev/null &&
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing </dev/null
}

# hash_of FILE...: one line that changes when a file under one of the paths changes.
hash_of() {
  find "$@" \( -name node_modules -o -name dist -o -name .node \) -prune -o -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum | sha256sum
}

# web_install: node_modules exactly as locked; skipped when the lock has not changed.
web_install() {
  local stamp="$ROOT/web/node_modules/.yilian-lock" now
  now=$(hash_of "$ROOT/web/package-lock.json" "$ROOT/web/tools/setup.sh")
  [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$now" ] && return 0
  sh "$ROOT/web/tools/setup.sh" </dev/null && echo "$now" >"$stamp"
}

# web_build: web/dist; skipped when no source has changed.
web_build() {
  local stamp="$ROOT/web/node_modules/.yilian-build" now
  now=$(hash_of "$ROOT/web")
  [ -f "$ROOT/web/dist/index.html" ] && [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$now" ] && return 0
  (cd "$ROOT/web" && npm run -s build </dev/null) && echo "$now" >"$stamp"
}

# c_build FOLDER TARGETS CMAKE-OPTION...: TARGETS is one word list, empty = everything.
c_build() {
  local dir=$1 targets=$2
  shift 2
  local generator=()
  [ -f "$dir/CMakeCache.txt" ] || generator=(-G Ninja)
  cmake -S "$ROOT" -B "$dir" "${generator[@]}" "$@" </dev/null || return
  cmake --build "$dir" --parallel "${JOBS:-$(nproc)}" ${targets:+--target $targets} </dev/null
}

# own_addresses: this machine's IPv4 addresses, loopback left out.
own_addresses() {
  ip -4 -o addr show scope global 2>/dev/null | awk '{ split($4, a, "/"); print a[1] }'
}

# certificate_make FOLDER [NAME...]: self-signed, ECDSA P-256, for localhost, this host's name and addresses, and the names. Kept when it is there.
certificate_make() {
  local dir=$1 names="DNS:localhost,IP:127.0.0.1,IP:::1" host a
  shift
  [ -s "$dir/certificate.pem" ] && [ -s "$dir/key.pem" ] && return 0
  host=$(uname -n)
  case $host in *[!A-Za-z0-9.-]* | '' | localhost) ;; *) names="$names,DNS:$host" ;; esac
  for a in $(own_addresses); do names="$names,IP:$a"; done
  for a in "$@"; do [[ $a =~ ^[0-9.]+$ ]] && names="$names,IP:$a" || names="$names,DNS:$a"; done
  (umask 077 && openssl ecparam -name prime256v1 -genkey -noout -out "$dir/key.pem") &&
    openssl req -x509 -new -key "$dir/key.pem" -sha256 -days 825 -subj "/CN=Yilian" -out "$dir/certificate.pem" \
      -addext "subjectAltName=$names" -addext "keyUsage=digitalSignature" -addext "extendedKeyUsage=serverAuth"
}

# port_open PORT: does anything accept TCP there?
port_open() {
  (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null
}
