/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * json-c goes on where it finds no memory: its text then lacks a piece, or what it has read does,
 * and it does not say so. The C library does, in errno.
 */
#include "json-text.h"
#include "error.h"

const char *json_text(json_object *object)
{
    const char *text;

    if (!object)
        return NULL;
    errno = 0;
    text = json_object_to_json_string_ext(object,
                                          JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);
    return errno == ENOMEM ? NULL : text;
}

/* Where it is strict, 0.18 takes each byte beyond ASCII for a control character (its issue 875). A
 * text that has one is then read as before there was a strict way: comments and the like pass, too.
 */
static int flags_for(const char *text, size_t length)
{
    if (json_c_version_num() >> 8 == 18)
        for (size_t i = 0; i < length; i++)
            if ((unsigned char)text[i] >= 0x80)
                return 0;
    return JSON_TOKENER_STRICT;
}

int json_from_text(const char *text, size_t length, int depth, json_object **ret,
                   const char **ret_problem)
{
    json_tokener *tokener = json_tokener_new_ex(depth);
    json_object *object;
    int r = 0;

    if (!tokener)
        return -ENOMEM;
    json_tokener_set_flags(tokener, flags_for(text, length));
    errno = 0;
    object = json_tokener_parse_ex(tokener, text, (int)length);
    /* A number at the end of the text is not complete for the tokener; an object always is. */
    if (errno == ENOMEM)
        r = -ENOMEM;
    else if (!object || json_tokener_get_parse_end(tokener) != length)
        r = -EBADMSG;
    if (r == -EBADMSG && ret_problem) {
        enum json_tokener_error error = json_tokener_get_error(tokener);

        *ret_problem = error == json_tokener_success ? "there is more than one object"
                                                     : json_tokener_error_desc(error);
    }
    json_tokener_free(tokener);
    if (r == 0)
        *ret = object;
    else
        json_object_put(object);
    return r;
}
