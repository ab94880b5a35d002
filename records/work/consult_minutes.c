/* The minutes of a team's discussion: one text of the case, written by the secretary or the chair, sealed into the
 * conclusion that the chair signs last. Until then they lie beside the drafts, as nobody's (person 0). functions.md 3.1
 * (MDT extra: absentees, dissent, minutes). */
#include "records/store/sealed.h"
#include "records/work/consult.h"
#include "records/work/work_view.h"
#include <stdlib.h>
#include <string.h>

#define NOBODY 0

static const char *const texts[] = {"minutes", "absentees", "dissent"};
#define N_TEXTS (sizeof texts / sizeof *texts)

/* New reference, NULL when nobody wrote yet. */
static json_t *load(struct op_ctx *ctx, const struct consult *c)
{
    struct query *q = tx_query(ctx->tx, "SELECT body FROM consult_draft WHERE case_id=$1 AND person_id=$2", "ii", (int64_t)c->id.v,
                               (int64_t)NOBODY);
    const char *text = query_next(q) ? query_sealed(q, "body", SEALED_DRAFT_BODY, c->id.v, NOBODY) : NULL;
    json_t *minutes = text ? json_loads(text, 0, NULL) : NULL;
    if (query_end(q)) { /* the error sticks to the transaction */
        json_decref(minutes);
        return NULL;
    }
    return minutes;
}

/* Two may write, so each save says which text it goes on from: nobody's words are overwritten unseen. */
static int check_base(struct consult_act *a)
{
    json_t *old = load(a->ctx, a->c);
    int64_t saved_ms = json_integer_value(json_object_get(old, "saved_ms"));
    json_decref(old);
    if (arg_int(a->args, "base_ms", 0) == saved_ms)
        return tx_error(a->ctx->tx);
    return fault_set(a->ctx->fault, ERR_CONFLICT, "stale_version", "somebody else wrote the minutes meanwhile");
}

int consult_prepare_minutes(struct consult_act *a)
{
    int rc = check_base(a);
    if (rc)
        return rc;
    json_t *body = json_pack("{s:o,s:I}", "by", json_id(a->ctx->actor->person.v), "saved_ms", (json_int_t)a->ctx->now_ms);
    for (size_t i = 0; i < N_TEXTS; i++)
        json_object_set_new(body, texts[i], json_string(arg_text(a->args, texts[i]) ? arg_text(a->args, texts[i]) : ""));
    char *text = json_dumps(body, JSON_COMPACT);
    rc = tx_upsert(a->ctx->tx, "consult_draft", "case_id,person_id", "case_id,person_id,body,saved_ms", "iisi", (int64_t)a->c->id.v,
                   (int64_t)NOBODY, SEALED(DRAFT_BODY, a->c->id.v, NOBODY, text), a->ctx->now_ms);
    free(text);
    json_decref(body);
    return rc;
}

/* A team that met says what was said; one that worked from the record alone may have nothing to say. */
int consult_minutes_seal(struct consult_act *a, json_t *body)
{
    json_t *minutes = load(a->ctx, a->c), *mdt = json_object_get(body, "mdt");
    for (size_t i = 0; minutes && i < N_TEXTS; i++) {
        const char *text = json_string_value(json_object_get(minutes, texts[i]));
        if (!mdt) {
            mdt = json_object();
            json_object_set_new(body, "mdt", mdt);
        }
        if (text && *text)
            json_object_set_new(mdt, texts[i], json_string(text));
        else
            json_object_del(mdt, texts[i]);
    }
    json_decref(minutes);
    const char *said = json_string_value(json_object_get(mdt, "minutes"));
    if (a->facts & CONSULT_BIT(F_INTERACTIVE) && (!said || !said[strspn(said, " \t\r\n")]))
        return fault_field(a->ctx->fault, "body.mdt.minutes", "required");
    return tx_error(a->ctx->tx);
}

int consult_minutes_drop(struct consult_act *a)
{
    return tx_exec(a->ctx->tx, "DELETE FROM consult_draft WHERE case_id=$1 AND person_id=$2", "ii", (int64_t)a->c->id.v, (int64_t)NOBODY);
}

/* Once signed, the conclusion holds them. */
json_t *minutes_view(struct op_ctx *ctx, const struct consult *c, const json_t *opinion)
{
    bool signed_ = c->signed_ms != 0;
    const json_t *sealed = json_object_get(json_object_get(opinion, "body"), "mdt");
    json_t *from = signed_ ? json_incref((json_t *)sealed) : load(ctx, c), *by = json_null();
    if (!from)
        return json_null();
    uint64_t writer = 0;
    if (!signed_ && id_parse(json_string_value(json_object_get(from, "by")), &writer) == 0)
        by = staff_ref(ctx, (struct person_id){writer});
    json_t *v = json_pack("{s:b,s:o,s:I}", "signed", signed_, "by", by, "saved_ms",
                          (json_int_t)(signed_ ? c->signed_ms : json_integer_value(json_object_get(from, "saved_ms"))));
    for (size_t i = 0; i < N_TEXTS; i++) {
        const char *text = json_string_value(json_object_get(from, texts[i]));
        json_object_set_new(v, texts[i], json_string(text ? text : ""));
    }
    json_decref(from);
    return v;
}
