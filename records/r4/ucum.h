/* ucum - how large a unit of measure is (UCUM 2.1, https://ucum.org): what can be compared with what.
 *
 * Hides: the table of units and prefixes, the reading of terms such as mg/dL, 10*3/uL, kg.m/s2. Temperatures have a zero of their own; units of logarithms
 * ([pH], B) are not known here and compare only with themselves. Arbitrary units ([iU], [CFU]) are each a kind of their own; so is the equivalent, which is a mole
 * by UCUM's table and half a mole by a chemist's. No amount becomes a mass: that hangs on what is measured. Pure; any thread; reads outside bytes
 * (tests/fuzz/records_ucum.c).
 */
#ifndef YL_RECORDS_R4_UCUM_H
#define YL_RECORDS_R4_UCUM_H

#include "records/r4/json.h"

#define R4_UCUM_SYSTEM "http://unitsofmeasure.org"
#define R4_UCUM_DIMENSIONS 10
struct r4_ucum {
    double factor, zero;                  /* v of it are (v + zero) * factor base units */
    int8_t dimension[R4_UCUM_DIMENSIONS]; /* exponents */
    int8_t arbitrary;                     /* which of the arbitrary units it counts; 0 = none */
};
/* false: not a unit known here. "1" and "" are the number one. */
bool r4_ucum_parse(struct r4_str unit, struct r4_ucum *out);
bool r4_ucum_alike(const struct r4_ucum *a, const struct r4_ucum *b);
double r4_ucum_base(const struct r4_ucum *u, double value);
#endif
