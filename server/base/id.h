/* id - application-made 64-bit ids: 42 bits of milliseconds since 2020-01-01, 8 bits of node, 14 bits of counter.
 * On the wire and in URLs an id is 16 lower-case hex digits (a JavaScript number cannot hold 64 bits). 0 is "none".
 */
#ifndef YL_SERVER_BASE_ID_H
#define YL_SERVER_BASE_ID_H

#include "server/base/err.h"
#include <stdint.h>

#define ID_TEXT_BYTES 17

/* A new id, unique in this process and increasing; any thread. `node` 0..255 is set once at start. */
uint64_t id_new(void);
void id_set_node(uint8_t node);
void id_format(uint64_t id, char out[ID_TEXT_BYTES]);
/* 0, or ERR_INVALID when the text is not 16 hex digits or is zero. */
YL_CHECKED int id_parse(const char *text, uint64_t *out);

/* Distinct types, so that the compiler refuses a mix-up. */
#define ID_TYPE(name)                                                                                             \
    struct name {                                                                                                 \
        uint64_t v;                                                                                               \
    }
ID_TYPE(person_id);  /* a staff member or administrator */
ID_TYPE(org_id);     /* institution or department */
ID_TYPE(patient_id); /* a local patient */
ID_TYPE(case_id);    /* a workflow instance */
ID_TYPE(document_id);
ID_TYPE(room_id);
ID_TYPE(peer_id);  /* one media transport of one seat */
ID_TYPE(track_id); /* one incoming media track */
ID_TYPE(feed_id);  /* one outgoing copy of a track to one peer */
#endif
