/* units - units of measure as UCUM writes them (https://ucum.org, version 2.1), as far as laboratories and vital signs need them: prefixes,
 * atoms, products, quotients, powers, 10*n, annotations; no parentheses. Also the ways hospitals write them (μmol/L, ×10^9/L, IU/L), which UCUM
 * does not know. Pure; any thread; reads outside bytes (tests/fuzz/records_units.c).
 */
#ifndef YL_RECORDS_QUALITY_UNITS_H
#define YL_RECORDS_QUALITY_UNITS_H

#include <stdbool.h>

#define UNIT_BYTES 64

/* gram, metre, second, mole, equivalent, enzyme or international unit, degree Celsius, pH, degree Fahrenheit */
enum unit_base { UNIT_G, UNIT_M, UNIT_S, UNIT_MOL, UNIT_EQ, UNIT_U, UNIT_CEL, UNIT_PH, UNIT_DEGF, UNIT_BASES };
struct unit {
    double factor; /* to the product of the bases */
    signed char power[UNIT_BASES];
};
/* False: not a unit this knows. */
bool unit_parse(const char *text, struct unit *out);
/* As UCUM would write what hospitals write: blanks, μ, ×, ^ and IU put right; `out` may be what `text` is when nothing is. */
void unit_tidy(const char *text, char out[UNIT_BYTES]);

struct unit_substance { /* what is measured; 0 = not known */
    double molar, charge; /* grams and equivalents of a mole */
};
/* 0 = one cannot be made of the other; else what to multiply by. Mass, amount and equivalents are made of each other when the substance is known. */
double unit_factor(const struct unit *from, const struct unit *to, const struct unit_substance *substance);
#endif
