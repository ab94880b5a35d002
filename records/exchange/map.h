/* map - what of a message becomes what in the house: tables in config/exchange/NAME.json, compiled once, applied to any number of messages.
 *
 * A table says where a patient's members lie (paths of records/hl7, "a|b" = the first that is there, "a+b" = both with a blank between)
 * and has rules: for each segment of a name, in messages of some types, one clinical entry with its code, text, value, unit, time. A path of
 * another segment than the rule's own means the nearest one before it (an OBX's OBR). Codes: `systems` gives the name of a code system its
 * URI, `codes` a local code its standard one. The format in full: docs/protocol/hl7.md.
 *
 * Pure but for reading the file; read-only afterwards, any thread. Applying never fails half way: it gives all entries or a flaw that
 * names the place in the message.
 */
#ifndef YL_RECORDS_EXCHANGE_MAP_H
#define YL_RECORDS_EXCHANGE_MAP_H

#include "records/hl7/hl7.h"

struct exchange_map;
YL_CHECKED int exchange_map_open(struct exchange_map **out, const char *dir, const char *file, struct fault *f); /* faults name the member */
void exchange_map_close(struct exchange_map *map);
const char *exchange_map_name(const struct exchange_map *map);

/* What is wrong with a message, as HL7 tells it (table 0357) and as the dead letters list it. */
struct exchange_flaw {
    int code;           /* 101 required field missing, 204 unknown key identifier, ... */
    char reason[32];    /* a stable word: "required", "unknown_domain" */
    struct hl7_path at; /* segment "" = the message as a whole */
};
int exchange_flaw(struct exchange_flaw *flaw, int code, const char *reason, const char *path); /* -> ERR_INVALID */

enum exchange_member { /* of a patient */
    MEMBER_FAMILY, MEMBER_GIVEN, MEMBER_SEX, MEMBER_BIRTH, MEMBER_PHONE, MEMBER_ADDRESS, MEMBER_NATION, MEMBER_ID_NO, MEMBER_INSURANCE,
    MEMBER_MOTHER_NUMBER, MEMBER_VISIT, EXCHANGE_MEMBERS
};
/* One member as text; "" when the message does not say it. `sex` comes as male, female or unknown. */
size_t exchange_map_member(const struct exchange_map *map, struct hl7_message *m, enum exchange_member which, char *out, size_t cap);
/* What a CX type (table 0203) is to the house: an identity type ("id_card"), "insurance", or NULL: a number of the source. */
const char *exchange_map_number_type(const struct exchange_map *map, const char *type);

struct exchange_entry {
    const char *kind;      /* observation, order, diagnosis, ... ; of the table */
    const char *status;    /* of the table's statuses; NULL = raw_status stands for it */
    char code[64], system[96], standard_code[64], standard_system[96], unit[64], key[160], raw_status[24];
    char text[256], range[96], flag[24], who[128];
    char *value;           /* malloc'd, never NULL */
    int64_t t_ms;
    struct hl7_path at;    /* its segment */
};
struct exchange_entries {
    struct exchange_entry *items;
    size_t n, cap;
    bool ruled; /* some rule speaks of messages of this type */
};
/* 0 or ERR_INVALID with *flaw, ERR_UNAVAILABLE. `zone_min` for times without a zone. */
YL_CHECKED int exchange_map_apply(const struct exchange_map *map, struct hl7_message *m, int zone_min, struct exchange_entries *out,
                                  struct exchange_flaw *flaw);
void exchange_entries_fini(struct exchange_entries *e);
#endif
