/* view - what one machine client sees of the FHIR service, for those who send it on their own accord rather than answer (records/outgoing):
 * the same resources, shaped by the same scopes, institution, masks and consents as a read of his would be.
 *
 * A view lives inside one read transaction, on one thread. Nothing is audited here: who sends writes the line.
 */
#ifndef YL_RECORDS_FHIR_VIEW_H
#define YL_RECORDS_FHIR_VIEW_H

#include "records/fhir/fhir.h"

#define VIEW_NAME_BYTES 65

struct fhir_view;
/* Who: client (a number for the audit), org and scopes of the actor. NULL: out of memory, or the service is not ready. */
struct fhir_view *fhir_view_open(struct records *r, struct tx *tx, const struct fhir_actor *actor);
void fhir_view_close(struct fhir_view *v);

struct fhir_thing { /* which resource */
    const char *type;   /* "Patient"; of the tables */
    bool own;           /* of the house itself (own.h): rid is its number, pkey unused */
    int64_t pkey, rid;
};
struct fhir_seen {
    bool found;          /* it is there, and for him */
    char name[VIEW_NAME_BYTES];
    char *body;          /* JSON, malloc'd */
    size_t len;
    uint64_t patient;    /* for the audit */
    int64_t vid, t_ms;
};
void fhir_seen_clear(struct fhir_seen *s);
YL_CHECKED int fhir_view_read(struct fhir_view *v, const struct fhir_thing *thing, struct fhir_seen *out);
/* The name alone of one of the house's, whether it is there or not. */
void fhir_view_name(const char *type, uint64_t id, char out[VIEW_NAME_BYTES]);
/* Does it meet these search parameters ("code=1&patient=x"), as a search of his would find it? "" = it does. */
YL_CHECKED int fhir_view_meets(struct fhir_view *v, const struct fhir_thing *thing, const char *name, const char *query, bool *meets);
bool fhir_view_may(const struct fhir_view *v, const char *type); /* read it at all, by the scopes */
/* As an entry of a Bundle of type history (http://hl7.org/fhir/R4/http.html#history), its number as an extension urn:yilian:sequence; what is
 * not found is one that was deleted, as far as the reader is concerned. */
struct fhir_entry_place {
    int64_t seq, t_ms;
};
struct r4_buf;
void fhir_entry_write(struct r4_buf *b, const char *base, const struct fhir_thing *thing, const struct fhir_seen *seen, const struct fhir_entry_place *at);
/* "https://host/fhir" */
void fhir_view_base(const struct fhir_view *v, char out[300]);
/* Those of the scopes `asked` that `held` covers. */
void fhir_scopes_both(const char *held, const char *asked, char *out, size_t cap);
/* The type's name out of the tables, or NULL; is it one the house keeps some of itself? */
const char *fhir_type_name(struct fhir *x, const char *name, size_t len);
bool fhir_type_is_own(const char *type);
#endif
