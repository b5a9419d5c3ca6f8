#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# make-ca.sh [--all] DIR NAME...: a private certification authority in DIR and a mail server's certificates
# for the NAMEs (host names or addresses), made with the openssl command. Writes
#   ca.pem                        the authority, to be trusted
#   server.pem        server.key  the server: its certificate and the intermediate one behind it
#   incomplete.pem    server.key  the same without the intermediate one
#   expired.pem       expired.key
#   wrong-name.pem    wrong-name.key
#   self-signed.pem   self-signed.key
# and with --all also
#   early.pem         early.key    not valid before 2100
#   foreign.pem       server.key   by another authority, which is sent along
#   several.pem       several.key  expired, and for another name, and by another authority
#   lapsed.pem        server.key   by an intermediate authority that has expired
#   small.pem         small.key    RSA of 1024 bits
#   rsa.pem           rsa.key      RSA of 2048 bits: nothing is wrong with it
#   sha1.pem          server.key   signed with SHA-1; not where openssl refuses to
#   revoked.pem       revoked.key  and revoked.ocsp, which says so; forged.ocsp says so too, but is
#                                  signed by nobody who may; good.ocsp is the server's
# Keys are on P-256: made in milliseconds. Nothing here is a secret worth the name.
set -euo pipefail
export LC_ALL=C # [A-F] below means just that

all=
if [ "${1-}" = --all ]; then
    all=yes
    shift
fi
if [ $# -lt 2 ]; then
    echo "usage: make-ca.sh [--all] DIR NAME..." >&2
    exit 2
fi
mkdir -p "$1"
cd "$1"
shift

subject_alternatives() {
    local name list=
    for name; do
        if [[ $name == *:* || $name =~ ^[0-9.]+$ ]]; then
            list+=,IP:$name
        else
            list+=,DNS:$name
        fi
    done
    echo "${list#,}"
}

# The openssl command chats on standard error; it is heard only when it fails.
quietly() {
    local said
    said=$("$@" 2>&1) || { printf '%s\n' "$said" >&2; exit 1; }
}

new_key() {
    quietly openssl ecparam -name prime256v1 -genkey -noout -out "$1.key"
}

# self_signed FILE SUBJECT EXTENSIONS
self_signed() {
    new_key "$1"
    quietly openssl req -x509 -new -config openssl.cnf -key "$1.key" -out "$1.pem" \
        -subj "$2" -days 3650 -sha256 -extensions "$3"
}

# issue FILE SUBJECT ISSUER EXTENSIONS START END [NAMES [HASH]]: by `openssl ca`, the one way to date a
# certificate back that all versions of openssl have.
issue() {
    [ -e "$1.key" ] || new_key "$1"
    quietly openssl req -new -config openssl.cnf -key "$1.key" -subj "$2" -out request.csr
    : >index.txt
    NAMES=${7:-DNS:none.invalid} quietly openssl ca -batch -notext -config openssl.cnf \
        -cert "$3.pem" -keyfile "$3.key" -extensions "$4" -startdate "$5" -enddate "$6" \
        -md "${8:-sha256}" -in request.csr -out "$1.pem"
}

cat >openssl.cnf <<'END'
[ca]
default_ca = here
[here]
database = index.txt
new_certs_dir = .
rand_serial = yes
default_md = sha256
policy = any
unique_subject = no
[any]
organizationName = optional
commonName = optional
[req]
distinguished_name = none
prompt = no
[none]
[authority]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign,cRLSign
subjectKeyIdentifier = hash
[server]
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature
extendedKeyUsage = serverAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
subjectAltName = $ENV::NAMES
[self_signed]
basicConstraints = critical,CA:FALSE
extendedKeyUsage = serverAuth
subjectAltName = $ENV::NAMES
END

NAMES=$(subject_alternatives "$@")
export NAMES
organization="/O=Mailroam test"
yesterday=$(date -u -d yesterday +%Y%m%d%H%M%SZ)
later=$(date -u -d '10 years' +%Y%m%d%H%M%SZ)

self_signed ca "$organization/CN=Mailroam test root" authority
self_signed self-signed "/CN=$1" self_signed
issue intermediate "$organization/CN=Mailroam test authority" ca authority "$yesterday" "$later"
issue server "/CN=$1" intermediate server "$yesterday" "$later" "$NAMES"
issue expired "/CN=$1" intermediate server 20200101000000Z 20200201000000Z "$NAMES"
issue wrong-name /CN=other.example.net intermediate server "$yesterday" "$later" \
    DNS:other.example.net
cp server.pem incomplete.pem

new_rsa_key() {
    quietly openssl genrsa -out "$1.key" "$2"
}

# staple FILE SIGNER CERTIFICATE STATUS: the signer's OCSP response, STATUS as index.txt has it
staple() {
    local serial
    serial=$(openssl x509 -in "$3.pem" -noout -serial)
    printf '%s\t%s\t%s\t%s\tunknown\t/CN=x\n' "${4:0:1}" "${later#20}" "${4:1}" "${serial#*=}" >index.txt
    quietly openssl ocsp -index index.txt -CA intermediate.pem -rsigner "$2.pem" -rkey "$2.key" \
        -issuer intermediate.pem -cert "$3.pem" -ndays 3650 -respout "$1.ocsp"
}

make_the_rest() {
    local name
    self_signed foreign-ca "/O=Somebody else/CN=Unknown root" authority
    cp server.key foreign.key
    issue foreign "/CN=$1" foreign-ca server "$yesterday" "$later" "$NAMES"
    cat foreign-ca.pem >>foreign.pem
    issue several /CN=other.example.net foreign-ca server 20200101000000Z 20200201000000Z \
        DNS:other.example.net
    issue early "/CN=$1" intermediate server 21000101000000Z 21010101000000Z "$NAMES"
    issue lapsed-ca "$organization/CN=Mailroam lapsed authority" ca authority \
        20200101000000Z 20200201000000Z
    cp server.key lapsed.key
    issue lapsed "/CN=$1" lapsed-ca server "$yesterday" "$later" "$NAMES"
    cat lapsed-ca.pem >>lapsed.pem
    new_rsa_key small 1024
    issue small "/CN=$1" intermediate server "$yesterday" "$later" "$NAMES"
    new_rsa_key rsa 2048
    issue rsa "/CN=$1" intermediate server "$yesterday" "$later" "$NAMES"
    cp server.key sha1.key
    (issue sha1 "/CN=$1" intermediate server "$yesterday" "$later" "$NAMES" sha1) 2>/dev/null ||
        rm -f sha1.pem
    issue revoked "/CN=$1" intermediate server "$yesterday" "$later" "$NAMES"
    staple revoked intermediate revoked "R$(date -u +%y%m%d%H%M%SZ)"
    staple forged self-signed revoked "R$(date -u +%y%m%d%H%M%SZ)"
    staple good intermediate server V
    for name in early small rsa revoked sha1; do
        [ ! -e $name.pem ] || cat intermediate.pem >>$name.pem
    done
    rm -f foreign-ca.* lapsed-ca.* {foreign,lapsed,sha1}.key
}

[ -z "$all" ] || make_the_rest "$@"
for certificate in server expired wrong-name; do
    cat intermediate.pem >>"$certificate.pem"
done
rm -f openssl.cnf index.txt* request.csr intermediate.* ca.key ./[0-9A-F]*.pem
