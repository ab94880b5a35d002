/* page_cache - SQLite's own page cache, spared a walk over all its pages at every commit.
 *
 * Hides: at the end of a transaction SQLite asks its cache to drop what lies past the end of the file, and the cache looks through every page it holds whenever one
 * ever had a greater number. Splitting a tree's page calls one by the number of the lock page for a moment, which is greater than any; so nearly each commit walked
 * over the writer's 6,000 pages (30 to 50 us, as much as all else that is done once a commit). Here the greatest number is remembered without that one.
 */
#ifndef YL_RECORDS_STORE_PAGE_CACHE_H
#define YL_RECORDS_STORE_PAGE_CACHE_H

/* Before SQLite is used at all; where it cannot be had, SQLite's own cache stays. */
void page_cache_install(void);
#endif
