/* The first bytes of whatever a person uploads, and the name it comes with. */
#include "records/document/detect.h"
#include "records/document/document_row.h"
#include "records/document/study_uid.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct file_type *t = file_type_detect(data, size, size);
    /* nothing that a browser could run is ever shown in the page */
    if (t->safe && size > 4 && (memcmp(data, "<htm", 4) == 0 || memcmp(data, "<svg", 4) == 0))
        abort();
    char uid[STUDY_UID_BYTES];
    if (study_uid_of(data, size, uid) && strspn(uid, "0123456789.") != strlen(uid))
        abort();
    char *name = malloc(size + 1), out[256];
    memcpy(name, data, size);
    name[size] = 0;
    document_name_clean(name, out);
    if (!out[0] || strlen(out) >= sizeof out || strpbrk(out, "/\\\r\n\"<>") || out[0] == '.')
        abort();
    free(name);
    return 0;
}
