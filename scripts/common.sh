# shellcheck shell=bash
# What demo, test, bench and install have in common: read by them, not run.

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
VENV=$ROOT/.venv
PYTHON=${PYTHON:-python3}

say() { printf '%s\n' "$*"; }

die() {
    printf '%s: %s\n' "${0##*/}" "$*" >&2
    exit 1
}

is_root() { [ "$(id -u)" = 0 ]; }

# apt_install PACKAGE...: as root, without a question; with the lists that are there, else with new ones.
apt_install() {
    local log
    log=$(mktemp)
    say "Installing $* ..."
    export DEBIAN_FRONTEND=noninteractive
    if ! apt-get install -y --no-install-recommends "$@" </dev/null >"$log" 2>&1 &&
        ! { apt-get update && apt-get install -y --no-install-recommends "$@"; } </dev/null >"$log" 2>&1; then
        tail -n 5 "$log" >&2
        rm -f "$log"
        die "apt-get could not install $*"
    fi
    rm -f "$log"
}

# want_packages PACKAGE...: installs them, or says what to type.
want_packages() {
    [ $# -gt 0 ] || return 0
    if ! command -v apt-get >/dev/null; then
        die "install these (Debian's names), then try again: $*"
    elif is_root; then
        apt_install "$@"
    else
        printf 'Something is missing. Type this, then try again:\n\n    sudo apt-get install -y %s\n\n' "$*" >&2
        exit 1
    fi
}

# want_tools [NEW_VENV]: what the service needs of the machine: Python's venv (only where one has to be made: say
# "yes"), v4l2-ctl, ffmpeg.
want_tools() {
    local missing=()
    if ! command -v "$PYTHON" >/dev/null; then
        missing+=(python3 python3-venv)
    elif ! "$PYTHON" -c 'import sys; sys.exit(sys.version_info < (3, 10))'; then
        die "Python 3.10 or later is needed, and $PYTHON is $("$PYTHON" -V). PYTHON=... names another"
    elif [ "$1" = yes ] && ! "$PYTHON" -c 'import ensurepip, venv' 2>/dev/null; then
        # Debian has ensurepip in a package of its own.
        missing+=(python3-venv)
    fi
    command -v v4l2-ctl >/dev/null || missing+=(v4l-utils)
    command -v ffmpeg >/dev/null || missing+=(ffmpeg)
    want_packages "${missing[@]}"
}

# copy_source DIR: what is installed, to be built there: an old build/ in the tree would find its way into the wheel.
copy_source() {
    mkdir -p "$1"
    (cd "$ROOT" && cp -R setup.cfg pyproject.toml README.md LICENSE man webcam_rpc twisted "$1")
}

# fingerprint: changes when what is to be installed does.
fingerprint() {
    { cat "$ROOT/setup.cfg" "$ROOT/pyproject.toml"; printf '%s\n' "$ROOT"; } | sha256sum | cut -c 1-16
}

# want_venv [EXTRAS]: $VENV with an editable install; made once, and again when the requirements change.
# shellcheck disable=SC2120
want_venv() {
    local extras=${1:-} wanted
    # A venv whose Python was upgraded away does not start.
    if ! "$VENV/bin/python" -c 'import pip' 2>/dev/null; then
        want_tools yes
        say "Making .venv ..."
        rm -rf "$VENV"
        "$PYTHON" -m venv "$VENV" || die "could not make $VENV"
    else
        want_tools no
    fi
    wanted=$(fingerprint)
    if [ "$(cat "$VENV/installed-$extras" 2>/dev/null)" != "$wanted" ]; then
        say "Installing into .venv ..."
        "$VENV/bin/python" -m pip install --quiet --disable-pip-version-check --use-pep517 \
            --editable "$ROOT${extras:+[$extras]}" </dev/null || die "pip could not install webcam_rpc into .venv"
        # With extras is also without.
        printf '%s\n' "$wanted" | tee "$VENV/installed-" >"$VENV/installed-$extras"
    fi
}

testbed=${WEBCAM_TESTBED:-$ROOT/../shared/testbed}

# Says why the virtual machine with webcams cannot be used, if it can not.
why_no_hardware() {
    if [ -z "${WEBCAM_TESTBED:-}" ] && [ ! -x "$testbed/run" ]; then
        say "no virtual machine with webcams (\$WEBCAM_TESTBED)"
    elif ! "$VENV/bin/python" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))'; then
        say "the virtual machine has Python 3.11, and this is $("$VENV/bin/python" -V)"
    fi
}

# The dependencies for the guest, made once for each state of setup.cfg. The package itself comes from the project.
guest_site() {
    site=$VENV/site-$(fingerprint)
    [ ! -d "$site" ] || return 0
    rm -rf "$VENV"/site-*
    # pip leaves a folder that exists as it is, twisted/plugins too: all at once, into an empty one.
    "$VENV/bin/python" -m pip install --quiet --disable-pip-version-check --use-pep517 --target "$site.new" "${ROOT}[test]" </dev/null &&
        rm -rf "$site.new/webcam_rpc" "$site.new/twisted/plugins/webcam_rpc_dropin.py" &&
        mv "$site.new" "$site"
}

# want_testbed: what the virtual machine needs of this one, and $site for it.
want_testbed() {
    local missing=()
    [ -x "$testbed/run" ] || { say "there is no $testbed/run"; return 1; }
    export PATH="$PATH:/usr/sbin:/sbin"
    command -v qemu-system-x86_64 >/dev/null || missing+=(qemu-system-x86)
    command -v mmdebstrap >/dev/null || missing+=(mmdebstrap)
    command -v mke2fs >/dev/null || missing+=(e2fsprogs)
    command -v cpio >/dev/null || missing+=(cpio)
    command -v depmod >/dev/null || missing+=(kmod)
    (want_packages "${missing[@]}") || return 1
    # Only root can build it; run says so where it is not there.
    ! is_root || timeout 600 "$testbed/build" || return 1
    guest_site
}
