# SPDX-License-Identifier: GPL-3.0-or-later
function __mailroam_accounts
    mailroam accounts 2>/dev/null </dev/null | string replace -rf '^(\S+)  .*' '$1'
end

function __mailroam_ports
    mailroam explain --json 2>/dev/null </dev/null | string replace -rf '^.*"port":([0-9]*),"security":"([a-z]*)","verdict".*' '$1/$2' | sort -un
end

function __mailroam_networks
    mailroam log --json 2>/dev/null </dev/null | string replace -rf '^{"network":"[^"]*","name":"([^"\\\\]*)".*' '$1' | sort -u
end

set -l commands status check explain watch port accounts add remove guide log forget doctor help
complete -c mailroam -f
complete -c mailroam -n "not __fish_seen_subcommand_from $commands" -a status -d 'Show the network, the accounts, and what works'
complete -c mailroam -n "not __fish_seen_subcommand_from $commands" -a check -d 'Check again now'
complete -c mailroam -n "not __fish_seen_subcommand_from $commands" -a explain -d 'Explain what was found, with a picture'
complete -c mailroam -n "not __fish_seen_subcommand_from $commands" -a watch -d 'One line a change'
complete -c mailroam -n "not __fish_seen_subcommand_from $commands" -a port -d 'Print the working server, port and security'
complete -c mailroam -n "not __fish_seen_subcommand_from $commands" -a accounts -d 'List the accounts'
complete -c mailroam -n "not __fish_seen_subcommand_from $commands" -a add -d 'Add an account, and find its servers'
complete -c mailroam -n "not __fish_seen_subcommand_from $commands" -a remove -d 'Remove an account'
complete -c mailroam -n "not __fish_seen_subcommand_from $commands" -a guide -d 'How to set up a mail client'
complete -c mailroam -n "not __fish_seen_subcommand_from $commands" -a log -d 'List the networks you have been on'
complete -c mailroam -n "not __fish_seen_subcommand_from $commands" -a forget -d 'Forget what was learnt on a network'
complete -c mailroam -n "not __fish_seen_subcommand_from $commands" -a doctor -d 'See whether everything is there that is needed'
complete -c mailroam -n "not __fish_seen_subcommand_from $commands" -a help -d 'More about one command'
complete -c mailroam -n "not __fish_seen_subcommand_from $commands" -l version -d 'The version'
complete -c mailroam -s h -l help -d Help
complete -c mailroam -n '__fish_seen_subcommand_from status check explain watch port guide log' -l account -x -a '(__mailroam_accounts)' -d 'Of this account only'
complete -c mailroam -n '__fish_seen_subcommand_from status check explain watch port accounts add guide log doctor' -l json -d 'Facts as JSON'
complete -c mailroam -n '__fish_seen_subcommand_from check' -l login -d 'Log in, too'
complete -c mailroam -n '__fish_seen_subcommand_from explain' -a '(__mailroam_ports)'
complete -c mailroam -n '__fish_seen_subcommand_from status' -l watch -d 'Go on and show each change'
complete -c mailroam -n '__fish_seen_subcommand_from status' -l format -x -a 'waybar i3blocks plain' -d 'For a status bar'
complete -c mailroam -n '__fish_seen_subcommand_from guide' -a 'apple-mail outlook-2007 outlook thunderbird evolution kmail geary claws mutt neomutt msmtp git'
complete -c mailroam -n '__fish_seen_subcommand_from guide' -l list -d 'List the clients'
complete -c mailroam -n '__fish_seen_subcommand_from guide' -l html -r -F -d 'Write a page'
complete -c mailroam -n '__fish_seen_subcommand_from log' -l html -r -F -d 'Write a page with a picture'
complete -c mailroam -n '__fish_seen_subcommand_from port' -l format -x -d 'What to print'
complete -c mailroam -n '__fish_seen_subcommand_from add' -l ispdb -d 'Ask the database of Mozilla, too'
complete -c mailroam -n '__fish_seen_subcommand_from add' -l yes -d 'Do not ask'
complete -c mailroam -n '__fish_seen_subcommand_from add' -l dry-run -d 'Add nothing'
complete -c mailroam -n '__fish_seen_subcommand_from add' -l server -x -a '(__fish_print_hostnames)' -d 'Mail server'
complete -c mailroam -n '__fish_seen_subcommand_from add' -l name -x -d 'Name of the account'
complete -c mailroam -n '__fish_seen_subcommand_from add' -l endpoint -x -a '465/tls 587/starttls 25/starttls 2525/starttls 443/tls' -d 'Port and security'
complete -c mailroam -n '__fish_seen_subcommand_from add' -l set -x -a 'Username= PasswordCommand= LoginCheck= Mechanisms= CAFile= Pin= MinimumSecurity=' -d 'Key of the account file'
complete -c mailroam -n '__fish_seen_subcommand_from accounts' -l explain -d 'What was found in mail clients'
complete -c mailroam -n '__fish_seen_subcommand_from remove' -a '(__mailroam_accounts)'
complete -c mailroam -n '__fish_seen_subcommand_from forget' -a '(__mailroam_networks)'
complete -c mailroam -n '__fish_seen_subcommand_from forget' -l all -d 'Forget all networks'
complete -c mailroam -n '__fish_seen_subcommand_from help' -a "$commands"
