/* kin - the Patients of the store who are one person of the index, and Patient.link to say so (http://hl7.org/fhir/R4/patient.html#links).
 *
 * Who reads one of them is told whom the index takes him for: `refer` to the person (mpi-), `seealso` to the other Patients - of those of his own institution, and of those whose records are open to
 * him (records/patient/sharing.h): that somebody was a patient elsewhere is his affair. Who speaks for no institution knows of all. A tie that is in doubt is none. The links are made for the one who
 * reads, in a read and in $everything; they are marked (element id "index-..") and never stored: one that comes back in a write is left out.
 */
#ifndef YL_RECORDS_FHIR_KIN_H
#define YL_RECORDS_FHIR_KIN_H

#include "records/fhir/own.h"

#define KIN_MAX 32

struct kin {
    int64_t pkey;
    uint64_t patient; /* his record in the index */
    char name[FHIR_ID_BYTES];
};
/* Those of a person whom the reader may know of, by their keys; how many. Errors are the transaction's. */
size_t kin_of_person(struct own *o, uint64_t person, struct kin out[KIN_MAX]);
/* Adds to a person's likeness. */
void kin_link_person(struct own *o, uint64_t person, json_t *patient);
/* Writes the links into the body of a Patient of the store; *linked: he is somebody of the index. */
YL_CHECKED int kin_link(struct fhir_work *w, struct tx *tx, struct fhir_row *row, bool *linked);
/* Takes out of a Patient who is about to be stored what kin_link put into him. */
void kin_strip(struct r4_node *patient);
#endif
