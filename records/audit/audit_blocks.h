/* audit_blocks - where in the audit the lines of a time, an institution, a record and a machine's act lie: by blocks of lines that follow each other.
 *
 * A line is written for every read of health data, so it goes into few indexes: of whom of the people, of whose record people read, of which object. What else is asked for is
 * listed here behind the lines, in stretches of many blocks, sorted before they go into their tree: of each block when its first and last line were written, and which institutions, records that
 * machines read and acts of machines are in it. Who looks for one reads the blocks that have it and the newest lines, which no stretch has yet. The audit stays the truth, this is a
 * list made of it; it may be thrown away and is made again (audit_counted, id 2: up to which line).
 *
 * Threads: stretches on the background's, looking inside an operation.
 */
#ifndef YL_RECORDS_AUDIT_AUDIT_BLOCKS_H
#define YL_RECORDS_AUDIT_AUDIT_BLOCKS_H

#include "records/store/store.h"

struct records;

#define AUDIT_BLOCK 512              /* lines; the first one's number is 1, 513, .. */
#define AUDIT_STRETCH (64 * AUDIT_BLOCK) /* so many are listed at once: as many are the newest, which whoever looks reads one by one */

enum audit_block_kind {
    AUDIT_BLOCK_ORG = 1, /* key: institution somebody acted for */
    AUDIT_BLOCK_RECORD,  /* key: patient, or a key of the FHIR store, of a line that is no person's */
    AUDIT_BLOCK_ACT,     /* key: audit_block_act, of an act that is in no index (of_machines) */
};
bool audit_of_machines(const char *op); /* its lines are in no index by act: AUDIT_OF_PEOPLE says the same in SQL */
int64_t audit_block_act(const char *op);

/* The last line that is listed; 0 = none is. */
int64_t audit_blocks_listed(struct tx *tx);
/* Lines of the times [from, before) are among those of the numbers [*low, *high); as good as exact where the clock only went forward. */
void audit_blocks_window(struct tx *tx, int64_t from_ms, int64_t before_ms, int64_t *low, int64_t *high);

/* Lists one more stretch: 1, or 0 where there are not so many lines yet; < 0 = an error. Opens its own transactions, so that nobody waits long. */
int audit_blocks_list(struct store *s);
void audit_blocks_background(struct records *r);
#endif
