/* shelf - what a programme holds no longer in memory: one nameless file each, written and read by a thread of its own.
 *
 * The files have no name in the folder, so nothing of a lecture is left when the process ends, however it ends. Event thread, but the
 * shelf's own thread; jobs of one file are carried out in order.
 * Closing: net_shut -> shelf_close (what waits is carried out, its answers are posted) -> net_free.
 */
#ifndef YL_SERVER_LIVE_SHELF_H
#define YL_SERVER_LIVE_SHELF_H

#include "server/base/fault.h"
#include "server/base/share.h"
#include "server/net/net.h"

struct shelf;
struct shelf_file;
YL_CHECKED int shelf_open(struct shelf **out, struct net *net, const char *dir, struct fault *f);
void shelf_close(struct shelf *s);

struct shelf_file *shelf_file_new(struct shelf *s); /* NULL = out of memory */
void shelf_file_free(struct shelf_file *f);         /* after what waits */
/* False: the queue is full or the disk refused before; then the bytes are on no shelf. Holds a reference until it is written. */
bool shelf_write(struct shelf_file *f, uint64_t offset, struct share *bytes);
/* done gets the bytes (borrowed; NULL: they could not be read) on the event thread, once, also when this returns ERR_UNAVAILABLE: then at once. */
typedef void (*shelf_done)(void *ctx, struct share *bytes);
void shelf_read(struct shelf_file *f, uint64_t offset, size_t len, shelf_done done, void *ctx);
#endif
