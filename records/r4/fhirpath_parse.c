#include "records/r4/date.h"
#include "records/r4/fhirpath_ast.h"
#include "records/r4/fhirpath_token.h"
#include <ctype.h>
#include <stdlib.h>

/* A recursive-descent reader of the FHIRPath grammar (N1, appendix A): one function a level of precedence would be thirteen alike, so the
 * binary operators are a table with their strength. */

#define DEPTH_MAX 100

/* ---- nodes ---- */

static struct r4_ast *node(struct reader *s, enum r4_op op, struct r4_ast *left, struct r4_ast *right)
{
    struct r4_ast *n = r4_doc_alloc(s->d, sizeof *n);
    if (!n)
        return token_wrong(s, "no memory");
    *n = (struct r4_ast){.op = (uint8_t)op, .left = left, .right = right};
    return n;
}

static struct r4_ast *expression(struct reader *s, int strength);

static void name_node(struct reader *s, struct r4_ast *n)
{
    n->name = r4_doc_copy(s->d, s->now.text.p, s->now.text.n);
    n->name_len = s->now.text.n;
    if (!n->name)
        token_wrong(s, "no memory");
    else
        n->hash = r4_hash(n->name, n->name_len);
}

static struct r4_ast *literal(struct reader *s, enum r4_item_kind kind, double number, bool boolean)
{
    struct r4_ast *n = node(s, OP_LITERAL, NULL, NULL);
    if (!n)
        return NULL;
    const char *text = r4_doc_copy(s->d, s->now.text.p ? s->now.text.p : "", s->now.text.n);
    n->literal = r4_doc_alloc(s->d, sizeof *n->literal);
    if (!n->literal || !text)
        return token_wrong(s, "no memory");
    *n->literal = (struct r4_item){.kind = (uint8_t)kind, .boolean = boolean, .text = {text, s->now.text.n}, .number = number};
    token_next(s);
    return n;
}

static bool calendar_unit(struct r4_str word)
{
    static const char *const units[] = {"year", "month", "week", "day", "hour", "minute", "second", "millisecond", "years", "months", "weeks", "days",
                                        "hours", "minutes", "seconds", "milliseconds"};
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (r4_str_is(word, units[i]))
            return true;
    return false;
}

static struct r4_ast *number(struct reader *s)
{
    char text[64];
    size_t len = s->now.text.n < sizeof text ? s->now.text.n : sizeof text - 1;
    memcpy(text, s->now.text.p, len);
    text[len] = 0;
    struct r4_ast *n = literal(s, strchr(text, '.') ? R4_I_DECIMAL : R4_I_INTEGER, strtod(text, NULL), false);
    if (n && (s->now.kind == T_STRING || (s->now.kind == T_NAME && calendar_unit(s->now.text)))) {
        n->literal->kind = R4_I_QUANTITY;
        n->literal->text = (struct r4_str){r4_doc_copy(s->d, s->now.text.p, s->now.text.n), s->now.text.n};
        n->literal->boolean = s->now.kind == T_NAME; /* a calendar unit */
        token_next(s);
    }
    return n;
}

static bool digits_at(const char *p, size_t n, size_t from, size_t count)
{
    if (n < from + count)
        return false;
    for (size_t i = from; i < from + count; i++)
        if (!isdigit((unsigned char)p[i]))
            return false;
    return true;
}

static bool date_like(const char *p, size_t n)
{
    return digits_at(p, n, 0, 4) && (n == 4 || (p[4] == '-' && digits_at(p, n, 5, 2) && (n == 7 || (p[7] == '-' && digits_at(p, n, 8, 2) && n == 10))));
}

static struct r4_ast *date(struct reader *s)
{
    const char *p = s->now.text.p;
    size_t n = s->now.text.n;
    const char *t = memchr(p, 'T', n);
    size_t head = t ? (size_t)(t - p) : n;
    if (t == p) {
        struct r4_moment m;
        s->now.text = (struct r4_str){p + 1, n - 1};
        return r4_time_parse(p + 1, n - 1, &m) ? literal(s, R4_I_TIME, 0, false) : token_wrong(s, "wrong time");
    }
    if (!date_like(p, head))
        return token_wrong(s, "wrong date");
    return literal(s, t ? R4_I_DATETIME : R4_I_DATE, 0, false);
}

static bool arguments(struct reader *s, struct r4_ast *call)
{
    struct r4_ast *args[CALL_ARGS_MAX];
    while (!token_is_sign(s, ")")) {
        if (call->n_args == CALL_ARGS_MAX || !(args[call->n_args++] = expression(s, 0)))
            return token_wrong(s, "too many arguments") != NULL;
        if (!token_take(s, ",") && !token_is_sign(s, ")"))
            return token_wrong(s, "',' or ')' was expected") != NULL;
    }
    token_next(s);
    call->args = r4_doc_alloc(s->d, (call->n_args + 1) * sizeof *call->args);
    if (!call->args)
        return token_wrong(s, "no memory") != NULL;
    memcpy(call->args, args, call->n_args * sizeof *args);
    return true;
}

static enum r4_system system_type(const char *name, size_t n)
{
    static const char *const names[] = {"", "Boolean", "Integer", "Decimal", "String", "Date", "DateTime", "Time", "Quantity", "Any"};
    for (size_t i = 1; i < sizeof names / sizeof *names; i++)
        if (strlen(names[i]) == n && memcmp(names[i], name, n) == 0)
            return (enum r4_system)i;
    return SYS_NONE;
}

/* Quantity alone is FHIR's: both kinds of quantity are one to it. */
static struct r4_type_spec spec_of(struct reader *s, const struct r4_ast *space, const struct r4_ast *name)
{
    bool system_only = space && r4_str_is((struct r4_str){space->name, space->name_len}, "System");
    struct r4_type_spec spec = {NULL, SYS_NONE};
    if (!system_only)
        spec.fhir = r4_type_find(s->r4, name->name, name->name_len);
    if (system_only || (!space && !spec.fhir) || (!space && r4_str_is((struct r4_str){name->name, name->name_len}, "Quantity")))
        spec.system = system_type(name->name, name->name_len);
    return spec;
}

/* The path A or A.B read as a type. */
static bool as_type(struct reader *s, const struct r4_ast *path, struct r4_type_spec *out)
{
    if (path && path->op == OP_MEMBER)
        *out = spec_of(s, NULL, path);
    else if (path && path->op == OP_DOT && path->left->op == OP_MEMBER && path->right->op == OP_MEMBER)
        *out = spec_of(s, path->left, path->right);
    else
        return token_wrong(s, "a type was expected") != NULL;
    bool foreign = path->op == OP_DOT && r4_str_is((struct r4_str){path->left->name, path->left->name_len}, "System"); /* nothing is of it */
    if (!out->fhir && !out->system && !foreign)
        token_wrong(s, "there is no such type");
    return out->fhir || out->system || foreign;
}

static struct r4_ast *call_or_member(struct reader *s, bool leading)
{
    struct r4_ast *n = node(s, OP_MEMBER, NULL, NULL);
    if (!n)
        return NULL;
    bool plain = s->now.kind == T_NAME;
    name_node(s, n);
    if (!n->name)
        return NULL;
    token_next(s);
    if (!plain || !token_take(s, "(")) {
        n->leading = leading;
        n->root = leading ? r4_type_find(s->r4, n->name, n->name_len) : NULL;
        return n;
    }
    n->op = OP_CALL;
    n->function = r4_function_find(n->name, n->name_len);
    if (!n->function)
        return token_wrong(s, "no such function");
    if (!arguments(s, n))
        return NULL;
    if (n->n_args < n->function->min || n->n_args > n->function->max)
        return token_wrong(s, "wrong number of arguments");
    if ((r4_function_takes_type(n->function) || (n->n_args && r4_takes_type_or_none(n->function))) && !as_type(s, n->args[0], &n->spec))
        return NULL;
    return n;
}

static struct r4_ast *dollar(struct reader *s)
{
    enum r4_op op = r4_str_is(s->now.text, "this")    ? OP_THIS
                    : r4_str_is(s->now.text, "index") ? OP_INDEX
                    : r4_str_is(s->now.text, "total") ? OP_TOTAL
                                                      : OP_EMPTY;
    if (op == OP_EMPTY)
        return token_wrong(s, "$this, $index or $total was expected");
    token_next(s);
    return node(s, op, NULL, NULL);
}

static struct r4_ast *variable(struct reader *s)
{
    struct r4_ast *n = node(s, OP_VARIABLE, NULL, NULL);
    if (n) {
        name_node(s, n);
        token_next(s);
    }
    return n;
}

static struct r4_ast *bracketed(struct reader *s)
{
    token_next(s);
    struct r4_ast *n = expression(s, 0);
    if (n && !token_take(s, ")"))
        return token_wrong(s, "')' was expected");
    return n;
}

static struct r4_ast *empty(struct reader *s)
{
    token_next(s);
    return token_take(s, "}") ? node(s, OP_EMPTY, NULL, NULL) : token_wrong(s, "'}' was expected");
}

static struct r4_ast *term(struct reader *s)
{
    switch (s->now.kind) {
    case T_STRING:
        return literal(s, R4_I_STRING, 0, false);
    case T_NUMBER:
        return number(s);
    case T_DATE:
        return date(s);
    case T_VARIABLE:
        return variable(s);
    case T_DOLLAR:
        return dollar(s);
    case T_QUOTED_NAME:
        return call_or_member(s, true);
    case T_NAME:
        if (token_is_word(s, "true") || token_is_word(s, "false"))
            return literal(s, R4_I_BOOLEAN, 0, token_is_word(s, "true"));
        return call_or_member(s, true);
    case T_SIGN:
        if (token_is_sign(s, "("))
            return bracketed(s);
        if (token_is_sign(s, "{"))
            return empty(s);
        break;
    default:
        break;
    }
    return token_wrong(s, s->now.kind == T_END ? "the expression ends too early" : "a value or a name was expected");
}

static struct r4_ast *postfix(struct reader *s)
{
    struct r4_ast *n = term(s);
    while (n) {
        if (token_take(s, ".")) {
            if (s->now.kind != T_NAME && s->now.kind != T_QUOTED_NAME)
                return token_wrong(s, "a name was expected behind '.'");
            struct r4_ast *step = call_or_member(s, false);
            n = step ? node(s, OP_DOT, n, step) : NULL;
        } else if (token_take(s, "[")) {
            struct r4_ast *index = expression(s, 0);
            if (index && !token_take(s, "]"))
                return token_wrong(s, "']' was expected");
            n = index ? node(s, OP_AT, n, index) : NULL;
        } else {
            break;
        }
    }
    return n;
}

static const struct operator_row {
    const char *word;
    int strength;
    enum r4_op op;
} operators[] = {{"implies", 1, OP_IMPLIES}, {"or", 2, OP_OR}, {"xor", 2, OP_XOR}, {"and", 3, OP_AND}, {"in", 4, OP_IN}, {"contains", 4, OP_CONTAINS},
                 {"=", 5, OP_EQUAL}, {"!=", 5, OP_NOT_EQUAL}, {"~", 5, OP_LIKE}, {"!~", 5, OP_NOT_LIKE}, {"<", 6, OP_LESS}, {"<=", 6, OP_LESS_EQUAL},
                 {">", 6, OP_GREATER}, {">=", 6, OP_GREATER_EQUAL}, {"|", 7, OP_UNION}, {"is", 8, OP_IS}, {"as", 8, OP_AS}, {"+", 9, OP_ADD},
                 {"-", 9, OP_SUBTRACT}, {"&", 9, OP_CONCAT}, {"*", 10, OP_MULTIPLY}, {"/", 10, OP_DIVIDE}, {"div", 10, OP_DIV}, {"mod", 10, OP_MOD}};

static const struct operator_row *operator_now(const struct reader *s)
{
    if (s->now.kind != T_SIGN && s->now.kind != T_NAME)
        return NULL;
    for (size_t i = 0; i < sizeof operators / sizeof *operators; i++)
        if (r4_str_is(s->now.text, operators[i].word) && (s->now.kind == T_NAME) == (isalpha((unsigned char)operators[i].word[0]) != 0))
            return &operators[i];
    return NULL;
}

static struct r4_ast *unary(struct reader *s)
{
    if (++s->depth > DEPTH_MAX)
        return token_wrong(s, "nested too deeply");
    struct r4_ast *n;
    if (token_is_sign(s, "-") || token_is_sign(s, "+")) {
        enum r4_op op = token_is_sign(s, "-") ? OP_NEGATE : OP_POSITIVE;
        token_next(s);
        n = unary(s);
        n = n ? node(s, op, n, NULL) : NULL;
    } else {
        n = postfix(s);
    }
    s->depth--;
    return n;
}

static struct r4_ast *type_operator(struct reader *s, enum r4_op op, struct r4_ast *left)
{
    if (s->now.kind != T_NAME && s->now.kind != T_QUOTED_NAME)
        return token_wrong(s, "a type was expected");
    struct r4_ast *type = call_or_member(s, false);
    if (type && token_take(s, ".")) {
        struct r4_ast *name = call_or_member(s, false);
        type = name ? node(s, OP_DOT, type, name) : NULL;
    }
    struct r4_ast *n = type ? node(s, op, left, NULL) : NULL;
    return n && as_type(s, type, &n->spec) ? n : NULL;
}

static struct r4_ast *expression(struct reader *s, int strength)
{
    if (++s->depth > DEPTH_MAX)
        return token_wrong(s, "nested too deeply");
    struct r4_ast *left = unary(s);
    const struct operator_row *o;
    while (left && (o = operator_now(s)) && o->strength > strength) {
        token_next(s);
        if (o->op == OP_IS || o->op == OP_AS) {
            left = type_operator(s, o->op, left);
        } else {
            struct r4_ast *right = expression(s, o->strength);
            left = right ? node(s, o->op, left, right) : NULL;
        }
    }
    s->depth--;
    return left;
}

/* ---- search parameters: one expression for many types ---- */

static const struct r4_type *root_type(const struct r4_ast *n)
{
    while (n) {
        if (n->op == OP_MEMBER)
            return n->root;
        n = n->left;
    }
    return NULL;
}

/* The branches that can hold for this type; the tree itself is shared by all types and stays as it is. */
static struct r4_ast *prune(struct r4_doc *d, struct r4_ast *n, const struct r4_type *only)
{
    if (n->op != OP_UNION) {
        const struct r4_type *root = root_type(n);
        return root && !r4_type_is(only, root) ? NULL : n;
    }
    struct r4_ast *left = prune(d, n->left, only), *right = prune(d, n->right, only);
    if (!left || !right)
        return left ? left : right;
    if (left == n->left && right == n->right)
        return n;
    struct r4_ast *both = r4_doc_alloc(d, sizeof *both);
    if (both)
        *both = (struct r4_ast){.op = OP_UNION, .left = left, .right = right};
    return both;
}

static int compile(const struct r4 *r, struct r4_doc *d, const char *text, struct r4_path **out, struct fault *f)
{
    *out = NULL;
    struct r4_path *p = r4_doc_alloc(d, sizeof *p);
    if (!p)
        return ERR_INTERNAL;
    struct reader s = {.r4 = r, .d = d, .text = text, .p = text, .end = text + strlen(text)};
    token_next(&s);
    *p = (struct r4_path){.root = expression(&s, 0)};
    if (p->root && s.now.kind != T_END)
        token_wrong(&s, "more behind the end of the expression");
    if (s.why)
        return fault_set(f, ERR_INVALID, "expression", "%s at character %zu of the FHIRPath expression", s.why, (size_t)(s.where - s.text) + 1);
    *out = p;
    return 0;
}

int r4_path_compile(const struct r4 *r, const char *text, struct r4_path **out, struct fault *f)
{
    struct r4_doc *own = r4_doc_new();
    int rc = own ? compile(r, own, text, out, f) : ERR_INTERNAL;
    if (rc)
        r4_doc_free(own);
    else
        (*out)->own = own;
    return rc;
}

void r4_path_free(struct r4_path *p)
{
    if (p)
        r4_doc_free(p->own);
}

static bool defines(const struct r4_ast *n)
{
    bool here = n && n->op == OP_CALL && r4_str_is((struct r4_str){n->name, n->name_len}, "defineVariable");
    for (size_t i = 0; n && !here && i < n->n_args; i++)
        here = defines(n->args[i]);
    return n && (here || defines(n->left) || defines(n->right));
}

static struct r4_str unknown_variable(const struct r4_ast *n, const char *const *known)
{
    struct r4_str found = {0}, name = n ? (struct r4_str){n->name, n->name_len} : found;
    if (!n)
        return found;
    bool said = n->op != OP_VARIABLE || r4_variable_of_language(name);
    for (size_t i = 0; !said && known && known[i]; i++)
        said = r4_str_is(name, known[i]);
    if (!said)
        return name;
    found = unknown_variable(n->left, known);
    found = found.p ? found : unknown_variable(n->right, known);
    for (size_t i = 0; !found.p && i < n->n_args; i++)
        found = unknown_variable(n->args[i], known);
    return found;
}

struct r4_str r4_path_unknown_variable(const struct r4_path *p, const char *const *known)
{
    return defines(p->root) ? (struct r4_str){0} : unknown_variable(p->root, known);
}

int r4_keep_path(struct r4 *r, const char *text, struct r4_path **out, struct fault *f)
{
    return compile(r, r->arena, text, out, f);
}

struct r4_path *r4_path_for(struct r4 *r, const struct r4_path *all, const struct r4_type *only)
{
    struct r4_ast *root = prune(r->arena, all->root, only);
    struct r4_path *p = root ? r4_doc_alloc(r->arena, sizeof *p) : NULL;
    if (p)
        *p = (struct r4_path){.root = root};
    return p;
}

/* The first step of a branch, its own type's name apart; 0 = it cannot be said. */
static uint64_t begins(const struct r4_ast *n)
{
    if (n->op == OP_UNION) {
        uint64_t left = begins(n->left), right = begins(n->right);
        return left && right ? left | right : 0;
    }
    if (n->op == OP_AS || n->op == OP_AT)
        return begins(n->left);
    if (n->op == OP_MEMBER)
        return n->root ? 0 : r4_name_bit(n->hash);
    if (n->op != OP_DOT)
        return 0;
    bool root = n->left->op == OP_MEMBER && n->left->root;
    if (!root)
        return begins(n->left);
    if (n->right->op == OP_CALL && r4_str_is((struct r4_str){n->right->name, n->right->name_len}, "extension"))
        return r4_name_bit(n->right->hash);
    return n->right->op == OP_MEMBER ? r4_name_bit(n->right->hash) : 0;
}

uint64_t r4_path_begins(const struct r4_path *p)
{
    return p ? begins(p->root) : 0;
}
