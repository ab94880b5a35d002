/* The terms the daemon holds, and the operations that look into them. */
#include "records/term/term.h"
#include "records/parts.h"
#include <stdio.h>
#include <stdlib.h>

int terms_open(struct terms **out, const char *config_dir, struct fault *f)
{
    char dir[600];
    struct terms *t = calloc(1, sizeof *t);
    *out = NULL;
    if (!t)
        return fault_set(f, ERR_INTERNAL, "", "Out of memory.");
    snprintf(dir, sizeof dir, "%s/data", config_dir);
    if (pinyin_open(&t->pinyin, dir) || icd10_open(&t->icd10, dir, t->pinyin)) {
        terms_close(t);
        return fault_set(f, ERR_STORAGE, "terms", "The term tables in %s cannot be read.", dir);
    }
    *out = t;
    return 0;
}

void terms_close(struct terms *t)
{
    if (!t)
        return;
    icd10_close(t->icd10);
    pinyin_close(t->pinyin);
    free(t);
}

static int icd10_op(struct op_ctx *ctx, json_t *args, json_t **result)
{
    struct icd10_hit hits[ICD10_LIMIT_MAX];
    size_t n = icd10_search(records_parts(ctx->records)->terms->icd10, arg_text(args, "q"),
                            (size_t)arg_int(args, "limit", 20), hits);
    json_t *items = json_array();
    for (size_t i = 0; i < n; i++)
        json_array_append_new(items, json_pack("{s:s%,s:s%,s:s%}", "code", hits[i].code, hits[i].code_len, "text", hits[i].name,
                                               hits[i].name_len, "pinyin", hits[i].initials, hits[i].initials_len));
    *result = json_pack("{s:o}", "items", items);
    return 0;
}

static const struct field icd10_args[] = {
    {.name = "q", .type = FIELD_TEXT, .required = true, .min = 1, .max = 100, .help = "code, Chinese, pinyin initials or pinyin"},
    {.name = "limit", .type = FIELD_INT, .min = 1, .max = ICD10_LIMIT_MAX, .help = "default 20"},
    {0},
};

const struct op term_ops[] = {
    {"term.icd10", OP_READ, 0, "self", icd10_args, icd10_op, "Search the insurance edition of ICD-10"},
    {0},
};
