#include "media/transport/ice.h"

/* A nomination with a lower priority takes over only when the present address has been quiet this long: Chromium nominates
 * every pair of a lite peer and would make us flap otherwise. */
#define QUIET_US 1500000

void ice_init(struct ice *ice, const struct ice_credentials *local, int64_t now_us)
{
    memset(ice, 0, sizeof *ice);
    ice->local = *local;
    ice->heard_us = now_us;
}

void ice_restart(struct ice *ice, const struct ice_credentials *local)
{
    if (strcmp(ice->local.ufrag, local->ufrag) == 0) return;
    ice->former = ice->local;
    ice->has_former = true;
    ice->local = *local;
    ice->selected_priority = 0; /* any nomination under the new credentials wins */
}

static bool username_is(const struct stun_message *m, const char *ufrag)
{
    size_t n = strlen(ufrag);
    return m->username_len > n && memcmp(m->username, ufrag, n) == 0 && m->username[n] == ':';
}

bool ice_accepts(const struct ice *ice, const struct stun_message *m)
{
    return username_is(m, ice->local.ufrag) || (ice->has_former && username_is(m, ice->former.ufrag));
}

static void select_tuple(struct ice *ice, const struct address *from, uint32_t priority, struct ice_result *r)
{
    if (!ice->has_selected || !address_equal(&ice->selected, from)) r->selected_changed = true;
    ice->has_selected = true;
    ice->selected = *from;
    ice->selected_priority = priority;
}

static size_t remember(struct ice *ice, const struct address *from, struct ice_result *r)
{
    for (size_t i = 0; i < ice->n_tuples; i++)
        if (address_equal(&ice->tuples[i].address, from)) return i;
    size_t at = ice->n_tuples;
    if (at < ICE_TUPLES_MAX) {
        ice->n_tuples++;
    } else { /* the one not heard for longest makes room, never the selected one */
        at = address_equal(&ice->tuples[0].address, &ice->selected) ? 1 : 0;
        for (size_t i = 0; i < ice->n_tuples; i++)
            if (ice->tuples[i].heard_us < ice->tuples[at].heard_us &&
                !address_equal(&ice->tuples[i].address, &ice->selected))
                at = i;
        r->dropped_tuple = true;
        r->dropped = ice->tuples[at].address;
    }
    ice->tuples[at].address = *from;
    r->new_tuple = true;
    return at;
}

static size_t refuse(const struct stun_message *m, const char *password, unsigned code, const char *reason,
                     uint8_t reply[ICE_REPLY_BYTES])
{
    struct stun_builder b;
    stun_begin(&b, reply, ICE_REPLY_BYTES, STUN_BINDING_ERROR, m->transaction);
    stun_add_error(&b, code, reason);
    if (code == 420) {
        uint8_t list[16];
        for (size_t i = 0; i < m->n_unknown; i++) {
            list[2 * i] = (uint8_t)(m->unknown[i] >> 8);
            list[2 * i + 1] = (uint8_t)m->unknown[i];
        }
        stun_add(&b, STUN_UNKNOWN_ATTRIBUTES, list, m->n_unknown * 2);
    }
    return stun_end(&b, password);
}

int ice_input(struct ice *ice, const struct stun_message *m, const struct address *from, int64_t now_us,
              uint8_t reply[ICE_REPLY_BYTES], struct ice_result *result)
{
    memset(result, 0, sizeof *result);
    if (m->type != STUN_BINDING_REQUEST) return 0; /* a lite agent asks nothing, so no answer can be ours */
    bool current = username_is(m, ice->local.ufrag);
    const char *password = current ? ice->local.password : ice->former.password;
    if (!ice_accepts(ice, m) || !stun_authentic(m, password)) return ERR_UNAUTHENTICATED;
    if (m->n_unknown) {
        result->reply_len = refuse(m, password, 420, "Unknown Attribute", reply);
        return 0;
    }
    if (m->controlled) { /* RFC 8445 7.3.1.1: a lite agent is never controlling */
        result->reply_len = refuse(m, password, 487, "Role Conflict", reply);
        return 0;
    }
    if (current) ice->has_former = false;
    size_t at = remember(ice, from, result);
    ice->tuples[at].priority = m->priority;
    ice->tuples[at].heard_us = ice->heard_us = now_us;
    bool same = ice->has_selected && address_equal(from, &ice->selected);
    bool quiet = now_us - ice->selected_heard_us > QUIET_US;
    if (same || !ice->has_selected || (m->use_candidate && (m->priority > ice->selected_priority || quiet))) {
        select_tuple(ice, from, m->priority, result);
        ice->selected_heard_us = now_us;
    }
    struct stun_builder b;
    stun_begin(&b, reply, ICE_REPLY_BYTES, STUN_BINDING_SUCCESS, m->transaction);
    stun_add_mapped(&b, from);
    result->reply_len = stun_end(&b, password);
    return 0;
}

bool ice_answered(struct ice *ice, const struct address *from, int64_t now_us)
{
    struct ice_result r = {0};
    bool same = ice->has_selected && address_equal(from, &ice->selected);
    ice->tuples[remember(ice, from, &r)].heard_us = ice->heard_us = now_us;
    if (same || !ice->has_selected || now_us - ice->selected_heard_us > QUIET_US) {
        select_tuple(ice, from, 1, &r);
        ice->selected_heard_us = now_us;
    }
    return r.selected_changed;
}

bool ice_heard(struct ice *ice, const struct address *from, int64_t now_us)
{
    ice->heard_us = now_us;
    if (ice->has_selected && address_equal(&ice->selected, from)) {
        ice->selected_heard_us = now_us;
        return false;
    }
    /* The peer sends media on another proved pair: it has moved there, so answer there (it may be quicker to switch its
     * media than its nomination). A short quiet time keeps reordered packets of the old path from pulling us back. */
    if (now_us - ice->selected_heard_us < 200000) return false;
    for (size_t i = 0; i < ice->n_tuples; i++)
        if (address_equal(&ice->tuples[i].address, from)) {
            struct ice_result r = {0};
            select_tuple(ice, from, ice->tuples[i].priority, &r);
            ice->selected_heard_us = now_us;
            return r.selected_changed;
        }
    return false;
}
