#!/bin/sh
# An aarch64 board without a board: TVM's RPC server under qemu, registered at a tracker on loopback.
#
#   scripts/emulated_board.sh setup    unpack Debian for arm64 and the aarch64 wheels (once)
#   scripts/emulated_board.sh start    the same, then tracker and server in the background (default)
#   scripts/emulated_board.sh stop
#
# Needs (Debian, Ubuntu): apt install qemu-user-static debootstrap g++-aarch64-linux-gnu, and root
# for debootstrap. It proves cross compiling, uploading and running; its times are no latencies.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
folder=$(mkdir -p "${BOARD_DIR:-$here/../.board}" && cd "${BOARD_DIR:-$here/../.board}" && pwd)
port=${BOARD_PORT:-9190}
python=${PYTHON:-$([ -x "$here/../.venv/bin/python" ] && echo "$here/../.venv/bin/python" || echo python3)}
mirror=${DEBIAN_MIRROR:-http://deb.debian.org/debian}
tvm="apache-tvm==0.27.0.post1 apache-tvm-ffi==0.1.14.post1"

need() {
    command -v "$1" >/dev/null || {
        echo "emulated board: $1 is missing; install it with: apt install $2" >&2
        exit 2
    }
}

setup() {
    need qemu-aarch64-static qemu-user-static
    need debootstrap debootstrap
    need aarch64-linux-gnu-g++ g++-aarch64-linux-gnu
    [ -e "$folder/ready" ] && return
    rm -rf "$folder"
    mkdir -p "$folder/root" "$folder/site"
    debootstrap --foreign --arch=arm64 --variant=minbase --include=python3,libgomp1,libstdc++6 \
        bookworm "$folder/root" "$mirror" >"$folder/debootstrap.log" 2>&1 || {
        tail -3 "$folder/debootstrap.log" >&2
        exit 2
    }
    # The second stage would need to run as root under qemu; unpacking is enough for Python.
    for package in "$folder"/root/var/cache/apt/archives/*.deb; do
        dpkg-deb -x "$package" "$folder/root"
    done
    platforms=""
    for tag in 2_28 2_27 2_24 2_17 2014; do
        case $tag in
        2014) platforms="$platforms --platform manylinux2014_aarch64" ;;
        *) platforms="$platforms --platform manylinux_${tag}_aarch64" ;;
        esac
    done
    # shellcheck disable=SC2086
    "$python" -m pip install -q --target "$folder/site" --python-version 3.11 \
        --only-binary=:all: $platforms $tvm numpy tornado psutil cloudpickle
    board_python="$folder/python"
    cat >"$board_python" <<EOF
#!/bin/sh
export PYTHONHOME="$folder/root/usr" PYTHONPATH="$folder/site" PYTHONNOUSERSITE=1
export TVM_NUM_THREADS=1 OMP_NUM_THREADS=1
exec qemu-aarch64-static -L "$folder/root" "$folder/root/usr/bin/python3.11" "\$@"
EOF
    chmod +x "$board_python"
    # The server starts children through sys.executable, which must be emulated too.
    cat >"$folder/server.py" <<EOF
import runpy
import sys

sys.executable = "$board_python"
runpy.run_module("tvm.exec.rpc_server", run_name="__main__")
EOF
    touch "$folder/ready"
}

start() {
    [ -e "$folder/ready" ] || setup
    stop
    "$python" -m tvm.exec.rpc_tracker --host 127.0.0.1 --port "$port" \
        --port-end $((port + 1)) >"$folder/tracker.log" 2>&1 &
    echo $! >"$folder/tracker.pid"
    waits=0
    until "$python" "$here/tracker_keys.py" "127.0.0.1:$port" >/dev/null 2>&1; do
        waits=$((waits + 1))
        [ $waits -gt 60 ] && { echo "emulated board: the tracker does not start" >&2; exit 3; }
        sleep 1
    done
    setsid "$folder/python" "$folder/server.py" --host 127.0.0.1 --port $((port + 10)) \
        --port-end $((port + 20)) --tracker "127.0.0.1:$port" --key emulated-a57 \
        >"$folder/server.log" 2>&1 &
    echo $! >"$folder/server.pid"
    waits=0
    until "$python" "$here/tracker_keys.py" "127.0.0.1:$port" | grep -q emulated-a57; do
        waits=$((waits + 1))
        [ $waits -gt 120 ] && { echo "emulated board: the server does not register" >&2; exit 3; }
        sleep 1
    done
    echo "emulated-a57 is registered at the tracker 127.0.0.1:$port; measure on it with:"
    echo "NETADAPT_TRACKER=127.0.0.1:$port netadapt lut build --device emulated-a57 --max-layers 8"
}

stop() {
    if [ -e "$folder/server.pid" ]; then
        kill -- "-$(cat "$folder/server.pid")" 2>/dev/null || true
        rm -f "$folder/server.pid"
    fi
    if [ -e "$folder/tracker.pid" ]; then
        kill "$(cat "$folder/tracker.pid")" 2>/dev/null || true
        rm -f "$folder/tracker.pid"
    fi
}

case ${1:-start} in
setup) setup ;;
start) start ;;
stop) stop ;;
*)
    echo "usage: $0 [setup|start|stop]" >&2
    exit 2
    ;;
esac
