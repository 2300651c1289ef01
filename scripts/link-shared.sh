#!/bin/sh
# link-shared.sh STATIC-LIBRARY HEADER OUTPUT-DIRECTORY VERSION
#
# Links libsipwright.so from the static library: SONAME libsipwright.so.0, symbol version SIPW_0, and exactly the functions of the header
# exported. rustc's own cdylib link can do neither (its version script and ours exclude each other).
set -eu
static=$1 header=$2 out=$3 version=$4
CC=${CC:-cc}
soname=libsipwright.so.0

# Declarations stand at the start of a line; macros and comments do not.
symbols=$(sed -n 's/^[a-z][^#(]*[ *]\(sipw_[a-z0-9_]*\)(.*/\1/p' "$header" | sort)
[ -n "$symbols" ] || { echo "no function found in $header" >&2; exit 1; }

mkdir -p "$out"
{
    echo "SIPW_0 {"
    echo "  global:"
    for symbol in $symbols; do echo "    $symbol;"; done
    echo "  local: *;"
    echo "};"
} > "$out/sipw.map"

set --
for symbol in $symbols; do set -- "$@" "-Wl,-u,$symbol"; done
"$CC" -shared -o "$out/libsipwright.so.$version" \
    -Wl,--version-script="$out/sipw.map" -Wl,-soname,"$soname" -Wl,-z,defs -Wl,-z,relro -Wl,-z,now -Wl,--gc-sections \
    "$@" "$static" ${SIPWRIGHT_LIBS:--lgcc_s -lutil -lrt -lpthread -lm -ldl -lc}
ln -sf "libsipwright.so.$version" "$out/$soname"
ln -sf "$soname" "$out/libsipwright.so"
