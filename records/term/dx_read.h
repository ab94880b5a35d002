/* dx_read - inside the diagnosis normal form: frames that fill while the words are read. */
#ifndef YL_RECORDS_TERM_DX_READ_H
#define YL_RECORDS_TERM_DX_READ_H

#include "records/term/dx_lexicon.h"

enum { PLACES_MAX = 3, LATER_MAX = 6, VERTEBRAE_MAX = 4 };

/* What was said of the place before its head came, or of the frame it was given to. */
struct attrs {
    uint16_t organ;      /* DX_NONE */
    int16_t organ_at;    /* token, -1 */
    int16_t places[PLACES_MAX]; /* tokens of parts, lobes, regions */
    size_t n_places;
    const struct lexeme *side, *type;
    int16_t side_at, type_at; /* tokens, -1 */
    int16_t teeth;            /* token, -1 */
    int16_t vertebrae[VERTEBRAE_MAX];
    size_t n_vertebrae;
};

enum kind { KIND_TUMOUR, KIND_DISEASE };

struct frame {
    enum kind kind;
    struct attrs a;
    const char *name;    /* a disease's; NULL for a tumour */
    char icd[4];
    const char *rule;    /* how the diagnosis was found */
    const char *path;
    uint16_t path_flags, path_from, path_to, path_organ;
    bool cancer_word;
    uint8_t number[4];   /* stage */
    const char *stage;
    bool stage_by_number;
    const char *mods[DX_LIST_MAX], *metas[DX_LIST_MAX];
    size_t n_mods, n_metas;
    bool suspected, denied, family;
    bool past;              /* said to be the patient's history */
    bool shares;            /* its head is that of the next one: 肾盂 of 肾盂、输尿管癌 */
    bool linked_or, linked; /* to the frame before: by 或 及 和; by any list sign */
    uint16_t from, to;      /* characters of the head */
    uint16_t strong, comma, chunk;
};

struct reader {
    const struct dx *d;
    const struct dx_chars *t;
    const char *line;
    struct dx_token *k;
    size_t n;
    struct dx_result *out;
    struct frame frames[DX_DIAGNOSES_MAX];
    size_t n_frames;
    struct attrs pending;
    struct { /* said before its head */
        const char *mods[LATER_MAX], *metas[LATER_MAX], *stage;
        size_t n_mods, n_metas;
        bool by_number, secondary;
    } later;
    bool suspect, deny, deny_on, family; /* scopes: what comes is suspected, denied (deny_on: past commas), a relative's */
    bool link, link_or;
    bool none;    /* a spread was denied: what is listed with it is denied too (未见转移及复发) */
    bool trauma;  /* a cause is said: what follows came of it */
    bool reached; /* places that follow are those it has grown into */
    uint16_t deny_comma;   /* where the denial was said */
    size_t suspect_frames; /* how many frames there were when the doubt was said */
    uint16_t strong, comma, chunk;
    struct {
        size_t token;
        const char *name;
        char icd[4];
        const char *rule;
    } made[DX_DIAGNOSES_MAX]; /* diseases the lexicon lacks */
    size_t n_made;
};

/* Per mille of common character pairs: a name is as good as the list's; more words before a known disease make it another; the same
 * though of another category; the very name. */
enum { DX_LIKE_ENOUGH = 600, DX_LIKE_LONGER = 750, DX_LIKE_ALIKE = 900, DX_LIKE_SURE = 999 };

/* ---- dx_frame.c ---- */
extern const struct attrs dx_no_attrs;
bool dx_has_attrs(const struct attrs *a);
/* Do both speak of one thing? */
bool dx_attrs_fit(const struct reader *r, const struct attrs *a, const struct attrs *b);
/* What `to` lacks it takes from `from`. */
void dx_attrs_merge(const struct reader *r, struct attrs *to, const struct attrs *from);
/* Token i is a place, side or type: it waits for its head. */
void dx_add_attr(struct reader *r, size_t i);
void dx_forget(struct reader *r);
/* Words of place that found no head of their own go to the head before them, or, with `drop`, nowhere. */
void dx_settle(struct reader *r, bool drop);
struct frame *dx_current(struct reader *r);
struct frame *dx_last_tumour(struct reader *r);
bool dx_is_head(enum dx_class cls);
bool dx_ends_chunk(enum dx_class cls);
/* Is there a head behind token i before its chunk ends? `wide`: past a colon too. */
bool dx_head_ahead(const struct reader *r, size_t i);
bool dx_head_close_ahead(struct reader *r, size_t i);
bool dx_head_ahead_wide(const struct reader *r, size_t i);
/* What was said before its head goes to the frame. */
void dx_take_later(struct reader *r, struct frame *f);
/* A frame headed by token i, with all that waited for it; NULL when there are too many. */
struct frame *dx_new_frame(struct reader *r, enum kind kind, size_t i);
void dx_add_mod(struct frame *f, const char *value);

/* ---- dx_tumour.c: token i is a head of its kind ---- */
void dx_read_tumour(struct reader *r, size_t i);
void dx_spread_category(const char *site, char icd[4]);

/* ---- dx_injury.c ---- */
/* The region an injury is of, among what waits for its head: the last one said, or that of a vertebra; NULL. */
const struct lexeme *dx_limb_of(const struct reader *r);
/* A region in parentheses behind the ending at token i is read as if it stood before. */
void dx_limb_behind(struct reader *r, size_t i);
/* The disease of the part of the spine that the vertebra before token i tells, or NULL. */
const struct lexeme *dx_spine_disease(struct reader *r, size_t i);
/* The ending at token i, of this kind of injury, of that region. */
void dx_read_injury(struct reader *r, size_t i, const struct lexeme *kind, const struct lexeme *limb);

/* ---- dx_teeth.c ---- */
/* Names what a tooth said before leaves out: 36缺失 is 牙缺失. */
void dx_name_teeth(struct reader *r);
bool dx_is_dental(const struct frame *f);
const char *dx_teeth_text(struct reader *r, size_t token);

/* ---- dx_behind.c ---- */
/* Reads, before all else, causes, parts in brackets and origins of a spread. */
void dx_read_behind(struct reader *r);
/* A complaint with its duration, before the disease it led to, is not a disease beside it. */
void dx_complaints(struct reader *r);
/* Is the injury at token i, of no place said, the cause of others? */
bool dx_is_cause(const struct reader *r, size_t i);

/* ---- dx_heads.c ---- */
void dx_read_head(struct reader *r, size_t i);
void dx_read_disease(struct reader *r, size_t i);
/* Gives the disease its normal name and category. */
void dx_lookup(struct reader *r, struct frame *f, const char *name);
/* A complication takes the category of its disease's kind. */
void dx_join_complication(struct reader *r, struct frame *f);

/* ---- dx_around.c: token i says something about a head ---- */
void dx_read_stage(struct reader *r, size_t i);
void dx_read_mod(struct reader *r, size_t i);
void dx_read_spread(struct reader *r, size_t i);
/* A spread whose cancer the line does not name is a disease of its own. */
void dx_spread_alone(struct reader *r, size_t i, const char *site);
void dx_read_form(struct reader *r, size_t i);
void dx_read_certainty(struct reader *r, size_t i);

/* ---- dx_name.c ---- */
/* Makes diseases of words the lexicon lacks that are like a name of the list by `enough` per mille; 0 takes any words. */
void dx_name_unknown(struct reader *r, unsigned enough);

/* ---- dx_text.c: values ---- */
/* A copy in the result's memory; "" when that is full. */
const char *dx_keep(struct dx_result *out, const char *format, ...) YL_PRINTF(2, 3);
/* The line's own words, characters from..to, in simplified characters. */
const char *dx_slice(struct reader *r, size_t from, size_t to);
void dx_explain(struct reader *r, size_t frame, enum dx_slot slot, const char *rule, const char *value, size_t from, size_t to);
const char *dx_stage_text(struct dx_result *out, const uint8_t number[4]);
const char *dx_tnm_text(struct reader *r, const struct dx_token *k);
/* Where it has spread, read from tokens first..last of one site. */
const char *dx_site_text(struct reader *r, size_t first, size_t last, bool seeded, bool nodes_follow);
/* Fills the diagnosis from the frame. */
void dx_finish(struct reader *r, size_t frame, struct dx_diagnosis *out);
/* The organ a frame or the pending words speak of, DX_NONE. */
uint16_t dx_organ_of(const struct dx *d, const struct dx_token *k, const struct attrs *a);

/* The same of a frame, its pathology's organ counted: 甲状腺乳头状癌（右叶） is no lobe of the liver. */
uint16_t dx_frame_organ(const struct reader *r, const struct frame *f);

/* ---- dx_listed.c: organs listed before one head ---- */
/* The organ waiting before the list sign at token i has its head further on: it gets a frame of its own. */
void dx_listed_organ(struct reader *r, size_t i);
/* Does the list sign at token i stand between two parts of one organ, both said behind its name: 肝癌（左外叶及右前叶）? */
bool dx_listed_place(const struct reader *r, size_t i);
/* What is said of the last of the list is said of all. */
void dx_listed_share(struct reader *r);

/* ---- dx_spread.c: metastases ---- */
/* Marks the words that say where it has spread, before the rest is read. */
void dx_spread_mark(struct reader *r);
/* Reads the metastasis word at token i: its sites as values, at most `cap`; *denied when it says there is none. */
size_t dx_spread_sites(struct reader *r, size_t i, const char **values, size_t cap, bool *denied);
#endif
