/* Taking a patient's members from a request, each checked, every fault with its field. */
#include "records/patient/patient_row.h"
#include "records/term/fold.h"
#include "records/work/policy.h"
#include "server/base/text.h"
#include <stdio.h>
#include <string.h>

/* The member's text when present (JSON null clears it), NULL when absent. */
static const char *given(const json_t *args, const char *name)
{
    json_t *v = json_object_get(args, name);
    return json_is_null(v) ? "" : json_string_value(v);
}

static bool blank(const char *text)
{
    return text[strspn(text, " \t\r\n")] == 0;
}

static void take_plain(struct op_ctx *ctx, const json_t *args, struct patient_row *row)
{
    const char *v;
    if ((v = given(args, "local_number"))) {
        TEXT_COPY(row->local_number, v);
        if (blank(v))
            fault_field(ctx->fault, "local_number", "required");
    }
    if ((v = given(args, "name")))
        TEXT_COPY(row->name, v);
    if ((v = given(args, "sex")))
        TEXT_COPY(row->sex, v);
    if ((v = given(args, "nationality")))
        TEXT_COPY(row->nationality, v);
    if ((v = given(args, "insurance_type")))
        TEXT_COPY(row->insurance_type, v);
    if ((v = given(args, "insurance_no"))) {
        char folded[160];
        size_t n = text_fold(v, strlen(v), folded, sizeof folded);
        if (n >= sizeof row->secret.insurance_no || strspn(folded, "abcdefghijklmnopqrstuvwxyz0123456789-") != n)
            fault_field(ctx->fault, "insurance_no", "wrong_characters");
        else
            memcpy(row->secret.insurance_no, folded, n + 1);
    }
    if ((v = given(args, "address")))
        TEXT_COPY(row->secret.address, v);
}

static void take_phone(struct op_ctx *ctx, const char *value, const char *path, char out[24])
{
    if (!value)
        return;
    if (!*value)
        out[0] = 0;
    else if (phone_normalise(value, out))
        fault_field(ctx->fault, path, "not_a_phone_number");
}

static void take_guardian(struct op_ctx *ctx, const json_t *args, struct patient_row *row)
{
    struct patient_private *s = &row->secret;
    json_t *g = json_object_get(args, "guardian");
    if (!g)
        return;
    const char *name = given(g, "name"), *relation = given(g, "relation");
    if (json_is_null(g) || (name && blank(name))) {
        s->guardian_name[0] = s->guardian_relation[0] = s->guardian_phone[0] = 0;
        return;
    }
    if (name)
        TEXT_COPY(s->guardian_name, name);
    if (relation)
        TEXT_COPY(s->guardian_relation, relation);
    /* a page that shows the masked number sends it back unchanged */
    const char *phone = given(g, "phone");
    char masked[24];
    phone_mask(s->guardian_phone, masked);
    if (phone && strcmp(phone, masked) != 0)
        take_phone(ctx, phone, "guardian.phone", s->guardian_phone);
}

static void take_allergy(struct op_ctx *ctx, const json_t *args, struct patient_row *row)
{
    json_t *a = json_object_get(args, "allergy");
    const char *state = given(a, "state"), *detail = given(a, "detail");
    if (state)
        TEXT_COPY(row->allergy_state, state);
    if (detail)
        TEXT_COPY(row->secret.allergy_detail, detail);
    if (strcmp(row->allergy_state, "yes") != 0)
        row->secret.allergy_detail[0] = 0;
    else if (a && blank(row->secret.allergy_detail))
        fault_field(ctx->fault, "allergy.detail", "required");
}

static void take_birth(struct op_ctx *ctx, const json_t *args, const char *today, struct patient_row *row)
{
    const char *birth = given(args, "birth_date");
    int y, m, d, ty, tm, td;
    json_t *age = json_object_get(args, "estimated_age");
    if (birth) {
        TEXT_COPY(row->birth_date, birth);
        row->birth_estimated = false;
        if (*birth && (date_parse(birth, &y, &m, &d) || strcmp(birth, today) > 0))
            fault_field(ctx->fault, "birth_date", "wrong_date");
    } else if (json_is_integer(age) && date_parse(today, &ty, &tm, &td) == 0) {
        char text[32];
        snprintf(text, sizeof text, "%04d-01-01", ty - (int)json_integer_value(age));
        memcpy(row->birth_date, text, 10);
        row->birth_estimated = true;
    }
}

/* The number says sex and birth date: what was left out is filled in, what contradicts is refused. */
static void agree(struct op_ctx *ctx, const struct identity *id, struct patient_row *row)
{
    if (id->birth_date[0]) {
        if (!row->birth_date[0] || row->birth_estimated)
            TEXT_COPY(row->birth_date, id->birth_date);
        else if (strcmp(row->birth_date, id->birth_date) != 0)
            fault_field(ctx->fault, "birth_date", "differs_from_id_no");
        row->birth_estimated = false;
    }
    if (id->sex) {
        const char *sex = id->sex == 'm' ? "male" : "female";
        if (!row->sex[0] || strcmp(row->sex, "unknown") == 0)
            TEXT_COPY(row->sex, sex);
        else if (strcmp(row->sex, sex) != 0)
            fault_field(ctx->fault, "sex", "differs_from_id_no");
    }
}

static void take_identity(struct op_ctx *ctx, const json_t *args, const char *today, struct patient_row *row)
{
    const char *type = given(args, "id_type"), *number = given(args, "id_no"), *reason = NULL;
    struct identity id;
    if (!type && !number)
        return;
    if (number && *number && !type && strcmp(row->id_type, "none") == 0)
        type = "id_card";
    if (type)
        TEXT_COPY(row->id_type, type);
    enum identity_type t = identity_type_parse(row->id_type);
    if (t == IDENTITY_NONE)
        number = number && *number ? number : "";
    else if (!number) /* another type for the number that is held */
        number = row->secret.id_no;
    if (identity_check(t, number, today, &id, &reason)) {
        fault_field(ctx->fault, "id_no", "%s", reason);
        return;
    }
    if (id.area == AREA_TEST && !work_policy_int(ctx, "patient.test_numbers")) { /* belongs to nobody: for demonstrations alone */
        fault_field(ctx->fault, "id_no", "wrong_area");
        return;
    }
    TEXT_COPY(row->secret.id_no, id.number);
    agree(ctx, &id, row);
}

static void require_whole(struct op_ctx *ctx, struct patient_row *row)
{
    if (!row->sex[0])
        fault_field(ctx->fault, "sex", "required");
    if (!row->birth_date[0])
        fault_field(ctx->fault, row->temporary ? "estimated_age" : "birth_date", "required");
    if (blank(row->name))
        fault_field(ctx->fault, "name", "required");
}

/* An unidentified patient is called by what is known, so that two of a night are told apart: 无名氏(男)-0930. */
static void name_unidentified(struct op_ctx *ctx, struct patient_row *row)
{
    int64_t local = ctx->now_ms / 60000 + PATIENT_ZONE_MIN;
    const char *sex = strcmp(row->sex, "male") == 0 ? "男" : strcmp(row->sex, "female") == 0 ? "女" : "未知";
    snprintf(row->name, sizeof row->name, "无名氏（%s）%02d%02d", sex, (int)(local / 60 % 24), (int)(local % 60));
}

int patient_apply(struct op_ctx *ctx, const json_t *args, bool fresh, struct patient_row *row)
{
    char today[11];
    struct pinyin_name readings[2];
    json_t *temporary = json_object_get(args, "temporary");
    date_of_ms(ctx->now_ms, PATIENT_ZONE_MIN, today);
    if (json_is_boolean(temporary))
        row->temporary = json_is_true(temporary);
    take_plain(ctx, args, row);
    take_phone(ctx, given(args, "phone"), "phone", row->secret.phone);
    take_birth(ctx, args, today, row);
    take_identity(ctx, args, today, row);
    take_guardian(ctx, args, row);
    take_allergy(ctx, args, row);
    if (fresh && row->temporary && blank(row->name))
        name_unidentified(ctx, row);
    require_whole(ctx, row);
    if (ctx->fault->n_fields)
        return fault_set(ctx->fault, ERR_INVALID, "", "Some members of the patient are wrong.");
    if (row->secret.id_no[0] && strcmp(row->id_type, "id_card") == 0)
        row->temporary = false; /* now identified */
    int n = pinyin_name(records_parts(ctx->records)->terms->pinyin, row->name, readings);
    TEXT_COPY(row->pinyin, n ? readings[0].full : "");
    return 0;
}
