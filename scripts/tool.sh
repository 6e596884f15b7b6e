#!/bin/sh
# tool.sh NAME PACKAGE@VERSION prints the path of a development tool under .tools/. It
# builds the tool first if that version is not there yet.
set -eu
name=$1 package=$2
dir=$(pwd)/.tools/${package##*@}
if [ ! -x "$dir/$name" ]; then
	echo "Building $name ${package##*@} (once)" >&2
	GOBIN=$dir GOFLAGS='' "${GO:-go}" install "$package"
fi
echo "$dir/$name"
