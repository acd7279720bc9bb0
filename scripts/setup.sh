#!/usr/bin/env bash
# What a fresh machine lacks:
#   setup.sh venv WHO EXTRAS          make .venv and install the project with EXTRAS
#   setup.sh packages WHO PROGRAM…    install the Debian packages of missing programs
#   setup.sh node WHO PACKAGE@VERSION…  install packages of npm in .venv/node
#   setup.sh constraints              write constraints.txt anew
# WHO is the command the user typed; messages name it.
set -euo pipefail
cd "$(dirname "$0")/.."

say() { printf '\033[1m==>\033[0m %s\n' "$*"; }
fail() { printf '%s\n' "$*" >&2; exit 1; }

if ! [ -t 1 ]; then
    say() { printf '==> %s\n' "$*"; }
fi

# ---------------------------------------------------------------- Debian packages

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi
}

may_be_root() {
    [ "$(id -u)" = 0 ] || sudo -n true 2>/dev/null
}

apt_install() {
    as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get install -qq -y --no-install-recommends -o Acquire::Retries=3 \
        -o DPkg::Lock::Timeout=120 "$@" >/dev/null
}

# What comes over a network is asked for once more when it did not come.
retried() {
    "$@" || { say "Trying once more: $1"; sleep 5; "$@"; }
}

# Debian's server package makes a cluster "main" and starts it on port 5432. The tests
# start clusters of their own in temporary folders, so that one is told not to be made:
# by the setting Debian has for it, put back as it was when the package is in.
apt_install_postgresql() {
    local settings=/etc/postgresql-common/createcluster.conf status=0
    [ -e "$settings" ] || apt_install postgresql-common || return 1
    as_root cp -p "$settings" "$settings.before-trustbackup" || return 1
    trap 'as_root mv -f /etc/postgresql-common/createcluster.conf{.before-trustbackup,}' EXIT
    echo 'create_main_cluster = false' | as_root tee -a "$settings" >/dev/null
    apt_install postgresql || status=1
    as_root mv -f "$settings.before-trustbackup" "$settings"
    trap - EXIT
    return $status
}

# Debian starts its servers and lets them start with the machine. The tests start their own,
# and what they need must not open a door: it is neither started nor enabled.
apt_install_server() {
    local policy=/usr/sbin/policy-rc.d package=$1 service status=0
    shift
    if [ ! -e "$policy" ]; then
        trap 'as_root rm -f /usr/sbin/policy-rc.d' EXIT
        printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null
        as_root chmod 755 "$policy"
        apt_install "$package" || status=1
        as_root rm -f "$policy"
        trap - EXIT
    else
        apt_install "$package" || status=1
    fi
    for service in "$@"; do
        as_root systemctl disable --quiet "$service" 2>/dev/null || true
    done
    return $status
}

install_packages() {
    local who=$1 package
    shift
    command -v apt-get >/dev/null ||
        fail "$who needs programs that Debian has in the packages $*: install them with this system's package manager, then run $who again."
    may_be_root ||
        fail "$who needs the Debian packages $*: run \`sudo apt-get install $*\`, then $who again."
    say "Installing Debian packages: $*"
    retried as_root apt-get update -qq >/dev/null ||
        fail "$who needs the Debian packages $*, and apt-get could not read its package lists: see its message above."
    for package in "$@"; do
        case $package in
            postgresql) apt_install_postgresql ;;
            openssh-server) apt_install_server "$package" ssh.service ssh.socket ;;
            proftpd-core | proftpd-mod-crypto) apt_install_server "$package" proftpd.service ;;
            mariadb-server) apt_install_server "$package" mariadb.service ;;
            pgbouncer) apt_install_server "$package" pgbouncer.service ;;
            *) apt_install "$package" ;;
        esac ||
            fail "$who needs the Debian package $package, and apt-get could not install it: see its message above."
    done
}

# Debian keeps the servers' programs outside the PATH. A path is data that a program needs: the
# tests make a German and a Turkish locale from the package "locales". An extension of
# PostgreSQL belongs to the newest server that is installed here.
has_program() {
    if [[ $1 == extension:* ]]; then
        [ -e "/usr/share/postgresql/$(newest_postgresql)/extension/${1#*:}.control" ]
        return
    fi
    if [[ $1 == /* ]]; then [ -e "$1" ]; return; fi
    PATH=$PATH:/usr/sbin command -v "$1" >/dev/null ||
        compgen -G "/usr/lib/postgresql/*/bin/$1" >/dev/null
}

newest_postgresql() {
    local folder version newest=
    for folder in /usr/lib/postgresql/*/bin/initdb; do
        version=${folder#/usr/lib/postgresql/}
        version=${version%%/*}
        if [[ $version =~ ^[0-9]+$ ]] && [ "$version" -gt "${newest:-0}" ]; then newest=$version; fi
    done
    echo "$newest"
}

package_of() {
    case $1 in
        extension:pg_cron) echo "postgresql-$(newest_postgresql)-cron" ;;
        extension:pg_partman) echo "postgresql-$(newest_postgresql)-partman" ;;
        extension:postgis) echo "postgresql-$(newest_postgresql)-postgis-3" ;;
        proftpd) echo proftpd-core ;;
        /usr/lib/proftpd/mod_sftp.so) echo proftpd-mod-crypto ;;
        initdb) echo postgresql ;;
        pg_dump) echo postgresql-client ;;
        mariadbd | mariadb-install-db) echo mariadb-server ;;
        mariadb-dump) echo mariadb-client ;;
        /usr/include/mariadb/mysql.h) echo libmariadb-dev ;;
        /usr/include/stdio.h) echo libc6-dev ;;
        */Python.h) echo "$(basename "${1%/Python.h}")-dev" ;;
        sshd) echo openssh-server ;;
        ssh-keygen) echo openssh-client ;;
        setpriv) echo util-linux ;;
        ps) echo procps ;;
        xgettext) echo gettext ;;
        /usr/share/i18n/locales) echo locales ;;
        *) echo "$1" ;;
    esac
}

packages() {
    local who=$1 program missing=()
    shift
    for program in "$@"; do
        has_program "$program" || missing+=("$(package_of "$program")")
    done
    if [ ${#missing[@]} -gt 0 ]; then install_packages "$who" "${missing[@]}"; fi
}

# ------------------------------------------------------------------------- Python

# The first that runs and is new enough; a name on the PATH may be a version
# manager's placeholder that only prints an error.
find_python() {
    local candidate
    for candidate in ${PYTHON:-python3 python3.13 python3.12 python3.11 /usr/bin/python3}; do
        if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            "$candidate" -c 'import sys; print(sys.executable)'
            return
        fi
    done
    return 1
}

make_venv() {
    local who=$1 folder=$2 python
    python=$(find_python) ||
        fail "$who needs Python 3.11 or newer, and ${PYTHON:-python3} is not: install it, or name it with PYTHON=/path/to/python $who."
    # Debian splits the part of the standard library that fills a new venv with pip.
    if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
        install_packages "$who" "$("$python" -c 'import sys; print("python3.%d-venv" % sys.version_info[1])')"
    fi
    "$python" -m venv --clear "$folder"
}

# Pinned alike: the packages, and what builds this one (newer pips have an option of
# their own for the latter).
pip_install() {
    local python=$1
    shift
    PIP_CONSTRAINT=$PWD/constraints.txt PIP_BUILD_CONSTRAINT=$PWD/constraints.txt \
        "$python" -m pip install -qq --no-input --disable-pip-version-check "$@"
}

venv() {
    local who=$1 extras=$2
    if ! .venv/bin/python -m pip --version >/dev/null 2>&1; then
        say "Making .venv"
        make_venv "$who" .venv
    fi
    say "Installing trustbackup[$extras] and what it needs (once, takes up to a minute)"
    retried pip_install .venv/bin/python -c constraints.txt -e ".[$extras]" ||
        fail "$who could not install the Python packages: see pip's message above; run $who again when its cause is gone."
}

# ------------------------------------------------------------------------ Node.js

# Without its scripts: what is installed here is JavaScript alone.
node() {
    local who=$1
    shift
    say "Installing from npm: $*"
    mkdir -p .venv/node
    retried npm install --prefix .venv/node --no-audit --no-fund --ignore-scripts \
        --loglevel=error --fetch-retries=5 "$@" >/dev/null ||
        fail "$who needs $* from npm, and npm could not install it: see its message above; run $who again when its cause is gone."
}

# ----------------------------------------------------------------------- versions

constraints() {
    folder=$(mktemp -d)
    trap 'rm -rf "$folder"' EXIT
    say "Resolving the newest versions"
    make_venv "make constraints" "$folder/venv"
    # Django's long-term support release; `editables` builds editable installs.
    "$folder/venv/bin/python" -m pip install -qq --no-input --disable-pip-version-check \
        'Django>=5.2,<6' editables -e '.[dev,field,mutants]'
    {
        sed '/^[^#]/,$d' constraints.txt
        "$folder/venv/bin/python" -m pip freeze --exclude-editable
    } >"$folder/constraints.txt"
    cat "$folder/constraints.txt" >constraints.txt
    say "constraints.txt: $(grep -c == constraints.txt) packages"
}

"$@"
