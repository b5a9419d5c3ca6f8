/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "judge/finding.h"
#include "judge/observation.h"

/* What judge.c and expected.c share: a verdict in the making. */

struct conclusion {
    enum verdict verdict;
    const char *confidence;
    enum how how;
    unsigned hop;   /* 0: not known */
    const char *by; /* NULL: not known */
};

/*
 * Holds the conclusion against what the endpoint showed on trusted networks, and notes in the
 * evidence what was expected and what was found where they differ. 0 or -ENOMEM.
 */
int judge_expected(const struct observation *observation, const struct finding *expected,
                   struct conclusion *conclusion, struct evidence *evidence);
