/* Passwords: Argon2id (RFC 9106) in the text form of its reference implementation. */
#include "server/base/crypto.h"
#include <argon2.h>
#include <mbedtls/base64.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

/* RFC 9106's second recommendation (64 MiB) costs 150 ms here; 32 MiB, 2 passes stay near 50 ms, above OWASP's floor of 19 MiB. */
#define ARGON_PASSES 2
#define ARGON_KIB 32768
#define ARGON_KIB_MAX (1 << 20)
#define ARGON_SALT 16
#define ARGON_HASH 32
#define BYTES_MAX 64 /* of a salt or a hash that is read */

/* Fetched page by page, the memory of one hash can cost more than the hashing: eight thousand faults, dear in a virtual machine. */
static int fetch(uint8_t **memory, size_t len)
{
    void *p = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    *memory = p == MAP_FAILED ? NULL : p;
    if (!*memory)
        return ARGON2_MEMORY_ALLOCATION_ERROR;
    (void)madvise(p, len, MADV_HUGEPAGE); /* where the kernel has none, small ones serve */
    return ARGON2_OK;
}

static void give_back(uint8_t *memory, size_t len)
{
    munmap(memory, len);
}

static argon2_context context(const char *password, uint8_t *salt, size_t salt_len, uint8_t *hash, size_t hash_len)
{
    return (argon2_context){
        .out = hash,
        .outlen = (uint32_t)hash_len,
        .pwd = (uint8_t *)password, /* read only, as no flag asks to wipe it */
        .pwdlen = (uint32_t)strlen(password),
        .salt = salt,
        .saltlen = (uint32_t)salt_len,
        .t_cost = ARGON_PASSES,
        .m_cost = ARGON_KIB,
        .lanes = 1,
        .threads = 1,
        .version = ARGON2_VERSION_13,
        .allocate_cbk = fetch,
        .free_cbk = give_back,
    };
}

/* Base64 without padding, as that text form has it. */
static void put_base64(char *out, size_t cap, const uint8_t *data, size_t len)
{
    base64_encode(data, len, out, cap);
    out[strcspn(out, "=")] = '\0';
}

static size_t take_base64(const char *text, uint8_t out[BYTES_MAX])
{
    char padded[BYTES_MAX * 2];
    size_t len;
    snprintf(padded, sizeof padded, "%s%.*s", text, (int)((4 - strlen(text) % 4) % 4), "===");
    return mbedtls_base64_decode(out, BYTES_MAX, &len, (const unsigned char *)padded, strlen(padded)) ? 0 : len;
}

int crypto_password_hash(const char *password, char out[128])
{
    uint8_t salt[ARGON_SALT], hash[ARGON_HASH];
    char salt_text[ARGON_SALT * 2], hash_text[ARGON_HASH * 2];
    crypto_random(salt, sizeof salt);
    argon2_context c = context(password, salt, sizeof salt, hash, sizeof hash);
    if (argon2id_ctx(&c) != ARGON2_OK)
        return ERR_INTERNAL;
    put_base64(salt_text, sizeof salt_text, salt, sizeof salt);
    put_base64(hash_text, sizeof hash_text, hash, sizeof hash);
    snprintf(out, 128, "$argon2id$v=%d$m=%d,t=%d,p=1$%s$%s", ARGON2_VERSION_13, ARGON_KIB, ARGON_PASSES, salt_text, hash_text);
    return 0;
}

static bool matches(const char *encoded, const char *password)
{
    uint8_t salt[BYTES_MAX], hash[BYTES_MAX], computed[BYTES_MAX];
    char salt_text[BYTES_MAX + 1], hash_text[BYTES_MAX + 1];
    unsigned version, kib, passes, lanes;
    if (sscanf(encoded, "$argon2id$v=%u$m=%u,t=%u,p=%u$%64[^$]$%64[^$]", &version, &kib, &passes, &lanes, salt_text, hash_text) != 6 || kib > ARGON_KIB_MAX)
        return false;
    size_t salt_len = take_base64(salt_text, salt), hash_len = take_base64(hash_text, hash);
    argon2_context c = context(password, salt, salt_len, computed, hash_len);
    c.version = version;
    c.m_cost = kib;
    c.t_cost = passes;
    c.lanes = c.threads = lanes;
    return argon2id_ctx(&c) == ARGON2_OK && crypto_equal(computed, hash, hash_len);
}

int crypto_password_verify(const char *encoded, const char *password)
{
    if (encoded)
        return matches(encoded, password);
    uint8_t salt[ARGON_SALT] = "as long as any ", hash[ARGON_HASH];
    argon2_context c = context(password, salt, sizeof salt, hash, sizeof hash);
    (void)argon2id_ctx(&c); /* for the time it takes */
    return 0;
}
