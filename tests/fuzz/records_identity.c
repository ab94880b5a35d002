/* Identity numbers, phones and dates as a person, a card reader or another system may send them. */
#include "records/patient/identity.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1)
        return 0;
    char *text = malloc(size);
    memcpy(text, data + 1, size - 1);
    text[size - 1] = 0;
    struct identity id;
    const char *reason = NULL;
    char out[IDENTITY_NUMBER_BYTES], phone[24], age[32];
    int y, m, d;
    if (identity_check(data[0] % (IDENTITY_OTHER + 1), text, "2026-11-24", &id, &reason) == 0) {
        identity_mask(id.number, out);
        if (strlen(out) != strlen(id.number))
            abort();
        if (id.birth_date[0] && date_parse(id.birth_date, &y, &m, &d))
            abort();
    } else if (!reason)
        abort();
    if (identity_card_normalise(text, out) == 0 && strlen(out) != 18)
        abort();
    if (phone_normalise(text, phone) == 0)
        phone_mask(phone, phone);
    age_text(text, "2026-11-24", data[0] & 1, age);
    free(text);
    return 0;
}
