#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Starts a real Postfix, with Dovecot for SASL, in the namespace of the lab's server. All that they are
# told and all that they write lies in LAB_DIR; the machine's own /etc/postfix and /etc/dovecot are
# not asked. lab.sh runs this, as root.
#
# mail.example.org: 25 STARTTLS without AUTH, 465 TLS, 587 STARTTLS; old.example.org: 587 and 25, both
# STARTTLS with AUTH. AUTH is PLAIN and LOGIN, or what LAB_MECHANISMS names, after TLS only; the user is
# me@example.org, the password $LAB_PASSWORD or secret, and a token a JWT signed (HS256) with that.
# Mail is taken and thrown away.
set -euo pipefail

postfix=$LAB_DIR/postfix
dovecot=$LAB_DIR/dovecot
mkdir -p "$postfix/etc" "$postfix/queue" "$dovecot"
install -d -o postfix "$postfix/data"

mkdir -p "$dovecot/keys/default/HS256"
printf %s "${LAB_PASSWORD:-secret}" | base64 -w0 >"$dovecot/keys/default/HS256/default"
cat >"$dovecot/oauth2.conf" <<END
introspection_mode = local
local_validation_key_dict = fs:posix:prefix=$dovecot/keys/
username_attribute = sub
END
cat >"$dovecot/dovecot.conf" <<END
base_dir = $dovecot/run
log_path = $dovecot/log
protocols =
ssl = no
auth_mechanisms = ${LAB_MECHANISMS:-plain login}
auth_failure_delay = 0
passdb {
    driver = static
    args = user=me@example.org password=${LAB_PASSWORD:-secret}
}
passdb {
    driver = oauth2
    mechanisms = oauthbearer xoauth2
    args = $dovecot/oauth2.conf
}
service auth {
    unix_listener $dovecot/sasl {
        mode = 0666
    }
}
# Or the next attempt after a wrong password waits for seconds.
service anvil {
    unix_listener anvil-auth-penalty {
        mode = 0
    }
}
service stats {
    unix_listener stats-writer {
        mode = 0666
    }
}
END
dovecot -c "$dovecot/dovecot.conf"

cat >"$postfix/etc/main.cf" <<END
compatibility_level = 3.6
queue_directory = $postfix/queue
data_directory = $postfix/data
maillog_file = $LAB_DIR/smtp.log
maillog_file_prefixes = $LAB_DIR
myhostname = mail.example.org
mydestination = example.org
local_recipient_maps =
local_transport = discard
default_transport = discard
alias_maps =
alias_database =
smtpd_peername_lookup = no
smtpd_error_sleep_time = 0
smtpd_relay_restrictions = permit_sasl_authenticated, reject_unauth_destination
smtpd_tls_security_level = may
smtpd_tls_chain_files = $LAB_DIR/ca/server.key, $LAB_DIR/ca/server.pem
smtpd_tls_auth_only = yes
smtpd_sasl_type = dovecot
smtpd_sasl_path = $dovecot/sasl
END
{
    # service type private unprivileged chroot wakeup maxproc command
    auth="-o smtpd_sasl_auth_enable=yes"
    for address in 192.0.2.25 '[2001:db8::25]'; do
        echo "$address:25 inet n - n - - smtpd"
        echo "$address:587 inet n - n - - smtpd $auth"
        echo "$address:465 inet n - n - - smtpd $auth -o smtpd_tls_wrappermode=yes"
    done
    for address in 192.0.2.26 '[2001:db8::26]'; do
        echo "$address:25 inet n - n - - smtpd $auth"
        echo "$address:587 inet n - n - - smtpd $auth"
    done
    cat <<END
anvil   unix       - - n -    1 anvil
bounce  unix       - - n -    0 bounce
cleanup unix       n - n -    0 cleanup
defer   unix       - - n -    0 bounce
discard unix       - - n -    - discard
postlog unix-dgram n - n -    1 postlogd
qmgr    unix       n - n 300  1 qmgr
rewrite unix       - - n -    - trivial-rewrite
tlsmgr  unix       - - n 1000? 1 tlsmgr
END
} >"$postfix/etc/master.cf"
# It returns when all ports are open.
postfix -c "$postfix/etc" start
