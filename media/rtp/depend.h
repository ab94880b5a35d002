/* depend - the dependency descriptor, an RTP header extension that says of any codec's frame which layers it is in and what it is to them:
 * "RTP Payload Format For AV1" of AOMedia, appendix A. Pure.
 *
 * A structure comes with keyframes and holds until the next: templates of frames, and the decode targets (sizes and frame rates that a
 * receiver may be sent). What each frame is to each target says where one may be switched to. Chains and differences of frame numbers are
 * passed over: loss is repaired or answered with a keyframe before this is read. */
#ifndef YL_MEDIA_RTP_DEPEND_H
#define YL_MEDIA_RTP_DEPEND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DEPEND_TEMPLATES 64
#define DEPEND_TARGETS 32
#define DEPEND_SIDS 3
#define DEPEND_TIDS 3

struct depend_structure {
    bool known;
    uint8_t offset, n_templates, n_targets, n_chains, spatial; /* spatial: layers in all */
    struct {
        uint8_t sid, tid;
        uint64_t indications; /* two bits a target */
    } templates[DEPEND_TEMPLATES];
    uint8_t target[DEPEND_SIDS][DEPEND_TIDS]; /* the richest that needs no more than these layers */
};

struct depend {
    bool starts, ends; /* first, last packet of the frame */
    uint8_t sid, tid;
    uint16_t number;   /* of the frame, all layers counted together */
    bool has_structure;
    bool has_active;
    uint32_t active; /* decode targets that are sent at all; bit 0 the first */
    uint16_t opens;  /* bit sid * 3 + tid: who is sent this frame can be sent everything up to these layers from here on */
};

/* A new structure replaces *s. False: malformed, or of a structure that has not come; *s is as it was, or forgotten. */
bool depend_read(struct depend_structure *s, const uint8_t *value, size_t len, struct depend *out);
#endif
