// Crypto: hashes, message authentication, authenticated encryption, random bytes and JSON Web Tokens.
//
// Every primitive is OpenSSL's libcrypto by its EVP interface; nothing is computed here. `SHA256` hashes at once or
// piece by piece, `HMAC` authenticates, `AESGCM` seals small values with a 256-bit key, `SecureRandom` gives
// bytes for keys, and `JWT` signs and verifies tokens against a `KeySet`.
//
// It promises: comparisons of secrets take the same time wherever they differ; a sealed value that was changed in
// any bit, or belongs to other associated data, does not open; a token is judged by the algorithm of the key and
// never by the one it claims for itself; errors say what is wrong and never quote keys, tokens or claims.
// It refuses: `alg: none`, keys too short for their algorithm, encryption without authentication, and choosing a
// nonce by hand.
