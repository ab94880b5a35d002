/* Two records, or two persons, side by side: what the steward's desk is told. */
#include "records/patient/index_lookup.h"
#include <math.h>

#define BARRED_ODDS -20.0f /* shown of two who can never be one */

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

static double chance_of(float odds)
{
    return 1 / (1 + exp(-(double)odds));
}

/* Two records and all that are of their persons: what they are has to be weighed as wholes. A record the index does not know is a person of its own. */
static int gather_two(struct lookup *l, uint64_t a, uint64_t b)
{
    const uint64_t two[2] = {a < b ? a : b, a < b ? b : a}; /* whichever is named first */
    uint64_t persons[2];
    int rc = 0;
    for (int i = 0; rc == 0 && i < 2; i++) {
        persons[i] = patient_index_person(l->ctx, two[i]);
        rc = lookup_add_patient(l, two[i], persons[i] ? persons[i] : two[i]);
    }
    for (int i = 0; rc == 0 && i < 2; i++)
        rc = persons[i] ? lookup_add_person(l, persons[i]) : 0;
    return rc ? rc : mpi_set_finish(&l->set);
}

/* Of the two records alone. */
static float compare_two(struct lookup *l, struct mpi_match *m)
{
    mpi_compare(&l->set, &l->set.records[0], &l->set.records[1], m);
    lookup_shares(l, 0, m);
    return mpi_model_odds(&l->x->model, m);
}

/* Of both persons with all their records; of two that are one already the two records alone. */
static float odds_shown(struct lookup *l)
{
    struct mpi_match m;
    float odds = l->person[0] == l->person[1] ? compare_two(l, &m) : lookup_weigh(l, l->person[0], l->person[1]);
    return odds > BARRED_ODDS ? odds : BARRED_ODDS;
}

float patient_index_odds(struct op_ctx *ctx, uint64_t a, uint64_t b)
{
    struct lookup l;
    lookup_begin(&l, ctx);
    float odds = gather_two(&l, a, b) ? 0 : odds_shown(&l);
    lookup_end(&l);
    return odds;
}

json_t *patient_index_compare(struct op_ctx *ctx, uint64_t a, uint64_t b)
{
    struct lookup l;
    struct mpi_match m;
    json_t *out = NULL;
    lookup_begin(&l, ctx);
    int rc = gather_two(&l, a, b);
    if (rc == 0) {
        float two = compare_two(&l, &m), odds = odds_shown(&l);
        enum mpi_class rival = mpi_model_rival(&l.x->model, &m);
        enum mpi_bar bar = mpi_barred(&l.set, &l.set.records[0], &l.set.records[1]);
        out = json_pack("{s:f,s:f,s:f,s:o,s:o,s:f,s:o}", "probability", chance_of(odds), "odds", (double)odds, "records_probability", chance_of(two), "rival",
                        both(mpi_class_label(rival)), "barred", bar ? both(mpi_bar_label(bar)) : json_null(), "prior",
                        (double)(l.x->model.prior[CLASS_PERSON] - l.x->model.prior[rival]), "parts", parts_json(&l.x->model, &m, rival));
    }
    lookup_end(&l);
    if (!out)
        fault_set(ctx->fault, rc ? rc : ERR_INTERNAL, "", "The two records could not be compared.");
    return out;
}

const char *patient_index_bar(struct op_ctx *ctx, uint64_t person_a, uint64_t person_b)
{
    struct lookup l;
    enum mpi_bar bar = BAR_NONE;
    lookup_begin(&l, ctx);
    int rc = lookup_add_person(&l, person_a);
    rc = rc ? rc : lookup_add_person(&l, person_b);
    rc = rc ? rc : mpi_set_finish(&l.set);
    for (size_t i = 0; rc == 0 && i < l.n && !bar; i++)
        for (size_t j = 0; j < l.n && !bar; j++)
            if (i != j && l.person[i] == person_a && l.person[j] == person_b)
                bar = mpi_barred(&l.set, &l.set.records[i], &l.set.records[j]);
    lookup_end(&l);
    if (rc)
        fault_set(ctx->fault, rc, "", "The two persons could not be compared.");
    return rc ? NULL : mpi_bar_label(bar).en;
}
