# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash
# bash completion for mailroam; needs nothing but bash itself.

# The names of the accounts, where the daemon can tell; the address of the first column's owner is
# of no use here, so JSON is not needed either.
_mailroam_accounts() {
    COLUMNS=200 mailroam accounts 2>/dev/null </dev/null | sed -n 's/^\([^ ]\{1,\}\)  .*/\1/p'
}

_mailroam() {
    local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]} command='' word words
    for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
        case $word in
        status | check | watch | port | accounts | add | remove | help)
            command=$word
            break
            ;;
        esac
    done
    case $previous in
    --account) words=$(_mailroam_accounts) ;;
    --endpoint) words='465/tls 587/starttls 25/starttls 2525/starttls 443/tls' ;;
    --format | --name | --server) words='' ;;
    --set) words='Username= PasswordCommand= LoginCheck= Mechanisms= CAFile= Pin= MinimumSecurity=' ;;
    *)
        case $command in
        '') words='status check watch port accounts add remove help --help --version' ;;
        status | check | watch) words='--account --json --help' ;;
        port) words='--account --format --json --help' ;;
        accounts) words='--json --help' ;;
        add) words='--server --name --endpoint --set --json --help' ;;
        remove) words="$(_mailroam_accounts) --help" ;;
        help) words='status check watch port accounts add remove help' ;;
        esac
        ;;
    esac
    # Options only where one was begun, so that names stand alone.
    [[ $current == -* || -z $command ]] || words=" $words " words=${words// --[a-z]*/ }
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
}

complete -F _mailroam mailroam
