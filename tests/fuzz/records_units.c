/* Units and values of results as any laboratory may send them. */
#include "records/quality/clean.h"
#include "records/quality/units.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct unit_substance glucose = {180.156, 1};
    char tidy[UNIT_BYTES], sign[4], *text = malloc(size + 1);
    struct unit u, to;
    double v;
    memcpy(text, data, size);
    text[size] = 0;
    unit_tidy(text, tidy);
    if (unit_parse(text, &u) && !(u.factor > 0))
        abort();
    if (unit_parse(tidy, &u) && unit_parse("mmol/L", &to) && unit_factor(&u, &to, &glucose) < 0)
        abort();
    if (clean_number(text, &v, sign) && !isfinite(v))
        abort();
    free(text);
    return 0;
}
