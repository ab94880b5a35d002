/* identity - what an identity document number says and whether it can be true. Pure; any thread.
 *
 * Resident identity number: GB 11643-1999. 18 digits: 6 area (GB/T 2260), 8 birth date, 3 sequence (odd = male), 1 check
 * character by ISO 7064 MOD 11-2 (10 is written X). The 15-digit form of before 1999 has a two-digit year of the 1900s and no
 * check; it is normalised to 18 digits, so that both forms of one person meet in the blind index.
 * Area codes beginning with 99 belong to nobody (demonstration data); foreigners' permanent residence cards (2023 form) begin
 * with 9, a province code and the numeric country code, and follow the same check.
 */
#ifndef YL_RECORDS_PATIENT_IDENTITY_H
#define YL_RECORDS_PATIENT_IDENTITY_H

#include "server/base/err.h"
#include <stddef.h>
#include <stdint.h>

#define IDENTITY_NUMBER_BYTES 33 /* longest normalised number of any type, with NUL */

enum identity_type {
    IDENTITY_NONE,          /* no document: temporary or unidentified patient, newborn */
    IDENTITY_CARD,          /* 居民身份证 */
    IDENTITY_PASSPORT,      /* 护照 */
    IDENTITY_HK_MACAO,      /* 港澳居民来往内地通行证 */
    IDENTITY_TAIWAN,        /* 台湾居民来往大陆通行证 */
    IDENTITY_RESIDENCE,     /* 外国人永久居留身份证 */
    IDENTITY_MILITARY,      /* 军官证 */
    IDENTITY_BIRTH,         /* 出生医学证明 */
    IDENTITY_HOUSEHOLD,     /* 户口簿 */
    IDENTITY_OTHER
};
/* "id_card" ... the words of the interface, in the order of the enum, joined by '|' for a choice field. */
#define IDENTITY_CHOICES                                                                                          \
    "none|id_card|passport|hk_macao_permit|taiwan_permit|residence_card|military|birth_certificate|household|other"
const char *identity_type_word(enum identity_type type);
enum identity_type identity_type_parse(const char *word); /* IDENTITY_NONE for NULL, IDENTITY_OTHER for an unknown word */

enum identity_area { AREA_NOT_SAID, AREA_PLAUSIBLE, AREA_TEST };

struct identity {
    char number[IDENTITY_NUMBER_BYTES]; /* normalised: half-width, upper case, no blanks, 15 digits made 18 */
    char birth_date[11];                /* "YYYY-MM-DD" or "" when the number does not say */
    char sex;                           /* 'm', 'f' or 0 when the number does not say */
    enum identity_area area;
};

/* Checks `text` as a number of `type` on the given day ("YYYY-MM-DD", for "born in the future"). 0 and *out, or ERR_INVALID
 * with *reason one of: required, not_expected, wrong_length, wrong_characters, wrong_check_digit, wrong_date, wrong_area,
 * placeholder. `reason` is a static string. */
YL_CHECKED int identity_check(enum identity_type type, const char *text, const char *today, struct identity *out,
                              const char **reason);
/* The number when `text` can be a resident identity number whatever the typing (search box); else ERR_INVALID. */
YL_CHECKED int identity_card_normalise(const char *text, char out[IDENTITY_NUMBER_BYTES]);
/* The ISO 7064 MOD 11-2 character for 17 digits. */
char identity_check_character(const char *digits17);

/* Masked for the screen: first 6 and last 4 of an 18-digit number, else all but the last 4 (at least half) hidden. */
void identity_mask(const char *number, char out[IDENTITY_NUMBER_BYTES]);

/* ---- dates and ages ---- */
int date_parse(const char *text, int *year, int *month, int *day); /* 0 or ERR_INVALID; real calendar dates 1800..2199 */
int64_t date_days(int year, int month, int day);                  /* days since 1970-01-01 */
/* The date of an instant in the zone `zone_min` minutes east of UTC. */
void date_of_ms(int64_t ms, int zone_min, char out[11]);
/* Age as a paediatrician writes it: "3天" under 28 days, "5月12天" under one year, "2岁3月" under six years, else "45岁";
 * English "3 d", "5 mo 12 d", "2 y 3 mo", "45 y". "" when birth is unknown or after today. */
void age_text(const char *birth_date, const char *today, int english, char out[32]);

/* Mobile or land-line number in one form: digits only, +86/0086 dropped, full-width folded. ERR_INVALID when it has fewer than 5
 * or more than 20 digits or other characters than digits, blank, '-', '(', ')', '+'. */
YL_CHECKED int phone_normalise(const char *text, char out[24]);
void phone_mask(const char *phone, char out[24]); /* 138****1234; short numbers keep the last two */
#endif
