#!/bin/sh
# deps.sh check|install: the Debian packages that `make test` needs beyond cargo. `check` lists what is missing and how to get it;
# `install` gets it when run as root. Packages are kept from starting daemons of their own.
set -eu
cd "$(dirname "$0")/.."

# program  package
need='cc gcc
g++ g++
make make
pkg-config pkg-config
sipp sip-tester
baresip baresip-core
kamailio kamailio
svmap sipvicious
clang clang
cmake cmake
valgrind valgrind
nft nftables
sipsak sipsak
sip-options sofia-sip-bin
ip iproute2
node nodejs
openssl openssl
gnutls-cli gnutls-bin
npm npm
nm binutils'

missing=
# What `python3 -m venv` needs has no program of its own.
[ -d /usr/lib/python3/dist-packages ] && ! python3 -c 'import ensurepip' 2>/dev/null && need="$need
no-such-program python3-venv"
for line in $(echo "$need" | tr ' ' ':'); do
    program=${line%%:*} package=${line##*:}
    PATH="$PATH:/usr/sbin:/usr/local/sbin" command -v "$program" >/dev/null || missing="$missing $package"
done

if [ -n "$missing" ]; then
    if [ "${1:-check}" = install ] && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        export DEBIAN_FRONTEND=noninteractive
        policy=/usr/sbin/policy-rc.d
        [ -e "$policy" ] || { printf '#!/bin/sh\nexit 101\n' >"$policy"; chmod 755 "$policy"; trap 'rm -f "$policy"' EXIT; }
        apt-get update -qq
        # shellcheck disable=SC2086
        apt-get install -y -qq --no-install-recommends $missing
    else
        echo "missing programs; install them with: apt-get install$missing" >&2
        exit 1
    fi
fi
# PJSIP, as a phone to call: a Python environment of its own.
python=target/interop-python
if ! "$python/bin/python" -c 'import pjsua2' 2>/dev/null; then
    if [ "${1:-check}" = install ]; then
        python3 -m venv "$python"
        "$python/bin/pip" install --quiet --disable-pip-version-check pjsua2-python==2.15.1.post1
    else
        echo "missing: PJSIP; python3 -m venv $python && $python/bin/pip install pjsua2-python==2.15.1.post1" >&2
        exit 1
    fi
fi
# JsSIP, as the other end of a WebSocket.
node=target/interop-node
if ! [ -d "$node/node_modules/jssip" ] || ! [ -d "$node/node_modules/ws" ]; then
    if [ "${1:-check}" = install ]; then
        mkdir -p "$node"
        npm install --silent --no-package-lock --no-audit --no-fund --prefix "$node" jssip@3.13.8 ws@8.18.3
    else
        echo "missing: JsSIP; npm install --no-package-lock --prefix $node jssip@3.13.8 ws@8.18.3" >&2
        exit 1
    fi
fi
if ! command -v cargo-nextest >/dev/null; then
    if [ "${1:-check}" = install ]; then
        cargo install --locked cargo-nextest
    else
        echo "missing: cargo install --locked cargo-nextest" >&2
        exit 1
    fi
fi
echo "everything that the tests need is here"
