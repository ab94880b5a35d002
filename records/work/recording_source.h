/* recording_source - one file of a recording (WebM, RFC 9559), read cluster by cluster in the order of its times. One thread at a time. */
#ifndef YL_RECORDS_WORK_RECORDING_SOURCE_H
#define YL_RECORDS_WORK_RECORDING_SOURCE_H

#include "records/document/blob.h"
#include "server/base/reel.h"

struct recording_source {
    struct blob *blob; /* the owner's to open and close */
    struct reel_source reel;
    int64_t begin_ms, length_ms; /* in the recording */
    uint64_t who;
    bool sound, screen;
    uint64_t next;                   /* where the next element begins */
    uint64_t cluster, cluster_bytes; /* content of the next cluster */
    int64_t time_ms;                 /* of the recording; INT64_MAX = no more */
    uint64_t tracks, tracks_bytes;   /* 0 = none came yet */
};

/* Goes to the first cluster; blob and begin_ms are set. */
void recording_source_begin(struct recording_source *s);
/* On to the next cluster; what is torn ends the file. */
void recording_source_next(struct recording_source *s);
#endif
