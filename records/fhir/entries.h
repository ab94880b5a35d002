/* entries - what entries.c and entry_lines.c share: a telling of one local patient, and its pieces. Inside records/fhir.
 *
 * First each resource becomes pieces by itself, while its rows are read (entry_lines.c: no statement runs there, one is open); then, with all of them there, they are
 * told what their codes are and where they are from, and find each other: values their report, diagnoses their visit (entries.c). Texts and structs live in the doc of
 * the request's scratch, as long as the teller; JSON is counted.
 */
#ifndef YL_RECORDS_FHIR_ENTRIES_H
#define YL_RECORDS_FHIR_ENTRIES_H

#include "records/fhir/clean.h"
#include "records/fhir/own.h"
#include <uthash.h>

#define NUMBERS_MAX 4 /* of a report */
#define SOURCES_MAX 16

struct coded { /* a code as it came; texts live as long as the teller */
    char key[300];
    uint64_t source;
    const char *kind;
    struct clean_part as; /* what of it says which code it is */
    json_t *standard; /* what it is here: {system, code, name}; NULL = not asked for yet, or nothing */
    bool settled;
    UT_hash_handle hh;
};
struct piece { /* a line on its way */
    json_t *line;
    struct coded *code;      /* NULL: it has none */
    struct place *self;      /* what it is of */
    struct place *visit;     /* NULL: it does not say */
    const char *org;         /* code of the institution it names; NULL */
    uint64_t source;
    int64_t t_ms;
    const char *kind;
    const char *numbers[NUMBERS_MAX];
};
struct place { /* "Type/id", named by somebody or there */
    const char *name;
    struct piece *head;    /* the report or visit that it is */
    struct place *part_of; /* who names it as a part */
    json_t *codes;         /* of a visit: of its diagnoses */
    UT_hash_handle hh;
};
struct origin { /* what a source is called */
    char key[80];
    json_t *org, *name;
    size_t n_sources;
    uint64_t sources[SOURCES_MAX]; /* of messages of the institution */
    UT_hash_handle hh;
};

struct teller {
    struct op_ctx *ctx;
    struct fhir_work w;
    uint64_t patient;
    struct clean_resource read;
    struct r4_doc *texts; /* borrowed; of all that follows */
    struct piece **pieces;
    size_t n, cap;
    struct place *places;   /* of one Patient */
    struct coded *codes;    /* of all, as the next */
    struct origin *origins;
    bool failed; /* no memory: nothing is told */
};

/* Cleared memory that lives as long as the teller; NULL: t->failed is set. */
void *teller_keep(struct teller *t, size_t n);
/* Adds the pieces of one resource; nothing of what is entered in error or refuted. */
void teller_row(struct teller *t, const struct fhir_row *row, uint64_t source);
/* The types that it knows. */
#define TYPES                                                                                                                                  \
    "'Observation','Condition','Encounter','DiagnosticReport','Procedure','MedicationRequest','MedicationStatement','MedicationAdministration'," \
    "'MedicationDispense','AllergyIntolerance','Immunization','ServiceRequest','DocumentReference','ImagingStudy'"
#endif
