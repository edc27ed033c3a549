#!/bin/sh
# Installs the real servers and the browser that the tests start, from Debian (12 or 13), without starting any of them.
set -eu

packages="postfix dovecot-core dovecot-imapd dovecot-pop3d dovecot-lmtpd dovecot-sieve knot unbound postgresql
haproxy keepalived nginx-light libnginx-mod-stream curl jq prometheus prometheus-alertmanager chromium"
policy=/usr/sbin/policy-rc.d

missing=""
for package in $packages; do
    state=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
    [ "$state" = installed ] || missing="$missing $package"
done

# Node.js often comes from elsewhere than Debian, with its own npm.
command -v npm >/dev/null || missing="$missing npm"

# The packages of Exim and Postfix exclude each other: Exim is unpacked beside, where nothing starts it.
exim=/usr/local/lib/mailflow-lab/exim
[ -x "$exim/usr/sbin/exim4" ] && exim_missing="" || exim_missing=" exim4-daemon-light"
[ -n "$missing$exim_missing" ] || exit 0

if [ "$(id -u)" -ne 0 ]; then
    echo "the tests on real servers need these Debian packages:$missing$exim_missing" >&2
    echo "run, as root: sh $0" >&2
    exit 1
fi

# While it answers 101, packages are installed without starting their services.
saved=""
if [ -e "$policy" ]; then
    saved=$(mktemp)
    cp -p "$policy" "$saved"
fi
restore() {
    if [ -n "$saved" ]; then
        cp -p "$saved" "$policy"
        rm -f "$saved"
    else
        rm -f "$policy"
    fi
}
trap restore EXIT
trap 'exit 1' HUP INT TERM
rm -f "$policy"
printf '#!/bin/sh\nexit 101\n' > "$policy"
chmod 755 "$policy"

echo "postfix postfix/main_mailer_type select No configuration" | debconf-set-selections
export DEBIAN_FRONTEND=noninteractive
apt-get update -q
if [ -n "$missing" ]; then
    # shellcheck disable=SC2086  # a list of words
    apt-get install -q -y --no-install-recommends $missing
fi
if [ -n "$exim_missing" ]; then
    fetched=$(mktemp -d)
    (cd "$fetched" && apt-get download -q -o APT::Sandbox::User=root exim4-daemon-light)
    libraries=$(dpkg-deb -f "$fetched"/*.deb Depends | tr ',' '\n' | sed -n 's/^ *\(lib[^ ]*\).*/\1/p')
    # shellcheck disable=SC2086  # a list of words
    apt-get install -q -y --no-install-recommends $libraries
    # The name is compiled into Debian's Exim, and its package would have made the user.
    id Debian-exim >/dev/null 2>&1 || useradd --system --user-group --no-create-home \
        --home-dir /nonexistent --shell /usr/sbin/nologin Debian-exim
    mkdir -p "$exim"
    dpkg -x "$fetched"/*.deb "$exim"
    chmod u-s "$exim/usr/sbin/exim4"  # root starts it
    rm -rf "$fetched"
fi
