/* yilianctl user: accounts from the machine itself. Every line is an operation of the table, checked and audited like anybody's. */
#include "server/ctl/ctl.h"
#include <stdio.h>
#include <string.h>

static int person_of(struct ctl *c, const char *login, char id[ID_TEXT_BYTES])
{
    struct person_id person;
    if (records_person_find(c->records, login, &person))
        return fprintf(stderr, "yilianctl: nobody signs in as %s\n", login), ERR_NOT_FOUND;
    id_format(person.v, id);
    return 0;
}

/* ---- printing ---- */

static void print_posts(const json_t *posts)
{
    json_t *post, *role;
    size_t i, j;
    json_array_foreach(posts, i, post)
    {
        printf("%s%s", i ? "; " : "\t", ctl_text(json_object_get(post, "org"), "name"));
        if (json_object_get(post, "dept") && !json_is_null(json_object_get(post, "dept")))
            printf("/%s", ctl_text(json_object_get(post, "dept"), "name"));
        json_array_foreach(json_object_get(post, "roles"), j, role) printf("%s%s", j ? "," : " ", json_string_value(role));
    }
}

static void print_person(const json_t *p)
{
    const char *state = !json_is_true(json_object_get(p, "active")) ? "closed" : json_is_true(json_object_get(p, "locked")) ? "locked" : "active";
    printf("%s\t%s\t%s", ctl_text(p, "login"), ctl_text(p, "name"), state);
    print_posts(json_object_get(p, "posts"));
    putchar('\n');
}

static int list(struct ctl *c)
{
    json_t *args = json_pack("{s:i}", "limit", 200), *next, *one;
    struct reply reply;
    size_t i;
    for (; args;) {
        if (ctl_call(c, "person.list", args, &reply))
            return 1;
        json_array_foreach(json_object_get(reply.result, "items"), i, one) print_person(one);
        next = json_object_get(reply.result, "next");
        args = json_is_string(next) ? json_pack("{s:i,s:O}", "limit", 200, "after", next) : NULL;
        reply_clear(&reply);
    }
    return 0;
}

/* ---- posts and roles ---- */

/* Adds the members org_id and dept_id of the institution or department with this code; ERR_NOT_FOUND. */
static int place_of(struct ctl *c, const char *code, json_t *post)
{
    struct reply reply;
    json_t *items, *org, *at = NULL;
    size_t i;
    if (ctl_call(c, "org.list", json_object(), &reply))
        return ERR_INTERNAL;
    items = json_object_get(reply.result, "items");
    json_array_foreach(items, i, org) if (strcmp(ctl_text(org, "code"), code) == 0) at = org;
    if (at && strcmp(ctl_text(at, "kind"), "department") == 0)
        json_object_set(post, "dept_id", json_object_get(at, "id"));
    for (size_t depth = 0; at && strcmp(ctl_text(at, "kind"), "department") == 0 && depth < 8; depth++) {
        const char *parent = ctl_text(at, "parent_id");
        json_t *above = NULL;
        json_array_foreach(items, i, org) if (strcmp(ctl_text(org, "id"), parent) == 0) above = org;
        at = above;
    }
    if (at)
        json_object_set(post, "org_id", json_object_get(at, "id"));
    reply_clear(&reply);
    return at ? 0 : (fprintf(stderr, "yilianctl: no institution or department has the code %s\n", code), ERR_NOT_FOUND);
}

static json_t *words_of(const char *roles)
{
    json_t *list = json_array();
    for (const char *p = roles; *p;) {
        size_t n = strcspn(p, ",");
        if (n)
            json_array_append_new(list, json_stringn(p, n));
        p += n + (p[n] == ',');
    }
    return list;
}

static bool same_place(const json_t *held, const json_t *post)
{
    return strcmp(ctl_text(json_object_get(held, "org"), "id"), ctl_text(post, "org_id")) == 0 &&
           strcmp(ctl_text(json_object_get(held, "dept"), "id"), ctl_text(post, "dept_id")) == 0;
}

/* The posts a person has, as person.posts takes them, without the one at this place. */
static json_t *other_posts(const json_t *held, const json_t *place)
{
    json_t *posts = json_array(), *one;
    size_t i;
    json_array_foreach(held, i, one)
    {
        if (same_place(one, place))
            continue;
        json_t *post = json_pack("{s:O,s:O}", "org_id", json_object_get(json_object_get(one, "org"), "id"), "roles", json_object_get(one, "roles"));
        if (json_object_get(json_object_get(one, "dept"), "id"))
            json_object_set(post, "dept_id", json_object_get(json_object_get(one, "dept"), "id"));
        json_array_append_new(posts, post);
    }
    return posts;
}

/* Roles at one place are what is given here; "-" ends the post. Other posts stay. */
static int set_roles(struct ctl *c, const char *id, const char *code, const char *roles)
{
    struct reply reply;
    json_t *place = json_object();
    if (place_of(c, code, place) || ctl_call(c, "person.get", json_pack("{s:s}", "person_id", id), &reply)) {
        json_decref(place);
        return 1;
    }
    json_t *posts = other_posts(json_object_get(reply.result, "posts"), place);
    reply_clear(&reply);
    if (strcmp(roles, "-")) {
        json_object_set_new(place, "roles", words_of(roles));
        json_array_append(posts, place);
    }
    json_decref(place);
    if (ctl_call(c, "person.posts", json_pack("{s:s,s:o}", "person_id", id, "posts", posts), &reply))
        return 1;
    print_person(reply.result);
    reply_clear(&reply);
    return 0;
}

static int roles(struct ctl *c, const char *login, const char *code, const char *words)
{
    char id[ID_TEXT_BYTES];
    struct reply reply;
    if (person_of(c, login, id))
        return 1;
    if (code)
        return set_roles(c, id, code, words);
    if (ctl_call(c, "person.get", json_pack("{s:s}", "person_id", id), &reply))
        return 1;
    print_person(reply.result);
    reply_clear(&reply);
    return 0;
}

/* ---- accounts ---- */

static int add(struct ctl *c, const char *login, const char *name)
{
    static const char *const members[] = {"title", "phone", "licence_no", "licence_until", "practice_since"};
    const char *at = ctl_value(c, "at"), *words = ctl_value(c, "roles");
    json_t *args = json_pack("{s:s,s:s}", "login", login, "name", name);
    char id[ID_TEXT_BYTES];
    struct reply reply;
    for (size_t i = 0; i < sizeof members / sizeof *members; i++)
        if (ctl_value(c, members[i]))
            json_object_set_new(args, members[i], json_string(ctl_value(c, members[i])));
    if (ctl_call(c, "person.create", args, &reply))
        return 1;
    snprintf(id, sizeof id, "%s", ctl_text(reply.result, "id"));
    printf("login: %s\npassword: %s (shown once; to be changed at the first sign-in)\n", login, ctl_text(reply.result, "initial_password"));
    reply_clear(&reply);
    if (at)
        return set_roles(c, id, at, words);
    fprintf(stderr, "no post yet: user roles %s CODE ROLE,.. gives one\n", login);
    return 0;
}

/* Locked: cannot sign in, and every session ends. Unlocking forgets the wrong passwords too. */
static int lock(struct ctl *c, const char *login, bool locked)
{
    char id[ID_TEXT_BYTES];
    struct reply reply;
    if (person_of(c, login, id) || ctl_call(c, "person.update", json_pack("{s:s,s:b}", "person_id", id, "active", !locked), &reply))
        return 1;
    reply_clear(&reply);
    if (!locked && ctl_call(c, "person.reset", json_pack("{s:s,s:s}", "person_id", id, "what", "lock"), &reply))
        return 1;
    if (!locked)
        reply_clear(&reply);
    printf("%s %s\n", login, locked ? "locked" : "unlocked");
    return 0;
}

static int reset(struct ctl *c, const char *login, const char *what)
{
    char id[ID_TEXT_BYTES];
    struct reply reply;
    if (person_of(c, login, id) || ctl_call(c, "person.reset", json_pack("{s:s,s:s}", "person_id", id, "what", what), &reply))
        return 1;
    const char *initial = ctl_text(reply.result, "initial_password");
    if (*initial)
        printf("password: %s (shown once; to be changed at the next sign-in)\n", initial);
    else
        printf("%s: %s reset\n", login, what);
    reply_clear(&reply);
    return 0;
}

int ctl_user(struct ctl *c)
{
    const char *what = c->argc > 0 ? c->argv[0] : "", *a[3] = {NULL};
    for (int i = 0; i < 3 && i + 1 < c->argc && strncmp(c->argv[i + 1], "--", 2); i++)
        a[i] = c->argv[i + 1];
    bool placed = !ctl_value(c, "at") == !ctl_value(c, "roles");
    if (!strcmp(what, "list") && !a[0])
        return list(c);
    if (!strcmp(what, "add") && a[1] && placed)
        return add(c, a[0], a[1]);
    if ((!strcmp(what, "lock") || !strcmp(what, "unlock")) && a[0])
        return lock(c, a[0], what[0] == 'l');
    if (!strcmp(what, "roles") && a[0] && !a[1] == !a[2])
        return roles(c, a[0], a[1], a[2]);
    if (!strcmp(what, "reset") && a[1])
        return reset(c, a[0], a[1]);
    fprintf(stderr, "usage: yilianctl --config FILE user\n"
                    "  list\n"
                    "  add LOGIN NAME [--title T] [--phone P] [--licence_no N] [--licence_until DATE] [--practice_since DATE] [--at CODE --roles R,..]\n"
                    "  lock LOGIN | unlock LOGIN\n"
                    "  roles LOGIN [CODE ROLE,..|-]     CODE of an institution or department\n"
                    "  reset LOGIN password|totp|lock\n");
    return 2;
}
