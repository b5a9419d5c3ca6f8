/* SPDX-License-Identifier: GPL-3.0-or-later */

/* INI in memory. inih would copy every value, and a password is one. */
#include "found/ini.h"

bool ini_next(struct ini *ini)
{
    struct slice line, value;

    ini->section_is_new = ini->line == 0;
    while (slice_next_line(&ini->rest, &line)) {
        ini->line++;
        line = slice_trim(line);
        if (line.n == 0 || *line.at == '#' || *line.at == ';')
            continue;
        if (*line.at == '[') {
            if (line.at[line.n - 1] != ']')
                continue;
            ini->section = (struct slice){line.at + 1, line.n - 2};
            ini->section_is_new = true;
            continue;
        }
        if (!slice_has(line, '='))
            continue;
        ini->key = slice_trim(slice_cut(line, '=', &value));
        ini->value = slice_trim(value);
        if (ini->key.n > 0 && ini->key.at[ini->key.n - 1] == ']') /* KConfig's marks, languages */
            ini->key = slice_cut(ini->key, '[', &(struct slice){0});
        return true;
    }
    return false;
}
