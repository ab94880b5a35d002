/* How a request ends: its body, or what went wrong as an OperationOutcome (http://hl7.org/fhir/R4/operationoutcome.html). */
#include "records/fhir/fhir_private.h"
#include <stdarg.h>
#include <stdio.h>

void fhir_answer_buf(struct fhir_work *w, int status, struct r4_buf *b)
{
    free(w->answer.body);
    w->answer.status = status;
    w->answer.content_type = FHIR_JSON;
    w->answer.body = b->p;
    w->answer.len = b->n;
    memset(b, 0, sizeof *b);
}

/* http://hl7.org/fhir/R4/valueset-issue-type.html */
static const char *issue_of(int code)
{
    switch (code) {
    case ERR_UNAUTHENTICATED: case ERR_SECOND_FACTOR: return "login";
    case ERR_DENIED: return "forbidden";
    case ERR_NOT_FOUND: return "not-found";
    case ERR_GONE: return "deleted";
    case ERR_METHOD: return "not-supported";
    case ERR_RATE: return "throttled";
    case ERR_UNAVAILABLE: return "transient";
    case ERR_MALFORMED: case ERR_MEDIA_TYPE: return "structure";
    case ERR_INVALID: return "invalid";
    case ERR_CONFLICT: case ERR_PRECONDITION_FAILED: return "conflict";
    case ERR_TOO_LARGE: return "too-costly";
    default: return "exception";
    }
}

static void outcome(struct fhir_work *w, int status, const char *issue, const char *text, const struct fault *fields)
{
    struct r4_buf b = {0};
    r4_buf_puts(&b, "{\"resourceType\":\"OperationOutcome\",\"issue\":[{\"severity\":\"error\",\"code\":");
    r4_buf_quote(&b, issue, strlen(issue));
    r4_buf_puts(&b, ",\"details\":{\"text\":");
    r4_buf_quote(&b, text, strlen(text));
    r4_buf_puts(&b, "}");
    for (size_t i = 0; fields && i < fields->n_fields; i++) {
        if (i) {
            r4_buf_puts(&b, "},{\"severity\":\"error\",\"code\":\"invalid\",\"details\":{\"text\":");
            r4_buf_quote(&b, fields->fields[i].reason, strlen(fields->fields[i].reason));
            r4_buf_puts(&b, "}");
        } else {
            r4_buf_puts(&b, ",\"diagnostics\":");
            r4_buf_quote(&b, fields->fields[i].reason, strlen(fields->fields[i].reason));
        }
        r4_buf_puts(&b, ",\"expression\":[");
        r4_buf_quote(&b, fields->fields[i].path, strlen(fields->fields[i].path));
        r4_buf_puts(&b, "]");
    }
    r4_buf_puts(&b, "}]}");
    fhir_answer_buf(w, status, &b);
    w->answer.etag[0] = w->answer.location[0] = 0;
}

void fhir_refuse(struct fhir_work *w, int code, const char *reason, const char *text)
{
    fault_set(&w->fault, code, reason, "%s", text);
    w->n_notes = 0;
    outcome(w, err_http(code), issue_of(code), text, NULL);
}

int fhir_fail(struct fhir_work *w, int code, const char *reason, const char *fmt, ...)
{
    char text[256];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    w->fault.code = code;
    snprintf(w->fault.reason, sizeof w->fault.reason, "%s", reason);
    w->n_notes = 0;
    outcome(w, code == ERR_INVALID ? 400 : err_http(code), issue_of(code), text, &w->fault);
    return code;
}

int fhir_fail_status(struct fhir_work *w, int status, const char *issue, const char *fmt, ...)
{
    char text[256];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    w->n_notes = 0;
    outcome(w, status, issue, text, NULL);
    return ERR_INVALID;
}

int fhir_fail_issues(struct fhir_work *w, int status, const struct r4_issues *issues)
{
    struct r4_buf b = {0};
    r4_outcome_write(&b, issues);
    fhir_answer_buf(w, status, &b);
    w->n_notes = 0;
    return ERR_INVALID;
}
