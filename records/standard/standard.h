/* standard - what data are here (数据标准): the catalogue of data elements with where each stands, master data (主数据), vocabularies with their
 * editions. And whether our own forms keep to it (标准评测, functions.md 40). Nothing of a patient. */
#ifndef YL_RECORDS_STANDARD_STANDARD_H
#define YL_RECORDS_STANDARD_STANDARD_H

#include "records/ops/op.h"
#include "records/standard/elements.h"

extern const struct op standard_ops[]; /* standard.elements master vocabularies */
#endif
