/* doors - what one institution told by more than one door (HL7 v2 messages and FHIR, or two of its FHIR clients) stands on a timeline once.
 *
 * The same is what its source calls by the same number (a report's, a visit's); else the same item at the same minute with the same value and unit, and within a report that
 * both doors told, whatever the minute. Other institutions' entries are never the same, nor are two of one source: a value measured twice is two. Where the two differ - a
 * value corrected by one door alone - both stand. Pure: JSON alone; nothing in the store changes.
 */
#ifndef YL_RECORDS_PATIENT_DOORS_H
#define YL_RECORDS_PATIENT_DOORS_H

#include <jansson.h>

/* Entries of one person (timeline.h) on their way, with `from` (integer: whose; below nought of FHIR, else of messages; without it an entry stands for itself), `key` (integer: what a
 * message calls it), `keys` (what a message would), `clearance`. Of two the message's stays, with `also`: the names of the other sources; it takes from the other what it lacks, is
 * as sensitive as both together, and open as far as either. The other's parts become its parts. */
void doors_join(json_t *items);
#endif
