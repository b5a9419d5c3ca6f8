/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "connection.h"
#include <stdbool.h>

/*
 * Asks systemd over this connection whether this process is being stopped to be started again at
 * once. `answered` is called in any case, but where -ENOMEM is returned or the connection closes
 * before.
 */
struct restart_question {
    struct bus_connection *connection;
    DBusPendingCall *pending;
    void (*answered)(bool is_restart, void *userdata);
    void *userdata;
};

int restart_ask(struct restart_question *question);
