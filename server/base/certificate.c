#include "server/base/certificate.h"
#include "server/base/crypto.h"
#include <errno.h>
#include <mbedtls/pk.h>
#include <mbedtls/x509_crt.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static int readable(const char *option, const char *path, struct fault *f)
{
    if (access(path, R_OK) == 0)
        return 0;
    return fault_set(f, ERR_NOT_FOUND, "certificate", "%s: %.150s: %s.", option, path, strerror(errno));
}

int certificate_check(const char *certificate, const char *key, struct fault *f)
{
    mbedtls_x509_crt chain;
    mbedtls_pk_context pk;
    mbedtls_x509_crt_init(&chain);
    mbedtls_pk_init(&pk);
    int rc = readable("tls.certificate", certificate, f);
    rc = rc ? rc : readable("tls.key", key, f);
    if (rc)
        goto out;
    rc = ERR_INVALID;
    if (mbedtls_x509_crt_parse_file(&chain, certificate) != 0)
        fault_set(f, rc, "certificate", "tls.certificate: %.150s is not a PEM certificate.", certificate);
    else if (mbedtls_pk_parse_keyfile(&pk, key, NULL) != 0)
        fault_set(f, rc, "certificate", "tls.key: %.150s is not a PEM private key without a password.", key);
    else if (mbedtls_pk_check_pair(&chain.pk, &pk) != 0)
        fault_set(f, rc, "certificate", "tls.key: %.150s does not belong to the certificate.", key);
    else
        rc = 0;
out:
    mbedtls_pk_free(&pk);
    mbedtls_x509_crt_free(&chain);
    return rc;
}

int certificate_ends(const char *certificate, int64_t *ends_ms)
{
    mbedtls_x509_crt chain;
    mbedtls_x509_crt_init(&chain);
    int rc = access(certificate, R_OK) ? ERR_NOT_FOUND : mbedtls_x509_crt_parse_file(&chain, certificate) ? ERR_INVALID : 0;
    if (rc == 0) {
        const mbedtls_x509_time *t = &chain.valid_to;
        struct tm tm = {.tm_year = t->year - 1900, .tm_mon = t->mon - 1, .tm_mday = t->day, .tm_hour = t->hour, .tm_min = t->min, .tm_sec = t->sec};
        *ends_ms = (int64_t)timegm(&tm) * 1000;
    }
    mbedtls_x509_crt_free(&chain);
    return rc;
}
