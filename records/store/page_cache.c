/* The greatest number of a cached page (page_cache.h). https://www.sqlite.org/c3ref/pcache_methods2.html */
#include "records/store/page_cache.h"
#include <sqlite3.h>
#include <stdlib.h>

#define LOCK_BYTE 0x40000000 /* its page holds nothing (SQLite file format, 1.5) */

struct cache {
    sqlite3_pcache *own;
    unsigned greatest, lock_page;
};

static sqlite3_pcache_methods2 own;

static struct cache *cache_of(sqlite3_pcache *p)
{
    return (struct cache *)p;
}

static sqlite3_pcache *on_create(int page_bytes, int extra_bytes, int purgeable)
{
    struct cache *c = malloc(sizeof *c);
    if (!c)
        return NULL;
    *c = (struct cache){.own = own.xCreate(page_bytes, extra_bytes, purgeable), .lock_page = LOCK_BYTE / (unsigned)page_bytes + 1};
    if (c->own)
        return (sqlite3_pcache *)c;
    free(c);
    return NULL;
}

static void on_destroy(sqlite3_pcache *p)
{
    own.xDestroy(cache_of(p)->own);
    free(p);
}

static void note(struct cache *c, unsigned number)
{
    if (number > c->greatest && number != c->lock_page)
        c->greatest = number;
}

static sqlite3_pcache_page *on_fetch(sqlite3_pcache *p, unsigned number, int create)
{
    struct cache *c = cache_of(p);
    note(c, number);
    return own.xFetch(c->own, number, create);
}

static void on_rekey(sqlite3_pcache *p, sqlite3_pcache_page *page, unsigned from, unsigned to)
{
    struct cache *c = cache_of(p);
    note(c, to);
    own.xRekey(c->own, page, from, to);
}

static void on_truncate(sqlite3_pcache *p, unsigned limit)
{
    struct cache *c = cache_of(p);
    if (limit > c->greatest)
        return;
    c->greatest = limit ? limit - 1 : 0;
    own.xTruncate(c->own, limit);
}

static void on_size(sqlite3_pcache *p, int pages)
{
    own.xCachesize(cache_of(p)->own, pages);
}

static int on_count(sqlite3_pcache *p)
{
    return own.xPagecount(cache_of(p)->own);
}

static void on_unpin(sqlite3_pcache *p, sqlite3_pcache_page *page, int discard)
{
    own.xUnpin(cache_of(p)->own, page, discard);
}

static void on_shrink(sqlite3_pcache *p)
{
    own.xShrink(cache_of(p)->own);
}

void page_cache_install(void)
{
    if (sqlite3_config(SQLITE_CONFIG_GETPCACHE2, &own) != SQLITE_OK || own.iVersion != 1)
        return;
    sqlite3_pcache_methods2 ours = own;
    ours.xCreate = on_create;
    ours.xDestroy = on_destroy;
    ours.xFetch = on_fetch;
    ours.xRekey = on_rekey;
    ours.xTruncate = on_truncate;
    ours.xCachesize = on_size;
    ours.xPagecount = on_count;
    ours.xUnpin = on_unpin;
    ours.xShrink = on_shrink;
    sqlite3_config(SQLITE_CONFIG_PCACHE2, &ours);
}
