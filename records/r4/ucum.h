/* ucum - how large a unit of measure is (UCUM, http://unitsofmeasure.org): what can be compared with what.
 *
 * Hides: the table of units and prefixes, the reading of terms such as mg/dL, 10*3/uL, kg.m/s2. Units on a special scale (Cel, [pH]) compare only
 * with themselves.
 */
#ifndef YL_RECORDS_R4_UCUM_H
#define YL_RECORDS_R4_UCUM_H

#include "records/r4/json.h"

#define R4_UCUM_DIMENSIONS 10
struct r4_ucum {
    double factor;                        /* of one unit, in base units */
    int8_t dimension[R4_UCUM_DIMENSIONS]; /* exponents */
};
/* false: not a unit known here. "1" and "" are the number one. */
bool r4_ucum_parse(struct r4_str unit, struct r4_ucum *out);
bool r4_ucum_alike(const struct r4_ucum *a, const struct r4_ucum *b);
#endif
