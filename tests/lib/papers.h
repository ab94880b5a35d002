/* papers - certificates made for one test: an authority, and servers' certificates of it with any name and any end. EC P-256. */
#ifndef YL_TESTS_LIB_PAPERS_H
#define YL_TESTS_LIB_PAPERS_H

#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

struct papers {
    X509 *certificate;
    EVP_PKEY *key;
};

static inline void papers_extend(X509 *c, int nid, const char *value)
{
    X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, NULL, nid, value);
    if (!e || X509_add_ext(c, e, -1) != 1) abort();
    X509_EXTENSION_free(e);
}

/* `of` NULL: an authority of this name. Else `name` is a subjectAltName ("IP:127.0.0.1"). Valid from `begins_s` to `ends_s` from now on. */
static inline struct papers papers_make(const struct papers *of, const char *name, long begins_s, long ends_s)
{
    static long serial;
    struct papers p = {X509_new(), EVP_EC_gen("P-256")};
    X509_NAME *n = X509_NAME_new();
    if (!p.certificate || !p.key || !n) abort();
    X509_NAME_add_entry_by_txt(n, "CN", MBSTRING_ASC, (const unsigned char *)(of ? "receiver" : name), -1, -1, 0);
    X509_set_version(p.certificate, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(p.certificate), ++serial);
    X509_gmtime_adj(X509_getm_notBefore(p.certificate), begins_s);
    X509_gmtime_adj(X509_getm_notAfter(p.certificate), ends_s);
    X509_set_subject_name(p.certificate, n);
    X509_set_issuer_name(p.certificate, of ? X509_get_subject_name(of->certificate) : n);
    X509_set_pubkey(p.certificate, p.key);
    papers_extend(p.certificate, NID_basic_constraints, of ? "CA:FALSE" : "critical,CA:TRUE");
    if (of) papers_extend(p.certificate, NID_subject_alt_name, name);
    if (!X509_sign(p.certificate, of ? of->key : p.key, EVP_sha256())) abort();
    X509_NAME_free(n);
    return p;
}

static inline void papers_free(struct papers *p)
{
    X509_free(p->certificate);
    EVP_PKEY_free(p->key);
}

static inline void papers_write(const struct papers *p, const char *path)
{
    FILE *f = fopen(path, "w");
    if (!f || PEM_write_X509(f, p->certificate) != 1 || fclose(f)) abort();
}

/* A server that shows these; `clients`: a PEM file, only those it vouches for are let in. NULL = everybody. */
static inline SSL_CTX *papers_server(const struct papers *p, const char *clients)
{
    SSL_CTX *c = SSL_CTX_new(TLS_server_method());
    if (!c || SSL_CTX_use_certificate(c, p->certificate) != 1 || SSL_CTX_use_PrivateKey(c, p->key) != 1) abort();
    if (clients && SSL_CTX_load_verify_locations(c, clients, NULL) != 1) abort();
    SSL_CTX_set_verify(c, clients ? SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT : SSL_VERIFY_NONE, NULL);
    return c;
}
#endif
