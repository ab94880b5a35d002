/* background - work that waits for the world and so runs in no operation: sending deliveries, making thumbnails, sweeping uploads.
 * Each is three steps: take what is due (short transaction), do it (none), record it (short transaction).
 */
#ifndef YL_RECORDS_BACKGROUND_H
#define YL_RECORDS_BACKGROUND_H

#include "records/parts.h"

/* One round, on a pool thread or, for stories, on the caller's; called by records_tick about once a second. It may take as long as
 * a batch of HTTP calls: never two at a time (a second call returns at once), never on the writer thread. */
void records_background(struct records *r);
#endif
