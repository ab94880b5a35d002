/* date - FHIR's partial dates and times as numbers. Inside records/r4 (r4_date_interval and r4_instant are in search.h). */
#ifndef YL_RECORDS_R4_DATE_H
#define YL_RECORDS_R4_DATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum r4_precision { R4_TO_YEAR = 1, R4_TO_MONTH, R4_TO_DAY, R4_TO_HOUR, R4_TO_MINUTE, R4_TO_SECOND, R4_TO_MS };

struct r4_moment {
    int year, month, day, hour, minute, second, ms;
    int fraction_digits;
    enum r4_precision precision;
    bool zone;
    int offset_min; /* east of UTC */
};
/* YYYY[-MM[-DD[Thh[:mm[:ss[.f+]]][Z|+hh:mm]]]]; real days and hours only (24:00 is wrong, 60 is a leap second; year 0000 too). */
bool r4_moment_parse(const char *text, size_t n, struct r4_moment *out);
/* hh[:mm[:ss[.f+]]] */
bool r4_time_parse(const char *text, size_t n, struct r4_moment *out);
/* ms since 1970 of its beginning; the zone counts when it has one, else `zone_min`. */
int64_t r4_moment_ms(const struct r4_moment *m, int zone_min);
/* The same for the first ms behind it. */
int64_t r4_moment_end_ms(const struct r4_moment *m, int zone_min);
int r4_days_in(int year, int month);
int64_t r4_days_since_1970(int year, int month, int day);
void r4_civil(int64_t days, int *year, int *month, int *day);
/* As FHIR writes it, to its precision. Returns the length. */
size_t r4_moment_print(const struct r4_moment *m, bool time_only, char *out, size_t cap);
#endif
