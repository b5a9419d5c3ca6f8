/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * With k control SYNs of which m were answered, the answer rate p is Beta(1 + m, 1 + k - m). That n
 * SYNs to an open port all stay silent then has the probability E[(1 - p)^n], which is the product
 * below. With a clean control port ten SYNs each are enough; with a third of them lost it takes
 * twenty and more, and that is as it should be.
 */
#include "judge/silence.h"

double silence_by_loss(const struct soundings *soundings)
{
    double k = soundings->control_sent, m = soundings->control_answered, likelihood = 1;

    if (soundings->port_answered > 0)
        return 1;
    for (unsigned i = 0; i < soundings->port_sent; i++)
        likelihood *= (k - m + 1 + i) / (k + 2 + i);
    return likelihood;
}

bool silence_is_a_drop(const struct soundings *soundings)
{
    return silence_by_loss(soundings) < SILENCE_ERROR;
}
