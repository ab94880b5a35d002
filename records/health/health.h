/* health - how the machine is that the site runs on: room on its disks and until when, the backup, the certificate, the database, the load. For the person who
 * looks after it, who may not see health data: nothing here is about a patient.
 *
 * Threads: health_tick by one background round at a time; the rest by any.
 */
#ifndef YL_RECORDS_HEALTH_HEALTH_H
#define YL_RECORDS_HEALTH_HEALTH_H

#include "records/ops/op.h"
#include "records/document/mirror.h"
#include "records/store/archive.h"
#include "records/store/store.h"

struct health;
struct health_config { /* copied */
    const char *data_dir, *record_dir, *archive_dir; /* NULL or "" = none */
    int archive_every_ms, archive_keep_days;
    int64_t archive_base_ms;
    const char *version, *certificate;
    int media_workers;
    const struct clock *clock;
    struct store *store;
    struct store_archive *archive; /* NULL = none */
    struct blob_mirror *mirror;    /* the same */
};
YL_CHECKED int health_open(struct health **out, const struct health_config *config, struct fault *f);
void health_close(struct health *h);
/* Looks at the disks; about once a second is often enough, it looks more seldom by itself. */
void health_tick(struct health *h);
/* So little room is left on the disk of the data folder that what takes much of it is refused, and the rest goes on: signing in, reading, opinions. */
bool health_is_full(const struct health *h);

#define HEALTH_RESERVE_BYTES (256ll << 20) /* ... less than this; on a small disk less than a fiftieth of it */

extern const struct op health_ops[]; /* machine.get */
#endif
