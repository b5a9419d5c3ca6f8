/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A node's introspection document, written from the tables that its calls are checked against, so
 * that the two cannot disagree. Names need no escaping: D-Bus allows none that would.
 */
#include "cleanup.h"
#include "registry.h"
#include <stdio.h>
#include <string.h>

static const char *emits_to_string(enum bus_emits emits)
{
    switch (emits) {
    case BUS_EMITS_CHANGE:
        return "true";
    case BUS_EMITS_INVALIDATION:
        return "invalidates";
    case BUS_EMITS_CONST:
        return "const";
    }
    return "false";
}

/* `direction` is NULL for a signal, whose arguments have none. */
static void print_arguments(FILE *out, const struct bus_argument *argument, const char *direction)
{
    for (; argument && argument->name; argument++) {
        fprintf(out, "      <arg name=\"%s\" type=\"%s\"", argument->name, argument->signature);
        if (direction)
            fprintf(out, " direction=\"%s\"", direction);
        fputs("/>\n", out);
    }
}

static void print_interface(FILE *out, const struct bus_interface *interface)
{
    fprintf(out, "  <interface name=\"%s\">\n", interface->name);
    for (const struct bus_method *m = interface->methods; m && m->name; m++) {
        fprintf(out, "    <method name=\"%s\">\n", m->name);
        print_arguments(out, m->in, "in");
        print_arguments(out, m->out, "out");
        fputs("    </method>\n", out);
    }
    for (const struct bus_signal *s = interface->signals; s && s->name; s++) {
        fprintf(out, "    <signal name=\"%s\">\n", s->name);
        print_arguments(out, s->arguments, NULL);
        fputs("    </signal>\n", out);
    }
    for (const struct bus_property *p = interface->properties; p && p->name; p++)
        fprintf(out,
                "    <property name=\"%s\" type=\"%s\" access=\"read\">\n"
                "      <annotation name=\"org.freedesktop.DBus.Property.EmitsChangedSignal\""
                " value=\"%s\"/>\n"
                "    </property>\n",
                p->name, p->signature, emits_to_string(p->emits));
    fputs("  </interface>\n", out);
}

static void print_children(FILE *out, const struct bus_node *node)
{
    const char *previous = "";
    int previous_length = 0;

    for (const struct bus_object *o = node->registry->objects; o; o = o->next) {
        const char *child;
        int length;

        if (!bus_path_is_below(o->path, node->path))
            continue;
        child = o->path + strlen(node->path) + (node->path[1] ? 1 : 0);
        length = (int)strcspn(child, "/");
        if (length == previous_length && strncmp(child, previous, (size_t)length) == 0)
            continue; /* objects below the same child stand together */
        fprintf(out, "  <node name=\"%.*s\"/>\n", length, child);
        previous = child;
        previous_length = length;
    }
}

char *bus_introspect(const struct bus_node *node)
{
    const struct bus_interface *interfaces[BUS_NODE_INTERFACES];
    size_t n = bus_node_interfaces(node, interfaces), size;
    _cleanup_free_ char *text = NULL;
    FILE *out = open_memstream(&text, &size);
    bool failed;

    if (!out)
        return NULL;
    fprintf(out, "%s<node>\n", DBUS_INTROSPECT_1_0_XML_DOCTYPE_DECL_NODE);
    for (size_t i = 0; i < n; i++)
        print_interface(out, interfaces[i]);
    print_children(out, node);
    fputs("</node>\n", out);
    failed = ferror(out);
    if (fclose(out) != 0 || failed)
        return NULL;
    return TAKE(text);
}
