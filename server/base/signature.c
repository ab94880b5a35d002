#include "server/base/signature.h"
#include <mbedtls/ecdsa.h>
#include <mbedtls/md.h>
#include <mbedtls/rsa.h>

#define RSA_BYTES_MIN 256
#define RSA_BYTES_MAX 1024

static mbedtls_md_type_t md_of(int bits)
{
    return bits == 256 ? MBEDTLS_MD_SHA256 : bits == 384 ? MBEDTLS_MD_SHA384 : MBEDTLS_MD_NONE;
}

static size_t hash(int bits, struct signature_part data, uint8_t out[64])
{
    const mbedtls_md_info_t *md = mbedtls_md_info_from_type(md_of(bits));
    return md && mbedtls_md(md, data.p, data.n, out) == 0 ? mbedtls_md_get_size(md) : 0;
}

bool signature_rsa(int bits, struct signature_part n, struct signature_part e, struct signature_part data, struct signature_part signature)
{
    mbedtls_rsa_context rsa;
    uint8_t digest[64];
    size_t len = hash(bits, data, digest);
    while (n.n && !*n.p) { /* leading zeros are nothing */
        n.p++;
        n.n--;
    }
    if (!len || n.n < RSA_BYTES_MIN || n.n > RSA_BYTES_MAX || signature.n != n.n || !e.n || e.n > 8)
        return false;
    mbedtls_rsa_init(&rsa, MBEDTLS_RSA_PKCS_V15, 0);
    int rc = mbedtls_rsa_import_raw(&rsa, n.p, n.n, NULL, 0, NULL, 0, NULL, 0, e.p, e.n);
    rc = rc ? rc : mbedtls_rsa_complete(&rsa);
    rc = rc ? rc : mbedtls_rsa_check_pubkey(&rsa);
    rc = rc ? rc : mbedtls_rsa_pkcs1_verify(&rsa, NULL, NULL, MBEDTLS_RSA_PUBLIC, md_of(bits), (unsigned)len, digest, signature.p);
    mbedtls_rsa_free(&rsa);
    return rc == 0;
}

bool signature_ecdsa(int bits, struct signature_part x, struct signature_part y, struct signature_part data, struct signature_part signature)
{
    mbedtls_ecp_group group;
    mbedtls_ecp_point point;
    mbedtls_mpi r, s;
    uint8_t digest[64];
    size_t len = hash(bits, data, digest), half = (size_t)bits / 8;
    if (!len || x.n > half || y.n > half || signature.n != 2 * half)
        return false;
    mbedtls_ecp_group_init(&group);
    mbedtls_ecp_point_init(&point);
    mbedtls_mpi_init(&r);
    mbedtls_mpi_init(&s);
    int rc = mbedtls_ecp_group_load(&group, bits == 256 ? MBEDTLS_ECP_DP_SECP256R1 : MBEDTLS_ECP_DP_SECP384R1);
    rc = rc ? rc : mbedtls_mpi_read_binary(&point.X, x.p, x.n);
    rc = rc ? rc : mbedtls_mpi_read_binary(&point.Y, y.p, y.n);
    rc = rc ? rc : mbedtls_mpi_lset(&point.Z, 1);
    rc = rc ? rc : mbedtls_ecp_check_pubkey(&group, &point);
    rc = rc ? rc : mbedtls_mpi_read_binary(&r, signature.p, half);
    rc = rc ? rc : mbedtls_mpi_read_binary(&s, signature.p + half, half);
    rc = rc ? rc : mbedtls_ecdsa_verify(&group, digest, len, &point, &r, &s);
    mbedtls_mpi_free(&s);
    mbedtls_mpi_free(&r);
    mbedtls_ecp_point_free(&point);
    mbedtls_ecp_group_free(&group);
    return rc == 0;
}
