/* Search boxes: any bytes a person or a scanner types into the diagnosis search and the name index. */
#include "records/term/fold.h"
#include "records/term/icd10.h"
#include <stdlib.h>
#include <string.h>

#ifndef YL_SOURCE_DIR
#define YL_SOURCE_DIR "."
#endif

static struct pinyin *pinyin;
static struct icd10 *icd10;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *dir = getenv("YL_DATA") ? getenv("YL_DATA") : YL_SOURCE_DIR "/config/data";
    if (!icd10 && (pinyin_open(&pinyin, dir) || icd10_open(&icd10, dir, pinyin)))
        abort();
    if (size > 400)
        return 0;
    char text[401], folded[300], end[300];
    struct icd10_hit hits[ICD10_LIMIT_MAX];
    struct pinyin_name readings[2];
    memcpy(text, data, size);
    text[size] = 0;
    size_t n = icd10_search(icd10, text, ICD10_LIMIT_MAX, hits);
    if (n > ICD10_LIMIT_MAX)
        abort();
    pinyin_name(pinyin, text, readings);
    text_fold(text, strlen(text), folded, sizeof folded);
    text_prefix_end(folded, end, sizeof end);
    if (end[0] && strcmp(folded, end) >= 0)
        abort();
    return 0;
}
