/* The opinion: drafts, spoken advice, signatures, addenda. A signed version is never changed; its hash covers
 * who, with which licence, when and what, so that a later change of any of them shows. */
#include "records/store/sealed.h"
#include "records/work/consult.h"
#include "records/work/work_parts.h"
#include "records/patient/identity.h"
#include "server/base/crypto.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define C(x) CONSULT_BIT(C_##x)
#define F(x) CONSULT_BIT(F_##x)

static bool blank(const char *s)
{
    return !s || !s[strspn(s, " \t\r\n")];
}

static const json_t *opinion_def(struct consult_act *a)
{
    return forms_find(work_parts(a->ctx->records)->forms, "opinion");
}

static int check_body(struct consult_act *a, const json_t *body)
{
    struct form_context fc = consult_form_context(a->c);
    if (!body)
        return fault_field(a->ctx->fault, "body", "required");
    return form_check(opinion_def(a), &fc, body, "body", a->ctx->fault);
}

static int put_draft(struct consult_act *a, const json_t *body)
{
    char *text = json_dumps(body, JSON_COMPACT);
    int rc = tx_upsert(a->ctx->tx, "consult_draft", "case_id,person_id", "case_id,person_id,body,saved_ms",
                       "iisi", (int64_t)a->c->id.v, (int64_t)a->ctx->actor->person.v,
                       SEALED(DRAFT_BODY, a->c->id.v, a->ctx->actor->person.v, text), a->ctx->now_ms);
    free(text);
    return rc;
}

static bool answered(const json_t *answers, int64_t n)
{
    size_t i;
    json_t *item;
    json_array_foreach (answers, i, item)
        if (json_integer_value(json_object_get(item, "n")) == n &&
            !blank(json_string_value(json_object_get(item, "text"))))
            return true;
    return false;
}

/* Every question asked is answered under its number; every recommendation has its own number and a text. */
static int check_numbers(struct consult_act *a, const json_t *body)
{
    json_t *item;
    size_t i, k;
    int rc = 0;
    json_array_foreach (json_object_get(a->c->form, "questions"), i, item) {
        int64_t n = json_integer_value(json_object_get(item, "n"));
        n = n ? n : (int64_t)i + 1;
        char path[64];
        snprintf(path, sizeof path, "body.answers[%zu].text", i);
        if (!blank(json_string_value(json_object_get(item, "text"))) &&
            !answered(json_object_get(body, "answers"), n))
            rc = fault_field(a->ctx->fault, path, "required:%lld", (long long)n);
    }
    const json_t *advice = json_object_get(body, "recommendations");
    json_array_foreach (advice, i, item) {
        char path[64];
        snprintf(path, sizeof path, "body.recommendations[%zu]", i);
        int64_t n = json_integer_value(json_object_get(item, "n"));
        if (blank(json_string_value(json_object_get(item, "text"))))
            rc = fault_field(a->ctx->fault, path, "required");
        for (k = 0; k < i; k++)
            if (n == json_integer_value(json_object_get(json_array_get(advice, k), "n")))
                rc = fault_field(a->ctx->fault, path, "same_number:%lld", (long long)n);
        if (n < 1)
            rc = fault_field(a->ctx->fault, path, "number_missing");
    }
    return rc;
}

static int check_whole(struct consult_act *a, const json_t *body)
{
    struct form_context fc = consult_form_context(a->c);
    if (!(a->facts & F(LAST_SIGN))) { /* a member's part: whatever he has to say, but something */
        if (form_filled("textarea", json_object_get(body, "findings")) ||
            form_filled("questions", json_object_get(body, "answers")))
            return 0;
        return fault_field(a->ctx->fault, "body.findings", "required");
    }
    int rc = form_require(opinion_def(a), &fc, body, "body", a->ctx->fault);
    int numbers = check_numbers(a, body);
    return rc ? rc : numbers;
}

/* Sign right = the person's own valid licence and role on the day of signing (functions.md 4.2). */
static int check_signer(struct consult_act *a, struct staff *s)
{
    char today[11];
    date_of_ms(a->ctx->now_ms, 480, today);
    int rc = staff_find(a->ctx, a->ctx->actor->person, STAFF_EXPERT, s);
    if (rc || !s->active || !*s->licence_no || strcmp(s->licence_until, today) < 0)
        return fault_set(a->ctx->fault, ERR_DENIED, "licence_not_valid", "signing needs a valid licence");
    return 0;
}

static int64_t next_version(struct consult_act *a)
{
    return 1 + tx_int(a->ctx->tx, 0, "SELECT MAX(version) FROM consult_opinion WHERE case_id=$1", "i",
                      (int64_t)a->c->id.v);
}

/* The picture that the signer has now; its hash is part of what is signed, so that another picture shows. 0 = none. */
static int64_t signer_picture(struct consult_act *a, char hash[2 * SHA256_BYTES + 1])
{
    int64_t id = 0;
    struct query *q = tx_query(a->ctx->tx,
                               "SELECT d.id, d.sha256 FROM person p JOIN document d ON d.id=p.signature_document WHERE p.id=$1 AND d.withdrawn_ms=0",
                               "i", (int64_t)a->ctx->actor->person.v);
    if (query_next(q)) {
        id = query_int(q, "id");
        snprintf(hash, 2 * SHA256_BYTES + 1, "%s", query_text(q, "sha256"));
    }
    return query_end(q) ? 0 : id; /* an error sticks to the transaction */
}

/* One signed, immutable line. */
static int put_signed(struct consult_act *a, const char *kind, const json_t *body, const struct staff *s)
{
    char person[ID_TEXT_BYTES], id[ID_TEXT_BYTES], hash[2 * SHA256_BYTES + 1], picture_hash[2 * SHA256_BYTES + 1] = "";
    int64_t picture = signer_picture(a, picture_hash);
    uint8_t sum[SHA256_BYTES];
    int64_t version = next_version(a);
    uint64_t row = id_new();
    id_format(a->ctx->actor->person.v, person);
    id_format(a->c->id.v, id);
    json_t *whole =
        json_pack("{s:s,s:s,s:s,s:I,s:s,s:s,s:b,s:I,s:O}", "case", id, "number", a->c->number, "kind", kind,
                  "version", (json_int_t)version, "person", person, "licence", s->licence_no, "second_factor",
                  a->ctx->actor->second_factor, "signed_ms", (json_int_t)a->ctx->now_ms, "body", body);
    if (whole && picture)
        json_object_set_new(whole, "picture", json_string(picture_hash));
    char *text = whole ? json_dumps(whole, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
    char *plain = json_dumps(body, JSON_COMPACT);
    int rc = text && plain ? 0 : ERR_INTERNAL;
    if (!rc) {
        crypto_sha256(text, strlen(text), sum);
        rc = hex_encode(sum, sizeof sum, hash, sizeof hash) < 0 ? ERR_INTERNAL : 0;
    }
    if (!rc)
        rc = tx_exec(a->ctx->tx,
                     "INSERT INTO consult_opinion (id, case_id, person_id, kind, version, body, signed_text, "
                     "signed_ms, "
                     "sha256, licence_no, second_factor, signature_document) VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12)",
                     "iiitissi"
                     "ttii",
                     (int64_t)row, (int64_t)a->c->id.v, (int64_t)a->ctx->actor->person.v, kind, version,
                     SEALED(OPINION_BODY, row, a->c->id.v, plain), SEALED(OPINION_TEXT, row, a->c->id.v, text),
                     a->ctx->now_ms, hash, s->licence_no, (int64_t)a->ctx->actor->second_factor, picture);
    free(text);
    free(plain);
    json_decref(whole);
    return rc;
}

/* The advice ledger: one row a recommendation; the applicant's decision and the outcome come later. */
static int open_ledger(struct consult_act *a, const json_t *body)
{
    size_t i;
    json_t *item;
    int rc = 0;
    json_array_foreach (json_object_get(body, "recommendations"), i, item)
        rc = rc ? rc
                : tx_upsert(a->ctx->tx, "consult_advice", "case_id,n", "case_id,n,type,urgency,text", "iitts",
                            (int64_t)a->c->id.v, (int64_t)json_integer_value(json_object_get(item, "n")),
                            json_string_value(json_object_get(item, "type")),
                            json_string_value(json_object_get(item, "urgency")),
                            SEALED(ADVICE_TEXT, a->c->id.v, json_integer_value(json_object_get(item, "n")),
                                   json_string_value(json_object_get(item, "text"))));
    return rc;
}

static int sign(struct consult_act *a)
{
    json_t *body = json_object_get(a->args, "body");
    bool last = a->facts & F(LAST_SIGN);
    struct staff s;
    int rc = check_body(a, body);
    rc = rc ? rc : check_whole(a, body);
    int minutes = last && a->facts & F(MDT) ? consult_minutes_seal(a, body) : 0;
    rc = rc ? rc : minutes;
    if (rc)
        return fault_set(a->ctx->fault, rc, "incomplete", "the opinion is not complete");
    rc = check_signer(a, &s);
    rc = rc ? rc : put_signed(a, last ? "final" : "member", body, &s);
    rc = rc || !last ? rc : open_ledger(a, body);
    rc = rc || !last ? rc : consult_minutes_drop(a);
    rc = rc ? rc
            : tx_exec(a->ctx->tx, "DELETE FROM consult_draft WHERE case_id=$1 AND person_id=$2", "ii",
                      (int64_t)a->c->id.v, (int64_t)a->ctx->actor->person.v);
    if (rc)
        return rc;
    struct consult_member *me = consult_member_active(a->c, a->ctx->actor->person);
    me->state = MEMBER_SIGNED;
    me->signed_ms = a->ctx->now_ms;
    a->passed |= C(OPINION) | C(SIGNATURE);
    return 0;
}

static int note_text(struct consult_act *a, const char *kind, bool needs_signer)
{
    struct staff s = {0};
    const char *text = arg_text(a->args, "text");
    if (blank(text))
        return fault_field(a->ctx->fault, "text", "required");
    int rc = needs_signer ? check_signer(a, &s) : 0;
    json_t *body = json_pack("{s:s}", "text", text);
    rc = rc ? rc : put_signed(a, kind, body, &s);
    json_decref(body);
    a->passed |= C(TEXT);
    return rc;
}

int consult_prepare_opinion(struct consult_act *a)
{
    json_t *body = json_object_get(a->args, "body");
    int rc;
    switch (a->event) {
    case E_SAVE_OPINION:
        rc = check_body(a, body);
        return rc ? rc : put_draft(a, body);
    case E_VERBAL_NOTE:
        return note_text(a, "verbal", false);
    case E_ADDENDUM:
        return note_text(a, "addendum", true);
    default:
        return sign(a);
    }
}
