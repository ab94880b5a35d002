/* Units as any FHIR client may send them: not read, or with a size that a double holds; what it is does not hang on an annotation, and it is like itself. */
#include "records/r4/ucum.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct r4_ucum u, again;
    char *text = malloc(size + 5); /* exactly as long as it is: reading on is seen */
    memcpy(text, data, size);
    bool unit = r4_ucum_parse((struct r4_str){text, size}, &u);
    if (unit && (!isfinite(u.factor) || !(u.factor > 0) || !isfinite(u.zero) || !r4_ucum_alike(&u, &u)))
        abort();
    if (unit && size && size < 90 && !memchr(text, '{', size)) {
        memcpy(text + size, ".{x}", 4);
        if (u.zero == 0 && (!r4_ucum_parse((struct r4_str){text, size + 4}, &again) || !r4_ucum_alike(&u, &again) || again.factor != u.factor))
            abort();
    }
    free(text);
    return 0;
}
