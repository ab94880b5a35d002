/* oversee - the answers of GET /rooms and GET /rooms/{room_id}: what is live is added by the desk, once the operation has let the asker in.
 *
 * A page asks every few seconds. Each asking goes through the operation, which checks the right and leaves a line in the audit, once a minute
 * for a session and a room; in between the former answer of the operation holds. Event thread.
 */
#ifndef YL_SERVER_API_OVERSEE_H
#define YL_SERVER_API_OVERSEE_H

#include "server/net/net.h"
#include <jansson.h>

struct desk;
struct oversee;
struct oversee *oversee_new(struct desk *desk); /* NULL = no memory */
void oversee_free(struct oversee *o);
bool oversee_serves(const char *op); /* is this an operation whose answer we complete? */
/* Answers at once when the same credential was let in to the same for less than a minute; false: ask the operation. */
bool oversee_again(struct oversee *o, struct net_request *r, const char *op, const json_t *args);
/* The operation let it in. */
void oversee_answer(struct oversee *o, struct net_request *r, const char *op, const json_t *result);
#endif
