#!/bin/sh
# tool.sh NAME PACKAGE@VERSION prints the path of a development tool under .tools/,
# building it there first where that version is missing.
set -eu
name=$1 package=$2
dir=$(pwd)/.tools/${package##*@}
if [ ! -x "$dir/$name" ]; then
	echo "Building $name ${package##*@} (once)" >&2
	GOBIN=$dir GOFLAGS= go install "$package"
fi
echo "$dir/$name"
