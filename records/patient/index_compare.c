/* Two records, or two persons, side by side: what the steward's desk is told. */
#include "records/patient/index_lookup.h"
#include <math.h>

static json_t *both(struct mpi_words words)
{
    return json_pack("{s:s,s:s}", "zh", words.zh, "en", words.en);
}

static json_t *part_json(const struct mpi_model *model, const struct mpi_match *m, enum mpi_part part, enum mpi_class rival)
{
    static const char *const names[MPI_PARTS] = {"family_name", "given_name", "birth_date", "sex", "id_no", "phone", "address", "postcode", "insurance_no"};
    bool said = m->level[part] != MPI_MISSING, rare = m->level[part] == 0 && m->share[part] > 0;
    return json_pack("{s:s,s:o,s:o,s:o,s:f,s:o}", "part", names[part], "label", both(mpi_part_label(part)), "level",
                     said ? json_integer(m->level[part]) : json_null(), "text", both(mpi_level_label(part, m->level[part])), "weight",
                     (double)mpi_model_part(model, m, part, rival), "one_in",
                     rare ? json_integer((json_int_t)(1 / (double)m->share[part] + 0.5)) : json_null());
}

static json_t *parts_json(const struct mpi_model *model, const struct mpi_match *m, enum mpi_class rival)
{
    json_t *parts = json_array();
    for (int part = 0; part < MPI_PARTS; part++)
        json_array_append_new(parts, part_json(model, m, (enum mpi_part)part, rival));
    return parts;
}

json_t *patient_index_compare(struct op_ctx *ctx, const struct patient_row *a, const struct patient_row *b)
{
    struct lookup l = {.ctx = ctx, .x = records_parts(ctx->records)->patient_index};
    struct mpi_match m;
    json_t *out = NULL;
    mpi_set_init(&l.set, l.x->tables);
    int rc = lookup_begin(&l, a);
    rc = rc ? rc : lookup_candidates(&l); /* counts how rare a's values are */
    mpi_set_fini(&l.set);
    mpi_set_init(&l.set, l.x->tables);
    rc = rc ? rc : lookup_add_row(&l.set, a);
    rc = rc ? rc : lookup_add_row(&l.set, b);
    rc = rc ? rc : mpi_set_finish(&l.set);
    if (rc == 0) {
        mpi_compare(&l.set, &l.set.records[0], &l.set.records[1], &m);
        lookup_shares(&l, &m);
        float odds = mpi_model_odds(&l.x->model, &m);
        enum mpi_class rival = mpi_model_rival(&l.x->model, &m);
        enum mpi_bar bar = mpi_barred(&l.set, &l.set.records[0], &l.set.records[1]);
        out = json_pack("{s:f,s:f,s:o,s:o,s:f,s:o}", "probability", 1 / (1 + exp(-(double)odds)), "odds", (double)odds, "rival",
                        both(mpi_class_label(rival)), "barred", bar ? both(mpi_bar_label(bar)) : json_null(), "prior",
                        (double)(l.x->model.prior[CLASS_PERSON] - l.x->model.prior[rival]), "parts", parts_json(&l.x->model, &m, rival));
    }
    mpi_set_fini(&l.set);
    if (!out)
        fault_set(ctx->fault, rc ? rc : ERR_INTERNAL, "", "The two records could not be compared.");
    return out;
}

const char *patient_index_bar(struct op_ctx *ctx, uint64_t person_a, uint64_t person_b)
{
    struct lookup l = {.ctx = ctx, .x = records_parts(ctx->records)->patient_index};
    enum mpi_bar bar = BAR_NONE;
    mpi_set_init(&l.set, l.x->tables);
    int rc = lookup_add_person(&l, person_a);
    rc = rc ? rc : lookup_add_person(&l, person_b);
    rc = rc ? rc : mpi_set_finish(&l.set);
    for (size_t i = 0; rc == 0 && i < l.n && !bar; i++)
        for (size_t j = 0; j < l.n && !bar; j++)
            if (i != j && l.person[i] == person_a && l.person[j] == person_b)
                bar = mpi_barred(&l.set, &l.set.records[i], &l.set.records[j]);
    mpi_set_fini(&l.set);
    if (rc)
        fault_set(ctx->fault, rc, "", "The two persons could not be compared.");
    return rc ? NULL : mpi_bar_label(bar).en;
}
