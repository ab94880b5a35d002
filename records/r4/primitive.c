#include "records/r4/date.h"
#include "records/r4/defs.h"
#include "records/r4/validate.h"
#include "records/r4/xhtml.h"
#include <stdlib.h>

static const char *const names[] = {"", "boolean", "integer", "decimal", "base64Binary", "instant", "string", "uri", "date", "dateTime", "time", "code",
                                    "oid", "id", "markdown", "unsignedInt", "positiveInt", "url", "canonical", "uuid", "xhtml"};

enum r4_primitive r4_primitive_of(const char *name)
{
    for (size_t i = 1; i < sizeof names / sizeof *names; i++)
        if (strcmp(names[i], name) == 0)
            return (enum r4_primitive)i;
    return R4_NOT_PRIMITIVE;
}

static bool blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == '\v';
}

static bool digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Whole numbers as written: no fraction, no exponent, no -0; 32 bits. */
static const char *whole(const struct r4_node *v, long long least, const char *why)
{
    if (v->kind != R4_NUMBER)
        return "must be a JSON number";
    if (v->len > 11 || (v->len > 1 && v->text[0] == '-' && v->text[1] == '0'))
        return "must be a whole number of 32 bits";
    long long value = 0;
    size_t i = v->text[0] == '-';
    for (; i < v->len; i++) {
        if (!digit(v->text[i]))
            return "must be a whole number of 32 bits";
        value = value * 10 + (v->text[i] - '0');
    }
    if (v->text[0] == '-')
        value = -value;
    if (value < -2147483648LL || value > 2147483647LL)
        return "must be a whole number of 32 bits";
    return value < least ? why : NULL;
}

static const char *base64(const struct r4_node *v)
{
    size_t n = 0, pads = 0;
    for (size_t i = 0; i < v->len; i++) {
        char c = v->text[i];
        if (blank(c))
            continue;
        bool ok = digit(c) || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '+' || c == '/' || c == '=';
        if (!ok || (pads && c != '='))
            return "must be base64";
        pads += c == '=';
        n++;
    }
    return n && n % 4 == 0 && pads <= 2 ? NULL : "must be base64 in groups of four";
}

static const char *no_blanks(const struct r4_node *v)
{
    if (!v->len)
        return "must not be empty";
    for (size_t i = 0; i < v->len; i++)
        if (blank(v->text[i]))
            return "must not contain white space";
    return NULL;
}

/* [^\s]+(\s[^\s]+)* */
static const char *code(const struct r4_node *v)
{
    if (!v->len)
        return "must not be empty";
    bool gap = true;
    for (size_t i = 0; i < v->len; i++) {
        bool b = blank(v->text[i]);
        if (b && gap)
            return "a code has no white space in front, behind, or twice in a row";
        gap = b;
    }
    return gap ? "a code has no white space in front, behind, or twice in a row" : NULL;
}

#define TEXT_MAX (1 << 20)

static const char *text(const struct r4_node *v)
{
    if (!v->len)
        return "must not be empty";
    if (v->len > TEXT_MAX)
        return "is longer than 1 MB";
    for (size_t i = 0; i < v->len; i++)
        if ((unsigned char)v->text[i] < 0x20 && v->text[i] != '\t' && v->text[i] != '\n' && v->text[i] != '\r')
            return "must not contain control characters";
    return NULL;
}

static const char *date_value(const struct r4_node *v, enum r4_primitive type)
{
    struct r4_moment m;
    if (!r4_moment_parse(v->text, v->len, &m))
        return type == R4_DATE       ? "must be a date: YYYY, YYYY-MM or YYYY-MM-DD"
               : type == R4_DATETIME ? "must be a date and time: YYYY, YYYY-MM, YYYY-MM-DD or YYYY-MM-DDThh:mm:ss+zz:zz"
                                     : "must be an instant: YYYY-MM-DDThh:mm:ss.sss+zz:zz";
    if (type == R4_DATE)
        return m.precision > R4_TO_DAY ? "must be a date without time" : NULL;
    if (type == R4_INSTANT && m.precision < R4_TO_SECOND)
        return "must be an instant: to the second and with a time zone";
    if (m.precision > R4_TO_DAY && (m.precision < R4_TO_SECOND || !m.zone))
        return "a time needs hours, minutes, seconds and a time zone";
    return NULL;
}

static const char *time_value(const struct r4_node *v)
{
    struct r4_moment m;
    return r4_time_parse(v->text, v->len, &m) && m.precision >= R4_TO_SECOND ? NULL : "must be a time: hh:mm:ss";
}

/* urn:oid:[0-2](\.(0|[1-9][0-9]*))+ */
static const char *oid(const struct r4_node *v)
{
    static const char why[] = "must be an OID: urn:oid:1.2.3";
    if (v->len < 11 || memcmp(v->text, "urn:oid:", 8) != 0 || v->text[8] < '0' || v->text[8] > '2')
        return why;
    size_t i = 9;
    while (i < v->len) {
        if (v->text[i++] != '.' || i >= v->len || !digit(v->text[i]))
            return why;
        bool zero = v->text[i++] == '0';
        while (i < v->len && digit(v->text[i]) && !zero)
            i++;
    }
    return NULL;
}

static const char *uuid(const struct r4_node *v)
{
    static const char why[] = "must be a UUID: urn:uuid:c757873d-ec9a-4326-a141-556f43239520";
    if (v->len != 45 || memcmp(v->text, "urn:uuid:", 9) != 0)
        return why;
    for (size_t i = 9; i < 45; i++) {
        bool dash = i == 17 || i == 22 || i == 27 || i == 32;
        char c = v->text[i];
        if (dash ? c != '-' : !(digit(c) || (c >= 'a' && c <= 'f')))
            return why;
    }
    return NULL;
}

bool r4_id_ok(const char *id, size_t n)
{
    if (n < 1 || n > 64)
        return false;
    for (size_t i = 0; i < n; i++)
        if (!(digit(id[i]) || (id[i] >= 'A' && id[i] <= 'Z') || (id[i] >= 'a' && id[i] <= 'z') || id[i] == '-' || id[i] == '.'))
            return false;
    return true;
}

const char *r4_primitive_check(enum r4_primitive type, const struct r4_node *v)
{
    switch (type) {
    case R4_BOOLEAN:
        return v->kind == R4_TRUE || v->kind == R4_FALSE ? NULL : "must be true or false";
    case R4_INTEGER:
        return whole(v, -2147483648LL, NULL);
    case R4_UNSIGNED:
        return whole(v, 0, "must not be negative");
    case R4_POSITIVE:
        return whole(v, 1, "must be at least 1");
    case R4_DECIMAL:
        return v->kind == R4_NUMBER ? NULL : "must be a JSON number";
    default:
        break;
    }
    if (v->kind != R4_STRING)
        return "must be a JSON string";
    switch (type) {
    case R4_BASE64:
        return base64(v);
    case R4_INSTANT:
    case R4_DATE:
    case R4_DATETIME:
        return date_value(v, type);
    case R4_TIME:
        return time_value(v);
    case R4_URI:
    case R4_URL:
    case R4_CANONICAL:
        return no_blanks(v);
    case R4_CODE:
        return code(v);
    case R4_OID:
        return oid(v);
    case R4_UUID:
        return uuid(v);
    case R4_ID:
        return r4_id_ok(v->text, v->len) ? NULL : "must be 1 to 64 letters, digits, '-' and '.'";
    case R4_XHTML:
        return v->len ? r4_xhtml_wrong(v->text, v->len) : NULL;
    default:
        return text(v);
    }
}

const char *r4_primitive_wrong(const char *type, const struct r4_node *value)
{
    enum r4_primitive p = r4_primitive_of(type);
    if (value->kind == R4_NULL) /* stands for no value, beside an extension */
        return p == R4_XHTML ? "must be a JSON string" : NULL;
    return p == R4_NOT_PRIMITIVE ? "no such primitive type" : r4_primitive_check(p, value);
}
