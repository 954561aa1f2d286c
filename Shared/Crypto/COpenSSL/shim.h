#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/core_names.h>
#include <openssl/hmac.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/ecdsa.h>

/* EVP_CIPHER_CTX_ctrl takes its numbers as macros, which Swift does not import. */
static const int martlet_set_iv_length = EVP_CTRL_AEAD_SET_IVLEN;
static const int martlet_get_tag = EVP_CTRL_AEAD_GET_TAG;
static const int martlet_set_tag = EVP_CTRL_AEAD_SET_TAG;

/*
 * Public keys from their numbers. In C, because OSSL_PARAM keeps the addresses of names and values until the key is
 * made, and a Swift string has an address only during one call.
 */
static inline EVP_PKEY *martlet_key_from_parameters(const char *type, OSSL_PARAM *parameters) {
    EVP_PKEY *key = NULL;
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
    if (context && EVP_PKEY_fromdata_init(context) == 1) {
        if (EVP_PKEY_fromdata(context, &key, EVP_PKEY_PUBLIC_KEY, parameters) != 1) key = NULL;
    }
    EVP_PKEY_CTX_free(context);
    return key;
}

/* `point` is 0x04, x and y: 65 bytes. */
static inline EVP_PKEY *martlet_p256_key(const unsigned char *point) {
    OSSL_PARAM parameters[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, (char *)"prime256v1", 0),
        OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, (void *)point, 65),
        OSSL_PARAM_construct_end(),
    };
    return martlet_key_from_parameters("EC", parameters);
}

/* Modulus and exponent are big endian. */
static inline EVP_PKEY *martlet_rsa_key(
    const unsigned char *modulus, int modulus_length, const unsigned char *exponent, int exponent_length
) {
    EVP_PKEY *key = NULL;
    BIGNUM *n = BN_bin2bn(modulus, modulus_length, NULL);
    BIGNUM *e = BN_bin2bn(exponent, exponent_length, NULL);
    OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
    OSSL_PARAM *parameters = NULL;
    if (n && e && builder && OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_N, n) == 1 &&
        OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_E, e) == 1)
        parameters = OSSL_PARAM_BLD_to_param(builder);
    if (parameters) key = martlet_key_from_parameters("RSA", parameters);
    OSSL_PARAM_free(parameters);
    OSSL_PARAM_BLD_free(builder);
    BN_free(e);
    BN_free(n);
    return key;
}
