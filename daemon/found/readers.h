/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "found/reader.h"

/* One reader a client; each in a file of its own. */
int found_thunderbird(struct reader *reader);
int found_evolution(struct reader *reader);
int found_gnome(struct reader *reader);
int found_kmail(struct reader *reader);
int found_geary(struct reader *reader);
int found_claws(struct reader *reader);
int found_msmtp(struct reader *reader);
int found_neomutt(struct reader *reader);
int found_mutt(struct reader *reader);
int found_aerc(struct reader *reader);
int found_himalaya(struct reader *reader);
int found_git(struct reader *reader);
